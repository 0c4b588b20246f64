"""The other definitions of the same file: who else has a word, who calls a function."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from guardrail.analysis.facts import Facts
from guardrail.model import Unreadable


def functions(facts: Facts, *words: str) -> Iterator[Facts]:
    """The facts of the functions of this file that have all these words in them."""
    for definition in facts.file.index.definitions:
        if definition.kind == "function" and definition.words.issuperset(words):
            try:
                yield facts.file.facts(definition)
            except Unreadable:
                continue


def last_name(facts: Facts) -> str:
    """The name of the definition without its class."""
    return facts.definition.symbol.rpartition(".")[2] if facts.definition is not None else ""


def callers(facts: Facts) -> Iterator[tuple[Facts, cst.Call]]:
    """Calls of this definition in other functions of the file, by its plain name or as a method."""
    name = last_name(facts)
    if not name or facts.definition is None or facts.definition.kind != "function":
        return
    for other in functions(facts, name):
        if other is facts:
            continue
        for node in other.nodes:
            func = node.func if isinstance(node, cst.Call) else None
            called = func.attr.value if isinstance(func, cst.Attribute) else func.value if isinstance(func, cst.Name) else ""
            if called == name and isinstance(node, cst.Call):
                yield other, node


def words_of_file(facts: Facts) -> frozenset[str]:
    """Every identifier of the file."""
    return frozenset().union(*(d.words for d in facts.file.index.definitions))
