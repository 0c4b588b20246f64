"""Findings and settings → decisions with their reasons: allows, waivers, baseline, gate, provenance, sign-off."""

from guardrail.policy.decisions import CLEAN, FINDINGS, UNSURE, decide, exit_code
from guardrail.policy.stage import Case, terms_of
from guardrail.policy.terms import Terms

__all__ = ["CLEAN", "FINDINGS", "UNSURE", "Case", "Terms", "decide", "exit_code", "terms_of"]
