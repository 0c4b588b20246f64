"""Shapes of files and loading: paths that a caller decides, and what others upload."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.tracing import named, trace
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_OURS = frozenset("__file__ settings conf tempfile mkdtemp mkstemp importlib resources package_dir devnull".split())


def variable_path(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Where the path that is opened is, or holds, what a caller or a client gives: no constant, no place beside the code."""
    for match in matches:
        path = named(match, "P")
        if path is not None and not path[0].constants(path[1]) and _given(*path):
            yield match


def _given(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a parameter or user input is part of the value, and nothing that only the program itself decides."""
    parts = [(owner, part) for owner, part in trace(facts, node) if isinstance(part, cst.Name)]
    if any(part.value in _OURS for _, part in parts):
        return False
    return any(_parameter(owner, part) for owner, part in parts) or facts.tainted(node)


def _parameter(facts: Facts, node: cst.Name) -> bool:
    return node.value not in ("self", "cls") and any(bind.kind == "param" for _, bind in facts.origins(node))


def sent(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A file that is sent, whose path is no constant."""
    for match in matches:
        path = named(match, "P")
        if path is not None and not path[0].constants(path[1]):
            yield match


def loads_data(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A load whose argument is not written down in the code."""
    return (m for m in matches if not (isinstance(m.node, cst.Call) and m.node.args and facts.constants(m.node.args[0].value)))


def written_name(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`upload.filename`, `upload.save(path)`: the client's own name for a file, or the place that it is put."""
    for match in matches:
        if flow.called(match.node) != "save" or any(not facts.constants(a.value) for a in getattr(match.node, "args", ())):
            yield match
