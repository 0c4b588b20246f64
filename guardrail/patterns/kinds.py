"""The kinds of pattern: expressions. `match` yields the metavariables of every way in which the pattern fits a node."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.patterns.anchors import ANYWHERE, Anchors, needs, together

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

    def head(self) -> str:
        """The qualified name, or the `.attr`, that a node (of a call: what is called) must go by; "" where any may fit."""
        return ""

    def anchors(self) -> Anchors:
        """The words without which it cannot match."""
        return ANYWHERE

    def defines(self) -> str:
        """The metavariable that is the name of the function or class that the pattern is about, "" where there is none."""
        return ""

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

    def head(self) -> str:
        """The name."""
        return self.name

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

    def head(self) -> str:
        """The attribute."""
        return f".{self.attr}"

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
