"""Shapes of transactions: classes and functions that begin and end them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import symbol
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_NAMES = re.compile(r"(?i)(^|[._])_?(atomic|savepoint|unit_?of_?work)$|transaction(_?(manager|scope|context|block))?$")
_PLAIN = frozenset(("__repr__", "__str__", "__eq__", "__hash__"))
_WORK = frozenset("commit rollback savepoint begin_nested autocommit set_autocommit needs_rollback isolation_level".split())
_ENOUGH = 2  # of the words of transactions in the class, or in the file for a function: a payment has at most one


def own_transaction(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A class that is a transaction by its name and ends it in one of its methods, those methods, and a function that makes one."""
    owner = facts.owner
    if not _NAMES.search(owner or symbol(facts)) or len(_work(facts, owner)) < _ENOUGH:
        return
    for match in matches:
        if isinstance(match.node, (cst.ClassDef, cst.FunctionDef)) and match.node.name.value not in _PLAIN:
            yield match


def _work(facts: Facts, owner: str) -> frozenset[str]:
    """The words of transactions in a class with its methods, in the whole file where there is no class."""
    prefix = f"{owner}."
    own = (d.words for d in facts.file.index.definitions if not owner or d.symbol == owner or d.symbol.startswith(prefix))
    return _WORK.intersection(frozenset().union(*own))
