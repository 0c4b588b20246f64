"""The verdict as a page to look at."""

from __future__ import annotations
from guardrail.model import Verdict


def render(verdict: Verdict) -> str:
    """."""
    return "\n"
