"""The rules of a SARIF report: what code scanning says of an alert before a person opens it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from guardrail.model import Confidence, Finding, Severity, Surface

LEVELS = {Severity.P0: "error", Severity.P1: "error", Severity.P2: "warning"}  # the gate stands below P1 unless told otherwise
SECURITY = {Severity.P0: "9.5", Severity.P1: "7.5", Severity.P2: "5.0"}  # GitHub: critical from 9.0, high from 7.0, medium from 4.0
PRECISION = {Confidence.HIGH: "high", Confidence.MEDIUM: "medium", Confidence.LOW: "low"}
_CWE = re.compile(r"CWE-(\d+)\Z")


def rules(findings: Iterable[Finding], surfaces: Mapping[str, Surface]) -> list[dict[str, Any]]:
    """A descriptor for each rule that was found, by id; of several tables with one id the worst speaks."""
    worst: dict[str, Finding] = {}
    for f in sorted(findings, key=lambda f: (f.rule, f.severity, f.name, f.why, f.remedy)):
        worst.setdefault(f.rule, f)
    return [_rule(f, surfaces.get(f.surface)) for f in worst.values()]


def _rule(f: Finding, surface: Surface | None) -> dict[str, Any]:
    words = f.name.replace("-", " ")
    properties: dict[str, Any] = {
        "precision": PRECISION[f.confidence],
        "problem.severity": LEVELS[f.severity],
        "tags": _tags(f, surface),
    }
    if any(map(_CWE.match, f.refs)):
        properties["security-severity"] = SECURITY[f.severity]
    return {
        "id": f.rule,
        "name": "".join(word.capitalize() for word in f.name.split("-")),
        "shortDescription": {"text": f"{words[:1].upper()}{words[1:]}"},
        "fullDescription": {"text": f.why or f"{words[:1].upper()}{words[1:]}."},
        "defaultConfiguration": {"level": LEVELS[f.severity]},
        "help": {"text": "\n\n".join(_help(f, surface, "{}")), "markdown": "\n\n".join(_help(f, surface, "**{}**"))},
        "properties": properties,
    }


def _tags(f: Finding, surface: Surface | None) -> list[str]:
    """`security` and the weaknesses as CodeQL writes them, the surface, its tier."""
    weaknesses = [f"external/cwe/cwe-{int(found[1]):03}" for ref in f.refs if (found := _CWE.match(ref))]
    return [*(["security"] if weaknesses else ["correctness"]), *weaknesses[:10], f.surface, *([surface.tier] if surface else [])]


def _help(f: Finding, surface: Surface | None, title: str) -> list[str]:
    """Why, the fix, what to ask on the surface, and where it is written down; paragraphs."""
    parts = [f.why] if f.why else []
    parts += [f"{title.format('Fix:')} {f.remedy}"] if f.remedy else []
    if surface and surface.review:
        questions = "\n".join(f"- {question}" for question in surface.review)
        parts.append(f"{title.format(f'Ask in review of {surface.title}:')}\n\n{questions}")
    parts += [f"{title.format('See:')} {', '.join(f.refs)}"] if f.refs else []
    parts.append(f"`guardrail explain {f.rule}` tells more.")
    return parts
