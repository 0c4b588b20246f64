"""The kinds of pattern: comparisons, operators, await and conditional expressions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail.patterns.anchors import Anchors, needs, together
from guardrail.patterns.displays import in_order
from guardrail.patterns.kinds import Env, Node, Pattern, kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts


_COMPARISONS = {
    "Eq": "Equal",
    "NotEq": "NotEqual",
    "Lt": "LessThan",
    "LtE": "LessThanEqual",
    "Gt": "GreaterThan",
    "GtE": "GreaterThanEqual",
    "In": "In",
    "NotIn": "NotIn",
    "Is": "Is",
    "IsNot": "IsNot",
}
_SIGNS = {"Eq": "==", "NotEq": "!=", "In": "in", "NotIn": "in", "Is": "is", "IsNot": "is"}

_WORDS = {"And": "and", "Or": "or", "Not": "not", "BitXor": "^"}


@dataclass(frozen=True, slots=True)
class Compared(Pattern):
    """`a == b` (either way round), `a != b`, `a in b`, …"""

    left: Pattern
    sign: str  # name of the ast operator
    right: Pattern
    kinds = ("Comparison",)

    def anchors(self) -> Anchors:
        """The sign and what is compared."""
        sign = [needs(_SIGNS[self.sign])] if self.sign in _SIGNS else []
        return together([*sign, self.left.anchors(), self.right.anchors()])

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """A comparison with one operator."""
        if kind_of(node) != "Comparison" or len(node.comparisons) != 1:
            return
        target = node.comparisons[0]
        if kind_of(target.operator) != _COMPARISONS[self.sign]:
            return
        sides = [(node.left, target.comparator)]
        if self.sign in ("Eq", "NotEq"):
            sides.append((target.comparator, node.left))
        for left, right in sides:
            for found in self.left.fits(left, facts, env, loose):
                yield from self.right.fits(right, facts, found, loose)


@dataclass(frozen=True, slots=True)
class Operation(Pattern):
    """`a + b`, `a or b`, `not a`, `-a`."""

    kind: str  # BinaryOperation, BooleanOperation, UnaryOperation
    operator: str
    operands: tuple[Pattern, ...]

    @property
    def kinds(self) -> tuple[str, ...]:  # type: ignore[override]
        """The one node type."""
        return (self.kind,)

    def anchors(self) -> Anchors:
        """What is in the operands."""
        word = [needs(_WORDS[self.operator])] if self.operator in _WORDS else []
        return together([*word, *(o.anchors() for o in self.operands)])

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """The same operator."""
        if kind_of(node) != self.kind or kind_of(node.operator) != self.operator:
            return
        parts = [node.expression] if self.kind == "UnaryOperation" else [node.left, node.right]
        yield from in_order(self.operands, [(facts, p) for p in parts], env, loose)


@dataclass(frozen=True, slots=True)
class Awaited(Pattern):
    """`await x`."""

    value: Pattern
    kinds = ("Await",)

    def anchors(self) -> Anchors:
        """The keyword and what is awaited."""
        return together([needs("await"), self.value.anchors()])

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """An await expression."""
        if kind_of(node) == "Await":
            yield from self.value.fits(node.expression, facts, env, loose)


@dataclass(frozen=True, slots=True)
class Chosen(Pattern):
    """`a if c else b`."""

    parts: tuple[tuple[str, Pattern], ...]
    kinds = ("IfExp",)

    def anchors(self) -> Anchors:
        """The keywords and the parts."""
        return together([needs("if", "else"), *(p.anchors() for _, p in self.parts)])

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """Test, body and else."""
        if kind_of(node) == "IfExp":
            items = [(facts, getattr(node, name)) for name, _ in self.parts]
            yield from in_order(tuple(p for _, p in self.parts), items, env, loose)
