"""Where code decides by the members of an enumeration: `match`, a ladder of `if`, a table, a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.delta.guards import nodes_of
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts

FEW = 3  # members: a shorter list is a choice among them rather than all of them
Member = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A place that treats each of some members and has no default; `node` is its first line."""

    node: Any
    members: frozenset[str]


def dispatches(facts: Facts, enum: str) -> Iterator[Dispatch]:
    """The places of a definition that decide by members of the enumeration of this name."""

    def member(node: Any) -> str:
        """`ACTIVE` for `Status.ACTIVE` and `models.Status.ACTIVE.value`, else nothing."""
        if kind_of(node) == "Attribute" and node.attr.value == "value":
            node = node.value
        owner = facts.code(node.value).rpartition(".")[2] if kind_of(node) == "Attribute" else ""
        return str(node.attr.value) if owner == enum else ""

    for node in nodes_of(facts):
        kind = kind_of(node)
        if kind == "Match":
            yield from _matched(node, member)
        elif kind == "If" and _is_first(facts, node):
            yield from _ladder(facts, node, member)
        elif kind == "Dict":
            yield from _listed(node, [getattr(e, "key", None) for e in node.elements], member, 2)
        elif kind in ("Set", "List", "Tuple"):
            yield from _listed(node, [_first(e.value) for e in node.elements], member, FEW)


def _matched(node: Any, member: Member) -> Iterator[Dispatch]:
    found: set[str] = set()
    for case in node.cases:
        names = [member(getattr(p, "value", None)) for p in _patterns(case.pattern)]
        if not all(names):
            return  # a default, or another kind of pattern
        found.update(names)
    yield Dispatch(node, frozenset(found))


def _patterns(pattern: Any) -> list[Any]:
    if kind_of(pattern) == "MatchOr":
        return [e.pattern for e in pattern.patterns]
    return _patterns(pattern.pattern) if kind_of(pattern) == "MatchAs" and pattern.pattern is not None else [pattern]


def _is_first(facts: Facts, node: Any) -> bool:
    """Whether an `if` begins a ladder: it is no `elif`, and no `if` stands right before it."""
    block = facts.parent(node)
    if kind_of(block) == "If":
        return False
    lines = getattr(block, "body", ())
    at = next((n for n, line in enumerate(lines) if line is node), 0)
    return at == 0 or kind_of(lines[at - 1]) != "If"


def _ladder(facts: Facts, first: Any, member: Member) -> Iterator[Dispatch]:
    """`if … elif …`, or one `if` below the other; an `else`, or a line after several, is the default."""
    lines = list(getattr(facts.parent(first), "body", ()))
    rest = lines[next((n for n, line in enumerate(lines) if line is first), 0) :]
    steps = [line for n, line in enumerate(rest) if all(kind_of(r) == "If" for r in rest[: n + 1])]
    if len(steps) > 1 and len(steps) < len(rest):
        return
    found: set[str] = set()
    subjects: set[str] = set()
    for step in steps:
        while kind_of(step) == "If":
            subject, names = _asked(facts, step.test, member)
            if not names:
                return
            subjects.add(subject)
            found |= names
            step = step.orelse
        if step is not None:
            return
    if len(subjects) == 1:
        yield Dispatch(first, frozenset(found))


def _asked(facts: Facts, test: Any, member: Member) -> tuple[str, frozenset[str]]:
    """What is asked about, and the members that it may be: `order.status in (Status.A, Status.B)`."""
    if kind_of(test) != "Comparison" or len(test.comparisons) != 1:
        return "", frozenset()
    operator, right = kind_of(test.comparisons[0].operator), test.comparisons[0].comparator
    if operator in ("Equal", "Is"):
        names = [member(right)]
    elif operator == "In" and kind_of(right) in ("Set", "List", "Tuple"):
        names = [member(e.value) for e in right.elements]
    else:
        names = [""]
    return facts.normal(test.left), frozenset(names) if all(names) else frozenset()


def _listed(node: Any, parts: Iterable[Any], member: Member, few: int) -> Iterator[Dispatch]:
    names = [member(part) for part in parts]
    if len(names) >= few and all(names):
        yield Dispatch(node, frozenset(names))


def _first(node: Any) -> Any:
    """The value of a choice: `Status.A` of `(Status.A, "open")`."""
    return node.elements[0].value if kind_of(node) == "Tuple" and node.elements else node
