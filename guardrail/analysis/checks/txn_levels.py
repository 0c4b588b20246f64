"""Isolation that is set too low, too late or for nothing; and writes that belong together and do not stand together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow, order
from guardrail.analysis.checks.tracing import symbol
from guardrail.analysis.checks.txn_races import CREATES

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_READING = re.compile(r"(?i)report|analytic|dashboard|statistic|metric|monitor|export")
_MAINTENANCE = re.compile(
    r"(?i)CONCURRENTLY|VACUUM|(CREATE|DROP) DATABASE|LISTEN|REINDEX|ALTER SYSTEM|alembic|migrat|create_database|drop_database"
)
_RETRIES = re.compile(
    r"(?i)serializ\w*(failure|error)|40001|40P01|OperationalError|DBAPIError|retry|retries|tenacity|backoff|stamina|StaleData|TransactionRetry|attempt"
)


def dirty_reads(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """READ UNCOMMITTED anywhere but in what only reports."""
    if not _READING.search(facts.path) and not _READING.search(symbol(facts)):
        yield from matches


def autocommit_engine(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """An engine in AUTOCOMMIT that sessions are made of: their rollback does nothing."""
    text = facts.file.source.text
    if _MAINTENANCE.search(text):
        return
    for match in matches:
        name = flow.assigned_name(facts, match.node) or _attribute(facts, match.node)
        if name and re.search(
            rf"(sessionmaker|Session|scoped_session|async_sessionmaker|AsyncSession)\((bind=)?(self\.)?{re.escape(name)}\b", text
        ):
            yield match


def _attribute(facts: Facts, node: cst.CSTNode) -> str:
    parent = facts.parent(node)
    target = parent.targets[0].target if isinstance(parent, cst.Assign) else None
    return target.attr.value if isinstance(target, cst.Attribute) else ""


def level_too_late(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A level set inside a transaction that has begun: by `engine.begin()`, or by a statement before."""
    for match in matches:
        of = flow.receiver(match.node)
        if of is None:
            continue
        begun = _inside_begin(facts, match.node)
        if (begun and flow.called(match.node) == "execution_options") or _ran_before(facts, match.node, facts.normal(of)):
            yield match


