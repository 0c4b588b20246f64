"""How often something is tried again, and after what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from guardrail.delta.compare import Lost
from guardrail.delta.guards import Guard, guards, nodes_of
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

_ANY = re.compile(r"retry_if_exception_type\(\s*(?:exception_types\s*=\s*)?(?:Base)?Exception\s*\)")
_BROAD = ("Exception", "BaseException")


def bounds(pair: Pair, rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Bounds that are gone, with all arguments too (`@retry`), and limits that are raised."""
    for guard in guards(pair.base, rule.patterns, rule):
        bare = next((d for d in _decorators(pair.head) if pair.head.names(d) & {"tenacity.retry"}), None)
        if bare is not None:
            yield Lost(guard, pair.head, bare)
    for lost in losses:
        if lost.now is not None or not _bounded(lost.facts, lost.node):
            yield lost


def _bounded(facts: Facts, node: Any) -> bool:
    """Whether the call has another limit."""
    return any(
        a.keyword and a.keyword.value in ("max_tries", "max_time", "stop_max_delay", "tries") for a in getattr(node, "args", ())
    )


def _decorators(facts: Facts) -> list[Any]:
    return [d.decorator for n in nodes_of(facts) if kind_of(n) == "FunctionDef" for d in n.decorators]


def counts(_pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Counts that are raised or given up (`max_retries=None` is for ever); a dropped one is the library's default."""
    for lost in losses:
        if lost.now is not None:
            yield lost


def exceptions(_pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Lists of errors that became every error."""
    for lost in losses:
        if lost.now is None and _any_error(lost.facts, lost.node):
            yield lost


def _any_error(facts: Facts, node: Any) -> bool:
    """Whether a call tries again after every error: it names none, or `Exception`."""
    code = facts.code(node)
    if "retry_if" not in code and kind_of(node) == "Call" and facts.names(node.func) & {"tenacity.retry"}:
        return "retry=" not in code.replace(" ", "")
    return _ANY.search(code) is not None or any(facts.code(a.value) in _BROAD for a in getattr(node, "args", ()))


def loops(pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """`for attempt in range(n)` around a `try` that became `while True`."""
    for lost in losses:
        if not _tries(lost.guard):
            continue
        if lost.now is not None:
            yield lost
            continue
        for facts in pair.heads:
            node = next(
                (n for n in nodes_of(facts) if kind_of(n) == "While" and facts.code(n.test) in ("True", "1") and _has_try(n)), None
            )
            if node is not None and not _counted(facts, node):
                yield Lost(lost.guard, facts, node)
                break


def _tries(guard: Guard) -> bool:
    return _has_try(guard.node)


def _has_try(node: Any) -> bool:
    return any(kind_of(s) == "Try" and s.handlers for s in node.body.body)


def _counted(facts: Facts, node: Any) -> bool:
    """Whether something in the loop counts."""
    code = facts.code(node)
    return "+= 1" in code or "-= 1" in code or "next(" in code


def pauses(pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Pauses of a loop that tries again, where a loop still does and waits for nothing."""
    for lost in losses:
        if not any(kind_of(a) in ("For", "While") and _has_try(a) for a in lost.guard.facts.ancestors(lost.guard.node)):
            continue
        for facts in pair.heads:
            loop = next((n for n in nodes_of(facts) if kind_of(n) in ("For", "While") and _has_try(n)), None)
            if loop is not None and not re.search(r"(?i)sleep|wait|backoff|pause|delay|retry", facts.code(loop)):
                yield Lost(lost.guard, facts, loop)
                break
