"""Shapes of files and loading: paths that a caller decides, and what others upload."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.tracing import named, trace, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.analysis.scopes import dotted

_PATHS = frozenset("path paths file files folder dir directory root target destination dest source src".split())
_OURS = frozenset("__file__ settings conf tempfile mkdtemp mkstemp importlib resources package_dir devnull".split())


def variable_path(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Where the path that is opened is, or holds, what a caller or a client gives: no constant, no place beside the code."""
    for match in matches:
        path = named(match, "P")
        if path is None or path[0].constants(path[1]) or not _given(*path):
            continue
        if flow.receiver(match.node) is not path[1] or _is_path(*path):
            yield match
            return


def _is_path(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether what has a `read_text` is a path, and no formatter or document: by its type or its name."""
    last = node.right if isinstance(node, cst.BinaryOperation) else node
    typed = any(name.startswith("pathlib.") for name in facts.types(node))
    return typed or last is not node or bool(words_of(facts.code(node)[:80]) & _PATHS)


def _given(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a parameter, user input or a field set elsewhere is part of the value, and nothing that is the program's own."""
    parts = [(owner, part) for owner, part in trace(facts, node) if isinstance(part, (cst.Name, cst.Attribute))]
    if any(isinstance(part, cst.Name) and part.value in _OURS for _, part in parts):
        return False
    return any(_parameter(owner, part) for owner, part in parts) or facts.tainted(node)


def _parameter(facts: Facts, node: cst.Name | cst.Attribute) -> bool:
    """A parameter; a field of `self` that nothing in this file gives a value."""
    if isinstance(node, cst.Attribute):
        called = isinstance(facts.parent(node), cst.Call)
        return dotted(node.value) == "self" and not called and not facts.attribute_origins(node.attr.value)
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
