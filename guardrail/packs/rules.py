"""What packs say, compiled: rules, surfaces and their signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from guardrail.model import Confidence, Severity, Surface
from guardrail.patterns import Anchors, Pattern, Predicate
from guardrail.patterns.anchors import ANYWHERE, choice, needs, together
from guardrail.patterns.spelling import variables
from guardrail.patterns.where import regex_anchors

# Words that open a context inside a definition; the others may come from its decorators or its class.
_OPENERS = {"async": needs("async"), "except": needs("except"), "loop": choice([needs("for"), needs("while")])}
TELLING_LITTLE = frozenset("return def class raise assert pass if for in not with except == != True False None".split())


@dataclass(frozen=True)
class Rule:
    """One detector; several may share an id."""

    id: str
    name: str
    severity: Severity
    confidence: Confidence
    surface: str
    message: str
    any: tuple[str, ...]
    patterns: tuple[Pattern, ...]
    why: str = ""
    remedy: str = ""
    refs: tuple[str, ...] = ()
    unless: tuple[Pattern, ...] = ()
    where: Mapping[str, Predicate] = field(default_factory=dict)
    context: tuple[str, ...] = ()
    check: str = ""
    in_tests: bool = False
    pack: str = ""

    @cached_property
    def anchors(self) -> Anchors:
        """The words without which none of its patterns can match."""
        return choice(self._anchors(text, pattern) for text, pattern in zip(self.any, self.patterns, strict=True))

    def _anchors(self, text: str, pattern: Pattern) -> Anchors:
        held = [p for name, p in self.where.items() if name in variables(text)]
        parts = [pattern.anchors(), *(p.anchors() for p in held)]
        parts.append(choice(_OPENERS.get(c, ANYWHERE) for c in self.context) if self.context else ANYWHERE)
        found = together(parts)
        if all(needed <= TELLING_LITTLE for needed in found):
            return together([found, *map(regex_anchors, held)])
        return found


@dataclass(frozen=True)
class Signals:
    """What puts a definition on a surface; see docs/packs.md."""

    calls: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    decorators: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    by_hand: tuple[Pattern, ...] = ()
    decisive: tuple[str, ...] = ()  # paths whose code is on this surface and on no other
    anti: Signals | None = None


@dataclass(frozen=True)
class Rules:
    """All that the packs say."""

    rules: tuple[Rule, ...]
    surfaces: Mapping[str, Surface]
    signals: Mapping[str, Signals]
