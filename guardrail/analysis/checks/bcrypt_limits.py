"""bcrypt: passwords longer than it takes, and a library that breaks on its new version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks import neighbours
from guardrail.analysis.checks.tracing import calls, identifiers, method, named
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match


def _bounded(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a length is asked for, or the password is hashed or cut before."""
    if {"len", "sha256", "sha512", "sha384", "blake2b", "b64encode", "max_length", "constr"} & identifiers(facts):
        return True
    if any(isinstance(n, cst.Slice) for n in facts.nodes) or "max_length" in neighbours.words_of_file(facts):
        return True
    return any(re.search(r"(?i)prehash|pre_hash|validate_password|truncate|check_length", method(c)) for c in calls(facts))


def unbounded_password(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A password out of a request that nothing has measured."""
    for match in matches:
        value = named(match, "P")
        if value is not None and value[0].tainted(value[1]) and not _bounded(facts, match.node):
            yield match


def unmeasured_parameter(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A password that a caller hands in and nothing here has measured."""
    for match in matches:
        value = named(match, "P")
        if value is None or value[0].tainted(value[1]) or _bounded(facts, match.node):
            continue
        root = value[1]
        while isinstance(root, (cst.Call, cst.Attribute)):
            root = root.func if isinstance(root, cst.Call) else root.value
        given = isinstance(root, cst.Name) and any(bind.kind == "param" for _, bind in value[0].origins(root))
        if given and isinstance(root, cst.Name) and re.search(r"(?i)passw|pwd|secret|plain", root.value):
            yield match


def knows_nothing_of_it(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Uses of a library in files that do not work around its breaking."""
    if not {"__about__", "version_info"} & neighbours.words_of_file(facts):
        yield from matches


def imported_for_sure(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Uses of a module of the standard library in files whose import of it may not fail."""
    if not re.search(r"(?m)^\s*except\b.*(ImportError|ModuleNotFoundError)", facts.file.source.text):
        yield from matches
