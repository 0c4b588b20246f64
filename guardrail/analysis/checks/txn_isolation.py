"""Checks of the txn-isolation pack: lost updates, row locks, and errors that a transaction hides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.contexts import entered
from guardrail.analysis.walk import descendants

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_WRITES = frozenset(
    "save create bulk_create bulk_update update delete get_or_create"
    " update_or_create add add_all merge execute executemany flush insert".split()
)
_NOT_ROWS = re.compile(
    r"cache|metric|log|set\(\)|counter|seen|headers|session\[|context|payload|data$|params|hasher|digest", re.IGNORECASE
)
_LOADS = re.compile(
    r"\.objects\b.*\.(get|first|last|earliest|latest)\(|get_object_or_404\(|\.get_object\(|\.(scalar_one|scalar_one_or_none|one|one_or_none|first|scalar)\(|session\.get\("
)
_LOCKED = re.compile(r"select_for_update|with_for_update|FOR UPDATE")
_DB_ERRORS = re.compile(r"Integrity|Database|DataError|Operational|SQLAlchemy|DBAPI|Programming")


def _writes(facts: Facts, root: cst.CSTNode) -> list[cst.CSTNode]:
    """The calls in a block that change rows."""
    found = []
    for node in flow.own_nodes(root):
        of = flow.receiver(node)
        if flow.called(node) in _WRITES and of is not None and not _NOT_ROWS.search(facts.code(of)):
            found.append(node)
    return found


def _transaction(facts: Facts, node: cst.CSTNode) -> cst.CSTNode | None:
    """The body of the innermost transaction around a node: a `with` block or a decorated function."""
    child = node
    for outer in facts.ancestors(node):
        if isinstance(outer, cst.With) and child is outer.body:
            if any("transaction" in entered(facts, i.item) for i in outer.items):
                return outer.body
        if isinstance(outer, flow.FUNCTIONS):
            decorated = isinstance(outer, cst.FunctionDef) and "transaction" in facts.library.roles(facts, outer)
            return outer.body if decorated else None
        child = outer
    return None


def lost_update(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A row loaded, a column computed from its old value in Python, and saved, with no lock around it."""
    seen: set[int] = set()
    for match in matches:
        if not isinstance(match.node, cst.Call) or "lock" in facts.contexts(match.node):
            continue
        root = flow.around(facts, match.node)
        for change, target in _increments(facts, root, facts.order[id(match.node)]):
            row = target.value
            if id(change) in seen or not isinstance(row, cst.Name) or not _saved(facts, match.node, row) or not loaded(facts, row):
                continue
            seen.add(id(change))
            yield facts.match(change)


def _increments(facts: Facts, root: cst.CSTNode, before: int) -> Iterator[tuple[cst.CSTNode, cst.Attribute]]:
    """Assignments to a column that read the column, above the save."""
    for node in flow.own_nodes(root):
        if facts.order[id(node)] > before:
            return
        if isinstance(node, cst.AugAssign) and isinstance(node.target, cst.Attribute):
            if not re.search(r"\bF\(", facts.code(node.value)):
                yield node, node.target
        if isinstance(node, cst.Assign) and isinstance(node.targets[0].target, cst.Attribute):
            target = node.targets[0].target
            same = any(isinstance(n, cst.Attribute) and facts.normal(n) == facts.normal(target) for n in descendants(node.value))
            if same and not re.search(r"\b(F|func|case|Case)\b", facts.code(node.value)):
                yield node, target


def _saved(facts: Facts, call: cst.Call, row: cst.Name) -> bool:
    """Whether this very row is saved, or a session that it came from commits."""
    of = flow.receiver(call)
    if flow.called(call) in ("save", "asave"):
        return isinstance(of, cst.Name) and of.value == row.value
    return any("sqlalchemy" in t for t in facts.types(of)) if of is not None else False


