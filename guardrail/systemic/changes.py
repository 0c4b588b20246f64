"""Statements that change what others may hold as well: an attribute, an element, a name that is `global`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from guardrail.shared import MUTATORS
from guardrail.systemic.facts import Ref
from guardrail.systemic.refs import ref


def changed(node: ast.stmt) -> Iterator[ast.expr]:
    """The attributes and names that a statement changes, or changes an element of."""
    if isinstance(node, (ast.Assign, ast.Delete)):
        yield from (_held(target) for target in node.targets)
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
        yield _held(node.target)
    called = getattr(node, "value", None)
    if isinstance(called, ast.Call) and isinstance(called.func, ast.Attribute) and called.func.attr in MUTATORS:
        yield called.func.value


def _held(target: ast.expr) -> ast.expr:
    """What an element that is assigned belongs to; anything else is itself."""
    return target.value if isinstance(target, ast.Subscript) else target


def target_of(node: ast.stmt, target: ast.expr, shared: frozenset[str]) -> Ref:
    """The Ref of what is changed, None where it is a local name; `shared` are the names that are declared `global`."""
    if not isinstance(target, (ast.Attribute, ast.Name)):
        return None
    bound = isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete)) and _is_bound(node, target)
    if isinstance(target, ast.Name) and bound:
        return ("global", target.id) if target.id in shared else None
    return ref(target)


def _is_bound(node: ast.stmt, target: ast.expr) -> bool:
    """Whether the statement gives the target itself another value, not an element of it."""
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    return target in targets


def in_two_steps(node: ast.stmt, target: ast.expr, tests: Sequence[ast.expr]) -> bool:
    """Whether the change goes by what was there before, so that somebody may come in between."""
    if isinstance(node, ast.AugAssign):
        return True
    own = ref(target)
    read = [node.value] if isinstance(node, ast.Assign) else []
    return any(ref(n) == own for root in (*read, *tests) for n in ast.walk(root) if isinstance(n, (ast.Name, ast.Attribute)))


__all__ = ["changed", "in_two_steps", "target_of"]
