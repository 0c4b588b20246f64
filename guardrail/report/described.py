"""Rules and surfaces in words, for `explain` and `rules`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Protocol

from guardrail.model import GuardrailError, Surface, Tier
from guardrail.report.escape import one_line


class Rule(Protocol):
    """What is told of a rule."""

    @property
    def id(self) -> str:
        """As allows and reports name it: `TIM001`."""

    @property
    def name(self) -> str:
        """The same in words: `mac-compared-with-equals`."""

    @property
    def severity(self) -> str:
        """P0, P1 or P2."""

    @property
    def confidence(self) -> str:
        """High, medium or low."""

    @property
    def surface(self) -> str:
        """The surface of its pack."""

    @property
    def message(self) -> str:
        """What is wrong."""

    @property
    def why(self) -> str:
        """What comes of it."""

    @property
    def remedy(self) -> str:
        """What to write instead."""

    @property
    def refs(self) -> Sequence[str]:
        """Where it is written down."""

    @property
    def any(self) -> Sequence[str]:
        """The code that it looks for, as patterns."""


class Example(Protocol):
    """Code that is flagged, and code like it that is not."""

    @property
    def flagged(self) -> str:
        """With the rule's id behind each line."""

    @property
    def fine(self) -> str:
        """Nothing where there is none."""

    @property
    def before(self) -> str:
        """Of a loss: what the flagged code replaced."""


def explained(
    name: str, rules: Sequence[Rule], surfaces: Mapping[str, Surface], examples: Mapping[str, Example] | None = None
) -> str:
    """All about the rule or the surface of that name; one public id may stand for several rules."""
    wanted = name.lower()
    meant = [r for r in rules if wanted in (r.id.lower(), r.name.lower())]
    words = [_rule(r, surfaces.get(r.surface)) for r in meant]
    words += [_example(example) for id in sorted({r.id for r in meant}) if (example := (examples or {}).get(id))]
    words += [_surface(s, rules) for s in surfaces.values() if wanted == s.id.lower()]
    if words:
        return "\n".join(words)
    known = {word.lower(): word for word in [*(w for r in rules for w in (r.id, r.name)), *surfaces]}
    guess = [f" (did you mean {known[word]!r}?)" for word in get_close_matches(wanted, known, n=1)]
    raise GuardrailError(f"no rule or surface {name!r}{''.join(guess)}")


def table(rules: Iterable[Rule]) -> str:
    """One line for each id and weight, of which a rule may have several: id, severity, confidence, surface, name."""
    rows = sorted({(r.id, str(r.severity), str(r.confidence), r.surface, r.name) for r in rules})
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows)


def as_json(rules: Iterable[Rule], surfaces: Mapping[str, Surface]) -> str:
    """The rules for a program, sorted."""
    listed = [
        {
            "rule": rule.id,
            "name": rule.name,
            "severity": rule.severity,
            "confidence": rule.confidence,
            "surface": rule.surface,
            "tier": surfaces[rule.surface].tier if rule.surface in surfaces else None,
            "message": rule.message,
            "why": rule.why,
            "remedy": rule.remedy,
            "refs": list(rule.refs),
        }
        for rule in sorted(rules, key=lambda r: (r.id, r.name))
    ]
    return json.dumps(listed, indent=2) + "\n"


def map_in_words(codes: Mapping[str, Sequence[str]], rules: Iterable[Rule]) -> str:
    """A line for each code of a peer: the rules that cover it, by id and name."""
    names = {rule.id: rule.name for rule in rules}
    width = max(map(len, codes), default=0)
    return "".join(f"{code:<{width}}  {', '.join(f'{id} {names[id]}' for id in ids)}\n" for code, ids in codes.items())


def map_as_json(peer: str, codes: Mapping[str, Sequence[str]]) -> str:
    """The same for a program."""
    return json.dumps({"peer": peer, "codes": {code: list(ids) for code, ids in codes.items()}}, indent=2) + "\n"


def surfaces_in_words(surfaces: Mapping[str, Surface]) -> str:
    """Every surface with its tier, why and questions, the strictest tier first."""
    blocks = []
    for surface in _strictest_first(surfaces):
        lines = [f"{surface.id} — {surface.title} ({surface.tier})", f"  {one_line(surface.why)}"]
        blocks.append("\n".join([*lines, *(f"  - {one_line(q)}" for q in surface.review)]) + "\n")
    return "\n".join(blocks)


def surfaces_as_json(surfaces: Mapping[str, Surface]) -> str:
    """The surfaces for a program, in the same order."""
    listed = [
        {"surface": s.id, "title": s.title, "tier": s.tier, "why": s.why, "review": list(s.review)}
        for s in _strictest_first(surfaces)
    ]
    return json.dumps(listed, indent=2) + "\n"


def _strictest_first(surfaces: Mapping[str, Surface]) -> list[Surface]:
    order = [*reversed(Tier)]
    return sorted(surfaces.values(), key=lambda s: (order.index(s.tier), s.id))


def _rule(rule: Rule, surface: Surface | None) -> str:
    lines = [f"{rule.id} {rule.name}", ""]
    lines += [f"severity: {rule.severity}", f"confidence: {rule.confidence}"]
    lines += [f"surface: {rule.surface}" + (f" ({surface.tier})" if surface else "")]
    lines += [f"refs: {', '.join(rule.refs)}"] if rule.refs else []
    for text in (rule.message, rule.why, rule.remedy and f"Fix: {rule.remedy}"):
        lines += ["", *_paragraph(text)] if text else []
    lines += ["", "Looks at any of:", *(f"  {one_line(pattern)}" for pattern in rule.any)] if rule.any else []
    return "\n".join(lines) + "\n"


def _example(example: Example) -> str:
    blocks = [("Before:", example.before), ("Flagged:", example.flagged), ("Not flagged:", example.fine)]
    return "\n".join("\n".join([title, *(f"  {line}" for line in text.splitlines())]) + "\n" for title, text in blocks if text)


def _surface(surface: Surface, rules: Iterable[Rule]) -> str:
    lines = [f"{surface.id} — {surface.title}", "", f"tier: {surface.tier}"]
    lines += [f"usually reviewed by: {one_line(surface.owners_hint)}"] if surface.owners_hint else []
    lines += ["", *_paragraph(surface.why)] if surface.why else []
    lines += ["", "Ask in review:", *(f"  - {one_line(q)}" for q in surface.review)] if surface.review else []
    own = table(rule for rule in rules if rule.surface == surface.id).splitlines()
    return "\n".join([*lines, *(["", "Rules:", *(f"  {line}" for line in own)] if own else [])]) + "\n"


def _paragraph(text: str) -> list[str]:
    return [one_line(line) for line in text.strip().split("\n")]
