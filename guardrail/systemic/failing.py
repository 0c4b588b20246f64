"""Errors that somebody keeps: what it means for the transaction around."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guardrail.packs import Rule
    from guardrail.systemic.findings import Judging
    from guardrail.systemic.walk import Path

_SAFE = frozenset({"get_or_create", "update_or_create"})  # they have a savepoint of their own


def commits_half(judging: Judging, rule: Rule, path: Path) -> str | None:
    """TXN007: what failed is a write, and the same transaction writes something else, which commits."""
    if not path.edges or not _writes_in_try(judging, path):
        return None
    return "" if any(line != path.hops[0].line for line in _writing_lines(judging, path)) else None


def goes_on(judging: Judging, rule: Rule, path: Path) -> str | None:
    """TXN006: what failed is a write, and the same transaction asks the database for more afterwards."""
    if not path.edges or not _writes_in_try(judging, path):
        return None
    return "" if any(line > path.hops[0].line for line in _writing_lines(judging, path, "query")) else None


def _writes_in_try(judging: Judging, path: Path) -> bool:
    """Whether the `try` at the end of the path changes the database, with no savepoint around that."""
    node, line = path.hops[-1].node, path.deed.site.line
    walk = judging.walk("transaction", judging.graph.effects.group(["change"]))
    for deed in walk.deeds(node):
        kinds = [a.kind for a in deed.site.around if a.line == line]
        if (
            "try" in kinds
            and deed.effect.name.rpartition(".")[2] not in _SAFE
            and not _has_savepoint(judging, path, deed.site.around)
        ):
            return True
    for edge in walk.edges(node):
        inside = any(a.kind == "try" and a.line == line for a in edge.site.around)
        callee = judging.graph.node(edge.callee) if inside else None
        own = callee is not None and any(c.kind == "transaction" for c in judging.contexts.of_function(callee))
        if inside and not own and walk.down(edge.callee) and not _has_savepoint(judging, path, edge.site.around):
            return True
    return False


def _has_savepoint(judging: Judging, path: Path, blocks: tuple[object, ...]) -> bool:
    """Whether one of the blocks is a transaction inside of the `try`, or around it in the same function."""
    node = path.hops[-1].node
    inner = [c for a in blocks for c in judging.contexts.of_block(node, a)]  # type: ignore[arg-type]
    return any(c.kind == "transaction" for c in (*inner, *judging.contexts.of_function(node)))


def _writing_lines(judging: Judging, path: Path, group: str = "change") -> list[int]:
    """The lines of the function with the transaction in which it changes, or asks, the database inside of it."""
    node, line = path.hops[0].node, path.context.line
    walk = judging.walk("transaction", judging.graph.effects.group([group]))
    sites = [d.site for d in walk.deeds(node)] + [e.site for e in walk.edges(node) if walk.down(e.callee)]
    return [s.line for s in sites if any(c.kind == "transaction" and c.line == line for c in judging.contexts.at(node, s))]


__all__ = ["commits_half", "goes_on"]
