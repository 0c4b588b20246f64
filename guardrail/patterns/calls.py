"""The kinds of pattern: calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.patterns.anchors import Anchors, needs, together
from guardrail.patterns.displays import dict_pairs, in_order
from guardrail.patterns.kinds import Env, Node, Pattern, kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts


@dataclass(frozen=True, slots=True)
class CallOf(Pattern):
    """`f(a, ..., k=v)`: positional arguments in order, keywords in any."""

    func: Pattern
    args: tuple[Pattern | None, ...]  # None: `...`
    keywords: tuple[tuple[str, Pattern], ...]
    open: bool  # `...` among the arguments: further ones are fine
    kinds = ("Call",)

    def anchors(self) -> Anchors:
        """What is called, the keywords that are named, and what is in the arguments."""
        parts = [self.func.anchors(), *(a.anchors() for a in self.args if a is not None)]
        for key, value in self.keywords:
            parts += [value.anchors()] if key == "**" else [needs(key), value.anchors()]
        return together(parts)

    def head(self) -> str:
        """That of what is called; what a call gives goes by no name."""
        return "" if "Call" in self.func.kinds else self.func.head()

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """Callee first, then keywords, then positional arguments."""
        if kind_of(node) != "Call":
            return
        for found in self.func.match(node.func, facts, env, loose):
            yield from self._arguments(node, facts, found, loose)

    def _arguments(self, node: Node, facts: Facts, env: Env, loose: bool) -> Iterator[Env]:
        positional = [a.value for a in node.args if a.keyword is None and not a.star]
        named = {a.keyword.value: (facts, a.value) for a in node.args if a.keyword is not None}
        unknown_positional = any(a.star == "*" for a in node.args)
        unknown_keywords = False
        for arg in node.args:
            if arg.star == "**":
                named.setdefault("**", (facts, arg.value))
                spread = _entries(arg.value, facts)
                unknown_keywords |= spread is None
                named = {**(spread or {}), **named}
        known = {key for key, _ in self.keywords}
        if not self.open and (
            named.keys() - {"**"} - known or (((unknown_keywords and "**" not in known) or unknown_positional) and not loose)
        ):
            return
        for found in self._keywords(0, named, unknown_keywords and loose, env, loose):
            if loose and unknown_positional:
                yield found
            else:
                yield from in_order(self.args, [(facts, p) for p in positional], found, loose)

    def _keywords(self, at: int, named: dict[str, Any], unknown: bool, env: Env, loose: bool) -> Iterator[Env]:
        if at == len(self.keywords):
            yield env
            return
        key, pattern = self.keywords[at]
        if key in named:
            owner, value = named[key]
            for found in pattern.fits(value, owner, env, loose):
                yield from self._keywords(at + 1, named, unknown, found, loose)
        elif unknown:
            yield from self._keywords(at + 1, named, unknown, env, loose)


def _entries(node: Node, facts: Facts) -> dict[str, Any] | None:
    """The literal keys of what stands behind `**`, None where they are not known."""
    if kind_of(node) in ("Name", "Attribute"):
        target = facts.deref(node)
        return _entries(target[1], target[0]) if target is not None and target[1] is not node else None
    pairs = dict_pairs(node, facts)
    if pairs is None:
        return None
    found = {}
    for key, value in pairs:
        if not isinstance(key, str):
            return None
        found[key] = (facts, value)
    return found
