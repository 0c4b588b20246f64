"""Slips in the handling of errors: classes told by their names, `raise` with nothing to raise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks import flow, neighbours
from guardrail.analysis.checks.tracing import named
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match


def told_by_name(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`type(e).__name__ == "…"` of an error that was caught, or that a caller hands in as one."""
    for match in matches:
        error, name = named(match, "E"), named(match, "N")
        if error is None or name is None or not isinstance(error[1], cst.Name):
            continue
        known = name[0].constants(name[1])
        texts = [t for k in known for t in (k if isinstance(k, tuple) else (k,)) if isinstance(t, str)]
        if texts and any(bind.kind == "except" for _, bind in error[0].origins(error[1])):
            yield match


def nothing_to_raise(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A bare `raise` outside of any handler, in a function that no handler of the file calls."""
    for match in matches:
        if any(isinstance(a, (cst.ExceptHandler, cst.Finally)) for a in facts.ancestors(match.node)):
            continue
        around = flow.function_def(facts, match.node)
        if around is None or around.name.value.startswith("__") or _told_of_an_error(around):
            continue
        if not any("except" in owner.contexts(call) for owner, call in neighbours.callers(facts)):
            yield match


def _told_of_an_error(function: cst.FunctionDef) -> bool:
    """Whether the function is made to be called while an error is handled."""
    names = {p.name.value for p in (*function.params.params, *function.params.kwonly_params)}
    by_name = any(word in function.name.value for word in ("handle", "error", "exc", "fail", "raise", "retry"))
    return by_name or bool(names & {"e", "ex", "exc", "err", "error", "exception", "exc_info", "tb", "traceback"})
