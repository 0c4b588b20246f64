"""The kinds of pattern: statements. A compound one in `unless` is looked for around the node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail.patterns.anchors import Anchors, keyword, needs, together
from guardrail.patterns.kinds import Anything, Env, Named, Node, Pattern, kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts

_SIGNS = {"BitXor": "^=", "BitOr": "|="}  # of the operators that few definitions have
Body = tuple[Pattern | None, ...]  # None: `...`


def statements_of(block: Node) -> list[Node]:
    """The statements of a block, those that share a line one by one, docstrings left out."""
    found: list[Node] = []
    for line in getattr(block, "body", ()):
        found.extend(line.body if kind_of(line) == "SimpleStatementLine" else [line])
    return [s for s in found if not (kind_of(s) == "Expr" and kind_of(s.value) in ("SimpleString", "ConcatenatedString"))]


def match_body(body: Body, block: Node, facts: Facts, env: Env) -> Iterator[Env]:
    """A block whose statements fit one by one; `...` stands for any number."""
    if all(p is None for p in body):
        yield env
        return
    yield from _in_turn(body, statements_of(block), facts, env)


def _in_turn(body: Body, statements: list[Node], facts: Facts, env: Env) -> Iterator[Env]:
    if not body:
        if not statements:
            yield env
        return
    if body[0] is None:
        for skip in range(len(statements) + 1):
            yield from _in_turn(body[1:], statements[skip:], facts, env)
    elif statements:
        for found in body[0].match(statements[0], facts, env):
            yield from _in_turn(body[1:], statements[1:], facts, found)


def _body_anchors(body: Body) -> list[Anchors]:
    return [p.anchors() for p in body if p is not None]


@dataclass(frozen=True, slots=True)
class Assigned(Pattern):
    """`$X = $V`, also annotated."""

    target: Pattern
    value: Pattern
    kinds = ("Assign", "AnnAssign")

    def anchors(self) -> Anchors:
        """What is on both sides."""
        return together([self.target.anchors(), self.value.anchors()])

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """Any of several targets."""
        if kind_of(node) == "Assign":
            targets = [t.target for t in node.targets]
        elif kind_of(node) == "AnnAssign" and node.value is not None:
            targets = [node.target]
        else:
            return
        for target in targets:
            for found in self.target.match(target, facts, env, loose):
                yield from self.value.fits(node.value, facts, found, loose)


@dataclass(frozen=True, slots=True)
class Grown(Pattern):
    """`$X += $V` and its kind."""

    operator: str  # as in BinaryOperation
    target: Pattern
    value: Pattern
    kinds = ("AugAssign",)

    def anchors(self) -> Anchors:
        """The operator, where it is a rare one, and both sides."""
        sign = [needs(_SIGNS[self.operator])] if self.operator in _SIGNS else []
        return together([*sign, self.target.anchors(), self.value.anchors()])

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """The same operator."""
        if kind_of(node) == "AugAssign" and kind_of(node.operator) == self.operator + "Assign":
            for found in self.target.match(node.target, facts, env, loose):
                yield from self.value.fits(node.value, facts, found, loose)


@dataclass(frozen=True, slots=True)
class Simple(Pattern):
    """`return x`, `raise x`, `assert x`, `del x`, `pass`, `continue`, `break`, and an expression as a statement."""

    kind: str
    field: str = ""
    value: Pattern | None = None

    @property
    def kinds(self) -> tuple[str, ...]:  # type: ignore[override]
        """The one node type."""
        return (self.kind,)

    def anchors(self) -> Anchors:
        """The keyword and the value."""
        word = [] if self.kind == "Expr" else [keyword(self.kind.lower())]
        return together([*word, *([self.value.anchors()] if self.value else [])])

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """The same statement."""
        if kind_of(node) != self.kind:
            return
        inner = getattr(node, self.field) if self.field else None
        if self.value is None:
            if inner is None:
                yield env
        elif inner is not None:
            yield from self.value.fits(inner, facts, env, loose)


@dataclass(frozen=True, slots=True)
class Within(Pattern):
    """`with CTX: BODY`, also `async with`."""

    items: tuple[Pattern, ...]
    body: Body
    asynchronous: bool
    kinds = ("With",)

    def anchors(self) -> Anchors:
        """The keyword and what is entered."""
        return together([keyword("with"), *(i.anchors() for i in self.items), *_body_anchors(self.body)])

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """Each of the pattern's items is one of the block's."""
        if kind_of(node) == "With" and (not self.asynchronous or node.asynchronous is not None):
            for found in self._items(0, node, facts, env, loose):
                yield from match_body(self.body, node.body, facts, found)

    def _items(self, at: int, node: Node, facts: Facts, env: Env, loose: bool) -> Iterator[Env]:
        if at == len(self.items):
            yield env
            return
        for item in node.items:
            for found in self.items[at].fits(item.item, facts, env, loose):
                yield from self._items(at + 1, node, facts, found, loose)


@dataclass(frozen=True, slots=True)
class Repeated(Pattern):
    """`for x in y: BODY`, `while c: BODY`, `if c: BODY`."""

    kind: str
    parts: tuple[tuple[str, Pattern], ...]
    body: Body

    @property
    def kinds(self) -> tuple[str, ...]:  # type: ignore[override]
        """The one node type."""
        return (self.kind,)

    def anchors(self) -> Anchors:
        """What is in the header and the body (an `elif` is an `if`)."""
        word = [] if self.kind == "If" else [keyword(self.kind.lower())]
        return together([*word, *(p.anchors() for _, p in self.parts), *_body_anchors(self.body)])

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """Header parts first, then the body."""
        if kind_of(node) == self.kind:
            for found in self._parts(0, node, facts, env, loose):
                yield from match_body(self.body, node.body, facts, found)

    def _parts(self, at: int, node: Node, facts: Facts, env: Env, loose: bool) -> Iterator[Env]:
        if at == len(self.parts):
            yield env
            return
        field, pattern = self.parts[at]
        for found in pattern.fits(getattr(node, field), facts, env, loose):
            yield from self._parts(at + 1, node, facts, found, loose)


@dataclass(frozen=True, slots=True)
class Handled(Pattern):
    """`try: ... except E: BODY`: one handler; without E the bare form."""

    error: Pattern | None
    body: Body
    kinds = ("ExceptHandler",)

    def anchors(self) -> Anchors:
        """The keyword, the error and the body."""
        return together([keyword("except"), *([self.error.anchors()] if self.error else []), *_body_anchors(self.body)])

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """A handler; a tuple of errors fits when one of them does."""
        if kind_of(node) != "ExceptHandler" or (self.error is None) != (node.type is None):
            return
        if self.error is None:
            yield from match_body(self.body, node.body, facts, env)
            return
        errors = [e.value for e in node.type.elements] if kind_of(node.type) == "Tuple" else [node.type]
        if isinstance(self.error, Anything):
            errors = [node.type]
        for error in errors:
            for found in self.error.fits(error, facts, env, loose):
                yield from match_body(self.body, node.body, facts, found)


@dataclass(frozen=True, slots=True)
class Finished(Pattern):
    """`try: ... finally: BODY`."""

    body: Body
    kinds = ("Finally",)

    def anchors(self) -> Anchors:
        """The keyword and the body."""
        return together([keyword("finally"), *_body_anchors(self.body)])

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """A `finally` whose block fits."""
        if kind_of(node) == "Finally":
            yield from match_body(self.body, node.body, facts, env)


@dataclass(frozen=True, slots=True)
class Defined(Pattern):
    """`@$D def $F(...): BODY`: a function with those decorators; `class C(B): ...`: a class with those bases."""

    kind: str  # FunctionDef or ClassDef
    name: Pattern
    decorators: tuple[Pattern, ...]
    bases: tuple[Pattern, ...]
    body: Body
    asynchronous: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:  # type: ignore[override]
        """The one node type."""
        return (self.kind,)

    def anchors(self) -> Anchors:
        """The keyword, the name, decorators and bases."""
        word = keyword("def" if self.kind == "FunctionDef" else "class")
        name = [needs(self.name.name)] if isinstance(self.name, Named) else []
        parts = (*self.decorators, *self.bases)
        return together([word, *name, *(p.anchors() for p in parts), *_body_anchors(self.body)])

    def defines(self) -> str:
        """The metavariable in the place of the name."""
        return self.name.name if isinstance(self.name, Anything) else ""

    def match(self, node: Node, facts: Facts, env: Env, loose: bool = False) -> Iterator[Env]:
        """Each decorator and base of the pattern is one of the node's, in the same order."""
        if kind_of(node) != self.kind or (self.asynchronous and node.asynchronous is None):
            return
        if isinstance(self.name, Named) and node.name.value != self.name.name:
            return
        start = next(iter(self.name.match(node.name, facts, env)), None) if isinstance(self.name, Anything) else env
        given = [d.decorator for d in node.decorators]
        bases = [a.value for a in getattr(node, "bases", ())]
        for found in _subsequence(self.decorators, given, facts, start or env, loose):
            for ended in _subsequence(self.bases, bases, facts, found, loose):
                yield from match_body(self.body, node.body, facts, ended)


def _subsequence(patterns: tuple[Pattern, ...], nodes: list[Node], facts: Facts, env: Env, loose: bool) -> Iterator[Env]:
    if not patterns:
        yield env
        return
    for i, node in enumerate(nodes):
        for found in patterns[0].fits(node, facts, env, loose):
            yield from _subsequence(patterns[1:], nodes[i + 1 :], facts, found, loose)
