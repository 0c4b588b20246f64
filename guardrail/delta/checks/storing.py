"""What keeps writes together and rows from being changed twice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from guardrail.delta import blocks
from guardrail.delta.compare import Lost
from guardrail.delta.guards import Guard, inside, nodes_of
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

_WRITES = frozenset(
    "save create update delete add add_all remove bulk_create bulk_update get_or_create update_or_create insert execute executemany"
    " merge asave acreate aupdate adelete flush set".split()
)
_LEVELS = ["serializable", "repeatable read", "read committed", "read uncommitted"]
_LEVEL = re.compile(r"(?i)isolation\s+level\s+(serializable|repeatable\s+read|read\s+(?:un)?committed)")
_LOCKS = re.compile(r"for_update|_locked\b|\block(?:ed)?_")


def together(_pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Transactions whose block wrote something."""
    for lost in losses:
        body = [n for n in nodes_of(lost.guard.facts) if inside(lost.guard.facts, n, lost.guard.node.body)]
        done = [what.rpartition(".")[2] for what, node in blocks.effects(lost.guard.facts, body) if kind_of(node) == "Call"]
        if _WRITES.intersection(done) or len(done) > 1:
            yield lost


def row_locks(pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Locks on rows of which head still reads some: the line of that query; one that a helper locks is none."""
    for lost in losses:
        receiver = lost.guard.node.func.value
        root = lost.guard.facts.code(receiver).lstrip("( \n").split("(")[0].split(".")[0]
        for facts in pair.heads:
            query = _query(facts, root)
            if query is not None and not _LOCKS.search(facts.code(query)):
                yield Lost(lost.guard, facts, query, movable=True)
            if query is not None:
                break


def _query(facts: Facts, root: str) -> Any:
    """The first call that starts from a name, else one that has it somewhere."""
    calls = [n for n in nodes_of(facts) if kind_of(n) == "Call"]
    started = (n for n in calls if facts.code(n.func).lstrip("( \n").startswith((root + ".", root + "(")))
    return next(started, None) or next((n for n in calls if root in facts.code(n)), None)


def after_commit(pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Calls that waited for the commit and are now made at once."""
    for lost in losses:
        facts, waited = lost.guard.env["CALL"]
        names = {facts.code(n.func) for n in [waited, *_below(facts, waited)] if kind_of(n) == "Call"}
        names |= {facts.code(a.value) for n in _below(facts, waited) if kind_of(n) == "Call" for a in n.args[:1]}
        names |= {facts.code(waited)}
        for head in pair.heads:
            node = next((n for n in nodes_of(head) if kind_of(n) == "Call" and head.code(n.func) in names), None)
            if node is not None and not any("on_commit" in head.code(a)[:40] for a in head.ancestors(node) if kind_of(a) == "Call"):
                yield Lost(lost.guard, head, node, movable=True)
                break


def _below(facts: Facts, node: Any) -> list[Any]:
    return [n for n in nodes_of(facts) if inside(facts, n, node)]


def isolation(_pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Levels that are lowered, and those stronger than the usual one that are gone."""
    for lost in losses:
        facts, level = lost.guard.env["L"]
        strong = any(word in facts.code(level).lower() for word in ("serializable", "repeatable"))
        if lost.now is not None or strong:
            yield lost


def isolation_text(pair: Pair, _rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """`SET TRANSACTION ISOLATION LEVEL …` that names a weaker level, or is gone while the strong one was asked for."""
    old, new = _levels([pair.base]), _levels(pair.heads)
    if not old:
        return
    facts, node, level = min(old, key=lambda found: _LEVELS.index(found[2]))
    weakest = max(new, key=lambda found: _LEVELS.index(found[2]), default=None)
    if weakest is not None and _LEVELS.index(weakest[2]) > _LEVELS.index(level):
        yield Lost(Guard(facts, node, {}, 0), weakest[0], weakest[1], message=f"The isolation level {level} → {weakest[2]}.")
    elif weakest is None and level in _LEVELS[:2] and not any("isolation" in f.code(f.tree).lower() for f in pair.heads):
        function = next((n for n in nodes_of(pair.head) if kind_of(n) == "FunctionDef"), pair.head.tree)
        yield Lost(Guard(facts, node, {}, 0), pair.head, function, movable=True)


def _levels(sides: Iterable[Facts]) -> list[tuple[Facts, Any, str]]:
    found = [(f, n, _LEVEL.search(f.code(n))) for f in sides for n in nodes_of(f) if kind_of(n) == "SimpleString"]
    return [(f, n, " ".join(m[1].lower().split())) for f, n, m in found if m]
