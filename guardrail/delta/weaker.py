"""Ordered values: whether the new one guards less than the old one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts

Located = tuple["Facts", Any]


def weaker(old: Located, new: Located, orders: Mapping[str, Any]) -> bool:
    """Whether the new expression is weaker than the old one in one of these orders; what is not known is not weaker."""
    if old[0].normal(old[1]) == new[0].normal(new[1]) and not (_values(old) and _values(new)):
        return False
    return any(_TESTS[kind](old, new, limit) for kind, limit in orders.items())


def _values(located: Located) -> tuple[object, ...]:
    return located[0].constants(located[1])


def _number(located: Located) -> float | None:
    numbers = [v for v in _values(located) if isinstance(v, (int, float)) and not isinstance(v, bool)]
    return numbers[0] if len(numbers) == 1 and len(_values(located)) == 1 else None


def _off(old: Located, new: Located, _limit: Any) -> bool:
    return is_off(new) and not is_off(old)


def is_off(located: Located) -> bool:
    """Whether an expression is one constant that switches a guard off: `timeout=None`."""
    values = _values(located)
    return len(values) == 1 and (values[0] is None or values[0] == 0)  # False is 0


def _raised(old: Located, new: Located, limit: Any) -> bool:
    before, after = _number(old), _number(new)
    if before is None or after is None or before <= 0:
        return False
    return after > before * (1 if limit is True else limit)


def _lowered(old: Located, new: Located, limit: Any) -> bool:
    before, after = _number(old), _number(new)
    if before is None or after is None or after < 0:
        return False
    return after * (1 if limit is True else limit) < before


def _items(located: Located) -> list[str] | None:
    facts: Facts
    node: Any
    facts, node = located
    held = facts.deref(node) if type(node).__name__ in ("Name", "Attribute") else None
    facts, node = held or (facts, node)
    if type(node).__name__ == "Call" and facts.code(node.func) in ("frozenset", "set", "list", "tuple") and len(node.args) == 1:
        node = node.args[0].value
    if type(node).__name__ not in ("List", "Tuple", "Set"):
        return None
    if any(type(e).__name__ == "StarredElement" for e in node.elements):
        return None
    return [facts.normal(e.value) for e in node.elements]


def _grown(old: Located, new: Located, _limit: Any) -> bool:
    before, after = _items(old), _items(new)
    return before is not None and after is not None and set(before) < set(after)


def _shrunk(old: Located, new: Located, _limit: Any) -> bool:
    before, after = _items(old), _items(new)
    return before is not None and after is not None and set(after) < set(before)


def _order(old: Located, new: Located, strong_to_weak: Any) -> bool:
    before, after = (_rank(located, strong_to_weak) for located in (old, new))
    return before is not None and after is not None and after > before


def _rank(located: Located, order: Any) -> int | None:
    facts, node = located
    values = _values(located)
    names = {name.rpartition(".")[2].lower() for name in facts.names(node)} or {facts.code(node).rpartition(".")[2].lower()}
    words = {str(v).lower() for v in values} or names
    return next((number for number, word in enumerate(order) if str(word).lower() in words), None)


_TESTS = {"off": _off, "raised": _raised, "lowered": _lowered, "grown": _grown, "shrunk": _shrunk, "order": _order}
