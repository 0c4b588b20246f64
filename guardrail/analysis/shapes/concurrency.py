"""Shapes of concurrency: waiting for a flag, asking twice around a lock, state that more than one writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.analysis.scopes import dotted

_PAUSES = ("sleep", "yield_", "wait")


def busy_wait(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Loops that do nothing but pause until somebody else sets something."""
    return (m for m in matches if isinstance(m.node, cst.While) and _flag(m.node.test) and all(map(_pauses, m.node.body.body)))


def _flag(test: cst.BaseExpression) -> bool:
    """`not done`, `not self.ready`: a name, and no call that could do the work."""
    return isinstance(test, cst.UnaryOperation) and isinstance(test.expression, (cst.Name, cst.Attribute, cst.Subscript))


def _pauses(statement: cst.CSTNode) -> bool:
    if not isinstance(statement, cst.SimpleStatementLine):
        return False
    for part in statement.body:
        value = part.value if isinstance(part, cst.Expr) else None
        inner = value.expression if isinstance(value, cst.Await) else value
        called = dotted(inner.func).rpartition(".")[2] if isinstance(inner, cst.Call) else ""
        if not isinstance(part, cst.Pass) and called not in _PAUSES:
            return False
    return True


def asked_twice(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`if x is None: with lock: if x is None: …`: what the first question saw may be half made."""
    for match in matches:
        outer = {facts.normal(node.test) for node in facts.ancestors(match.node) if isinstance(node, cst.If)}
        body = match.node.body if isinstance(match.node, cst.With) else None
        if body is not None and any(isinstance(s, cst.If) and facts.normal(s.test) in outer for s in body.body):
            yield match


def written_by_two(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The first `await` of a coroutine that writes an attribute of `self` which another coroutine of the class writes too."""
    first = next(iter(matches), None)
    own = facts.definition.symbol if facts.definition else ""
    if first is None or not facts.owner:
        return
    writers: dict[str, set[str]] = {}
    for bind in facts.file.index.bindings:
        if bind.name.startswith("self.") and bind.scope.startswith(facts.owner + "."):
            writers.setdefault(bind.name, set()).add(bind.scope)
    coroutines = {d.symbol for d in facts.file.index.definitions if d.kind == "function" and {"async", "await"} <= d.words}
    if any(own in scopes and len(scopes & coroutines) > 1 for scopes in writers.values()):
        yield first


def written_globals(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Declarations of a global that the function then writes."""
    for match in matches:
        names = {item.name.value for item in match.node.names} if isinstance(match.node, cst.Global) else set()
        targets = (n.target for n in facts.nodes if isinstance(n, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign)))
        if any(isinstance(target, cst.Name) and target.value in names for target in targets):
            yield match
