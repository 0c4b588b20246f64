"""The kinds of pattern: expressions. `match` yields the metavariables of every way in which the pattern fits a node."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.patterns.anchors import ANYWHERE, Anchors, choice, needs, together

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts

Node = Any  # a libcst node; its type goes by name, so that patterns are read without importing libcst
Env = Mapping[str, tuple["Facts", Node]]

_WORD = re.compile(r"[^\W\d]\w*")
_STRINGS = ("SimpleString", "ConcatenatedString", "FormattedString")


def kind_of(node: Node) -> str:
    """The name of a node's type."""
    return type(node).__name__


class Pattern:
    """Something that a node can be."""

    kinds: tuple[str, ...] = ()  # names of the node types that it can match; () any

    def anchors(self) -> Anchors:
        """The words without which it cannot match."""
        return ANYWHERE

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """Every way in which the node fits; `loose` counts unknown `**kwargs` as holding what is asked for."""
        raise NotImplementedError

    def fits(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """Like `match`, and through the assignment where the node is a name for something."""
        found = False
        for result in self.match(node, facts, env, loose):
            found = True
            yield result
        if not found and kind_of(node) in ("Name", "Attribute"):
            target = facts.deref(node)
            if target is not None and target[1] is not node:
                depth = facts.file.depth
                facts.file.depth += 1
                if depth < 24:
                    yield from self.fits(target[1], target[0], env, loose)
                facts.file.depth = depth


@dataclass(frozen=True, slots=True)
class Anything(Pattern):
    """`$NAME` or `$_`."""

    name: str = ""

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """Binds the name, or compares with what it is bound to."""
        if not self.name:
            yield env
        elif self.name not in env:
            yield {**env, self.name: (facts, node)}
        elif facts.normal(node) == env[self.name][0].normal(env[self.name][1]):
            yield env

    def fits(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """A metavariable takes the node as it stands."""
        return self.match(node, facts, env, loose)


@dataclass(frozen=True, slots=True)
class Named(Pattern):
    """A qualified name, or a builtin."""

    name: str
    kinds = ("Name", "Attribute")

    def anchors(self) -> Anchors:
        """The package and the last part."""
        parts = self.name.split(".")
        if len(parts) == 1 and parts[0] not in vars(builtins):
            return needs(parts[0])
        return needs(parts[-1]) if len(parts) == 1 else needs(parts[0], parts[-1])

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """One of the node's qualified names is this one."""
        if kind_of(node) in self.kinds and self.name in facts.names(node):
            yield env

    def fits(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """Names are followed by the analysis already."""
        return self.match(node, facts, env, loose)


@dataclass(frozen=True, slots=True)
class Member(Pattern):
    """`PATTERN.attr`, for patterns that are no plain name: `$X.digest`, `hashlib.md5(...).hexdigest`."""

    value: Pattern
    attr: str
    kinds = ("Attribute",)

    def anchors(self) -> Anchors:
        """The attribute and what it is of."""
        return together([needs(self.attr), self.value.anchors()])

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """Same attribute, fitting value."""
        if kind_of(node) == "Attribute" and node.attr.value == self.attr:
            yield from self.value.fits(node.value, facts, env, loose)


@dataclass(frozen=True, slots=True)
class Constant(Pattern):
    """A literal value, also through assignments; `"..."` is any string."""

    value: object

    def anchors(self) -> Anchors:
        """The words of a string."""
        return needs(*_WORD.findall(self.value)) if isinstance(self.value, str) and self.value != "..." else ANYWHERE

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """One of the values that the node may have is this one."""
        if self.value == "...":
            if kind_of(node) in _STRINGS or any(isinstance(v, (str, bytes)) for v in facts.constants(node)):
                yield env
        elif any(type(v) is type(self.value) and v == self.value for v in facts.constants(node)):
            yield env

    def fits(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """Constants are followed by the analysis already."""
        return self.match(node, facts, env, loose)


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
        if not self.open and (named.keys() - {"**"} - known or ((unknown_keywords or unknown_positional) and not loose)):
            return
        for found in self._keywords(0, named, unknown_keywords and loose, env, loose):
            if loose and unknown_positional:
                yield found
            else:
                yield from _in_order(self.args, [(facts, p) for p in positional], found, loose)

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


def _in_order(
    patterns: tuple[Pattern | None, ...], items: list[tuple[Facts, Node]], env: Env, loose: bool
) -> Iterator[Env]:
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
            yield from _in_order(rest, items[skip:], env, loose)
    elif items:
        facts, node = items[0]
        for found in head.fits(node, facts, env, loose):
            yield from _in_order(rest, items[1:], found, loose)


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
            yield from _in_order(self.items, [(facts, e.value) for e in node.elements], env, loose)


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

    def anchors(self) -> Anchors:
        """What is in the operands."""
        word = [needs(self.operator.lower())] if self.operator in ("And", "Or", "Not") else []
        return together([*word, *(o.anchors() for o in self.operands)])

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """The same operator."""
        if kind_of(node) != self.kind or kind_of(node.operator) != self.operator:
            return
        parts = [node.expression] if self.kind == "UnaryOperation" else [node.left, node.right]
        yield from _in_order(self.operands, [(facts, p) for p in parts], env, loose)


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
            yield from _in_order(tuple(p for _, p in self.parts), items, env, loose)


__all__ = ["ANYWHERE", "Anything", "Awaited", "CallOf", "Chosen", "Compared", "Comprehended", "Constant", "Display", "Env", "Item", "Mapped", "Member"]
__all__ += ["Named", "Node", "Operation", "Pattern", "choice", "dict_pairs", "kind_of"]
