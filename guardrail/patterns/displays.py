"""The kinds of pattern: lists, tuples, sets, dicts, subscripts and comprehensions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.patterns.anchors import Anchors, needs, together
from guardrail.patterns.kinds import Constant, Env, Node, Pattern, kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts


def dict_pairs(node: Node, facts: Facts) -> list[tuple[object, Node]] | None:
    """Key constants and value nodes of a dict display or `dict(…)`; None for anything else or anything spread."""
    if kind_of(node) == "Dict":
        if any(kind_of(e) != "DictElement" for e in node.elements):
            return None
        return [(facts.constant(e.key), e.value) for e in node.elements]
    if kind_of(node) == "Call" and "dict" in facts.names(node.func):
        if any(a.keyword is None for a in node.args):
            return None
        return [(a.keyword.value, a.value) for a in node.args]
    return None


def in_order(patterns: tuple[Pattern | None, ...], items: list[tuple[Facts, Node]], env: Env, loose: bool) -> Iterator[Env]:
    """Patterns against items one by one; None stands for any number of items."""
    if not patterns:
        if not items:
            yield env
        return
    head, rest = patterns[0], patterns[1:]
    if head is None:
        if all(p is None for p in rest):
            yield env
            return
        for skip in range(len(items) + 1):
            yield from in_order(rest, items[skip:], env, loose)
    elif items:
        facts, node = items[0]
        for found in head.fits(node, facts, env, loose):
            yield from in_order(rest, items[1:], found, loose)


@dataclass(frozen=True, slots=True)
class Display(Pattern):
    """`[a, ..., b]`, `(a, b)`, `{a}`: elements in order, `...` any number of them."""

    items: tuple[Pattern | None, ...]
    kinds = ("List", "Tuple", "Set")

    def anchors(self) -> Anchors:
        """What is in the elements."""
        return together(i.anchors() for i in self.items if i is not None)

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """A display, or `list(…)` of one."""
        if kind_of(node) == "Call" and facts.names(node.func) & {"list", "tuple", "set", "frozenset"} and len(node.args) == 1:
            node = node.args[0].value
        if kind_of(node) in self.kinds and not any(kind_of(e) == "StarredElement" for e in node.elements):
            yield from in_order(self.items, [(facts, e.value) for e in node.elements], env, loose)


@dataclass(frozen=True, slots=True)
class Mapped(Pattern):
    """`{..., "key": value, ...}`: entries in any order, also of `dict(key=value)`."""

    entries: tuple[tuple[Pattern, Pattern], ...]
    open: bool
    kinds = ("Dict", "Call")

    def anchors(self) -> Anchors:
        """What is in the keys and the values."""
        return together(p.anchors() for entry in self.entries for p in entry)

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """A dict display or call in which every entry is found."""
        pairs = dict_pairs(node, facts)
        if pairs is None and kind_of(node) == "Dict":
            pairs = [(facts.constant(e.key), e.value) for e in node.elements if kind_of(e) == "DictElement"]
        if pairs is None or (not self.open and len(pairs) != len(self.entries)):
            return
        yield from self._entries(0, pairs, facts, env, loose)

    def _entries(self, at: int, pairs: list[Any], facts: Facts, env: Env, loose: bool) -> Iterator[Env]:
        if at == len(self.entries):
            yield env
            return
        key, value = self.entries[at]
        for known, node in pairs:
            if not isinstance(key, Constant) or (type(known) is type(key.value) and known == key.value):
                for found in value.fits(node, facts, env, loose):
                    yield from self._entries(at + 1, pairs, facts, found, loose)


@dataclass(frozen=True, slots=True)
class Item(Pattern):
    """`a[b]`."""

    value: Pattern
    key: Pattern
    kinds = ("Subscript",)

    def anchors(self) -> Anchors:
        """What is in both."""
        return together([self.value.anchors(), self.key.anchors()])

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """One index, no slice."""
        if kind_of(node) == "Subscript" and len(node.slice) == 1 and kind_of(node.slice[0].slice) == "Index":
            for found in self.value.fits(node.value, facts, env, loose):
                yield from self.key.fits(node.slice[0].slice.value, facts, found, loose)


@dataclass(frozen=True, slots=True)
class Comprehended(Pattern):
    """`e for t in i`, in brackets of any sort; further `if`s are fine."""

    element: Pattern
    target: Pattern
    iterable: Pattern
    kinds = ("ListComp", "SetComp", "GeneratorExp")

    def anchors(self) -> Anchors:
        """The keyword and the parts."""
        return together([needs("for"), self.element.anchors(), self.iterable.anchors()])

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """Target first, so that the element can name it."""
        if kind_of(node) in self.kinds and node.for_in.inner_for_in is None:
            for bound in self.target.match(node.for_in.target, facts, env, loose):
                for found in self.iterable.fits(node.for_in.iter, facts, bound, loose):
                    yield from self.element.match(node.elt, facts, found, loose)