def _inside_begin(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the node stands in the body of `with engine.begin()` or `with connection.begin()`."""
    child = node
    for outer in facts.ancestors(node):
        if isinstance(outer, cst.With) and child is outer.body:
            if any(re.search(r"\.begin\(\)$", facts.code(i.item)) for i in outer.items):
                return True
        child = outer
    return False


def _ran_before(facts: Facts, node: cst.CSTNode, store: str) -> bool:
    """Whether the same connection ran a statement above, in the same block, with no commit between."""
    block = next((a for a in facts.ancestors(node) if isinstance(a, cst.IndentedBlock)), None)
    ran = False
    for other in order.calls_in(block) if block is not None else ():
        of = flow.receiver(other)
        if other is node:
            return ran
        if of is not None and facts.normal(of) == store:
            if flow.called(other) in ("commit", "rollback", "close"):
                ran = False
            elif flow.called(other) in ("execute", "scalars", "scalar", "fetch", "fetchrow", "fetchval") and not re.search(
                r"(?i)\b(SET|BEGIN|START)\b", facts.code(other)[:80]
            ):
                ran = True
    return False


def rollback_for_nothing(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A connection in autocommit that is rolled back: what went before is committed already."""
    if order.says(facts, re.compile(r"(?i)[\"']\s*(BEGIN|START TRANSACTION)|\.transaction\(")):
        return
    for match in matches:
        name = flow.assigned_name(facts, match.node) or _entered_as(facts, match.node)
        for use in flow.uses(facts, name, facts.tree) if name else ():
            parent = facts.parent(use)
            if isinstance(parent, cst.Attribute) and parent.attr.value == "rollback":
                yield match
                break


def _entered_as(facts: Facts, node: cst.CSTNode) -> str:
    item = facts.parent(node)
    name = item.asname.name if isinstance(item, cst.WithItem) and item.asname is not None else None
    return name.value if isinstance(name, cst.Name) else ""


def never_retried(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A strict level for a piece of work that writes, in a file where nobody expects its errors."""
    text = facts.file.source.text
    if _RETRIES.search(text) or re.search(r"(?i)sqlite|read_?only", order.text_of(facts)):
        return
    for match in matches:
        if facts.function(match.node) is not None and _writes_after(facts, match.node):
            yield match


def _writes_after(facts: Facts, node: cst.CSTNode) -> bool:
    for other in facts.nodes:
        if isinstance(other, cst.Call) and flow.called(other) in (
            "execute",
            "add",
            "commit",
            "save",
            "update",
            "create",
            "delete",
            "executemany",
        ):
            if facts.order[id(other)] > facts.order[id(node)] and not any(a is other for a in facts.ancestors(node)):
                text = facts.code(other)[:200]
                if flow.called(other) != "execute" or re.search(r"(?i)\b(INSERT|UPDATE|DELETE|insert\(|update\(|delete\()", text):
                    return True
    return False


# ---- writes that belong together ----

_SIDE = re.compile(
    r"(?i)log|audit|history|event|notification|message|activity|token|session|metric|cache|task|job|visit|stat|comment|attempt|outbox|email|read\b"
)
_TASKS = re.compile(r"(^|\.)(task|shared_task|actor|job|db_task)$")


def halves_in_handler(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Two linked writes in a view or a task."""
    yield from (m for m in _halves(facts, matches) if order.is_handler(facts, m.node) or _is_task(facts, m.node))


def halves_elsewhere(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Two linked writes in any other function; its callers may hold the transaction."""
    yield from (m for m in _halves(facts, matches) if not order.is_handler(facts, m.node) and not _is_task(facts, m.node))


def _is_task(facts: Facts, node: cst.CSTNode) -> bool:
    function = flow.function_def(facts, node)
    decorators = function.decorators if function is not None else ()
    bare = [d.decorator.func if isinstance(d.decorator, cst.Call) else d.decorator for d in decorators]
    return any(_TASKS.search(facts.code(b)) for b in bare)


def _halves(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The second of two writes: a row created with another one that was created before, or what one loses and the other gets."""
    if _has_transaction(facts):
        return
    for match in matches:
        node = match.node
        if not isinstance(node, cst.Call) or "transaction" in facts.contexts(node) or _SIDE.search(_model(facts, node)):
            continue
        linked = _links(facts, node) if flow.called(node) in CREATES else _counterpart(facts, node)
        if linked:
            yield match


def _has_transaction(facts: Facts) -> bool:
    """Whether the definition, its class, or a function of the file that names it opens a transaction."""
    if (
        order.says(facts, re.compile(r"atomic|\.begin\(|in_transaction|transaction\(|commit_on_success"))
        or facts.definition is None
    ):
        return True
    owner = facts.file.definition(facts.owner) if facts.owner else None
    if owner is not None and any("atomic" in line for line in facts.file.lines[owner.first - 1 : owner.header]):
        return True
    name = facts.definition.symbol.rpartition(".")[2]
    return any("atomic" in d.words and name in d.words for d in facts.file.index.definitions)


def _model(facts: Facts, node: cst.Call) -> str:
    found = re.match(r"([\w.]+)\.objects\b", facts.code(node)[:200])
    return found[1].rpartition(".")[2] if found else ""


def _links(facts: Facts, node: cst.Call) -> bool:
    """Whether an argument is a row that this function created above: `create(order=order)`, `create(order_id=order.id)`."""
    for arg in node.args:
        value = arg.value.value if isinstance(arg.value, cst.Attribute) and arg.value.attr.value in ("id", "pk") else arg.value
        target = facts.deref(value) if isinstance(value, cst.Name) else None
        if target is None or target[0] is not facts:
            continue
        made = target[1].expression if isinstance(target[1], cst.Await) else target[1]
        if (
            isinstance(made, cst.Call)
            and flow.called(made) in CREATES
            and _model(facts, made)
            and not _SIDE.search(_model(facts, made))
        ):
            if order.precedes(facts, made, node):
                return True
    return False


def _counterpart(facts: Facts, node: cst.Call) -> bool:
    """Whether an update above takes away what this one adds: `F("x") - n` and `F("x") + n`."""
    moved = _moves(facts, node)
    for other in order.calls_in(flow.around(facts, node)):
        if flow.called(other) in ("update", "aupdate") and order.precedes(facts, other, node):
            if any((column, -sign, amount) in moved for column, sign, amount in _moves(facts, other)):
                return True
    return False


def _moves(facts: Facts, call: cst.Call) -> set[tuple[str, int, str]]:
    """Column, direction and amount of `update(balance=F("balance") - n)`."""
    found = set()
    for arg in call.args:
        value = arg.value
        if arg.keyword is not None and isinstance(value, cst.BinaryOperation) and flow.called(value.left) == "F":
            sign = 1 if isinstance(value.operator, cst.Add) else -1 if isinstance(value.operator, cst.Subtract) else 0
            found.add((arg.keyword.value, sign, facts.normal(value.right)))
    return {move for move in found if move[1]}