def loaded(facts: Facts, row: cst.Name) -> bool:
    """Whether the name holds a row that was read without a lock."""
    for origin, bind in facts.origins(row):
        if bind.kind == "fill":
            continue
        value = bind.node if bind.kind == "value" else getattr(bind.node, "value", None)
        if bind.kind not in ("value", "annotated") or not isinstance(value, cst.CSTNode):
            return False
        text = origin.code(value)
        base = value
        while isinstance(base, (cst.Call, cst.Attribute, cst.Await)):
            base = base.func if isinstance(base, cst.Call) else base.expression if isinstance(base, cst.Await) else base.value
        if isinstance(base, cst.Name) and (target := origin.deref(base)) is not None:
            text = target[0].code(target[1]) + text
        if (
            not _LOADS.search(text)
            or _LOCKED.search(text)
            or any(_LOCKED.search(origin.code(a)) for a in _arguments(origin, value))
        ):
            return False
    return True


def _arguments(facts: Facts, value: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What the names in the loading expression stand for: a statement built before."""
    for node in descendants(value):
        if isinstance(node, cst.Name) and (target := facts.deref(node)) is not None and target[0] is facts:
            yield target[1]


def lock_without_transaction(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`select_for_update` in a function that also writes, with no transaction opened in it."""
    opens = any("transaction" in entered(facts, n.item) for n in facts.nodes if isinstance(n, cst.WithItem))
    if opens or any("atomic" in facts.code(n) for n in facts.nodes if isinstance(n, cst.Decorator)):
        return
    for match in matches:
        function = flow.function_def(facts, match.node)
        if function is None or function.name.value.startswith("_") or "lock" in function.name.value:
            continue
        writes = _writes(facts, function.body)
        if writes and "transaction" not in facts.contexts(match.node):
            yield match


def handled_inside(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A database error caught inside the transaction that it broke, and the transaction used on."""
    for match in matches:
        attempt, block = _attempt(facts, match.node)
        if attempt is None or block is None or not isinstance(match.node, cst.ExceptHandler):
            continue
        if _stops(match.node.body) or _nested(facts, attempt):
            continue
        later = [w for w in _queries(facts, block) if facts.order[id(w)] > _end(facts, attempt)]
        if later or _queries(facts, match.node.body):
            yield match


def _attempt(facts: Facts, handler: cst.CSTNode) -> tuple[cst.Try | None, cst.CSTNode | None]:
    attempt = facts.parent(handler)
    return (attempt, _transaction(facts, attempt)) if isinstance(attempt, cst.Try) else (None, None)


def _end(facts: Facts, node: cst.CSTNode) -> int:
    return max(facts.order[id(n)] for n in descendants(node))


def _queries(facts: Facts, root: cst.CSTNode) -> list[cst.CSTNode]:
    """The calls in a block that speak with the database."""
    reads = [
        n
        for n in flow.own_nodes(root)
        if isinstance(n, cst.Call)
        and (".objects." in facts.code(n.func) or flow.called(n) in ("refresh_from_db", "scalars", "scalar"))
    ]
    return [*_writes(facts, root), *reads]


def _stops(block: cst.BaseSuite) -> bool:
    """Whether the handler re-raises, rolls back, or leaves the function."""
    return any(
        isinstance(n, cst.Raise) or flow.called(n) in ("rollback", "set_rollback", "savepoint_rollback", "abort")
        for n in flow.own_nodes(block)
    )


def _nested(facts: Facts, attempt: cst.Try) -> bool:
    """Whether the risky part stands in a savepoint of its own."""
    return any(
        isinstance(n, cst.WithItem) and re.search(r"atomic|begin_nested|savepoint|transaction\(", facts.code(n.item))
        for n in flow.own_nodes(attempt.body)
    ) or any(flow.called(n) in ("savepoint", "begin_nested") for n in flow.own_nodes(attempt.body))


def swallowed_inside(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A broad handler inside a transaction that lets half of the writes commit."""
    for match in matches:
        attempt, block = _attempt(facts, match.node)
        if attempt is None or block is None or not isinstance(match.node, cst.ExceptHandler):
            continue
        caught = facts.code(match.node.type) if match.node.type is not None else ""
        if _DB_ERRORS.search(caught) or _stops(match.node.body) or _nested(facts, attempt):
            continue
        tried, inside = _writes(facts, attempt.body), _writes(facts, block)
        if tried and len(inside) > len(_writes(facts, match.node.body)) + 1:
            yield match
