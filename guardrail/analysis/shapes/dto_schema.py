"""Shapes of schemas: objects read from a dict, or written to one, key by key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import below, key_read
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.analysis.scopes import dotted
from guardrail.analysis.shapes.members import makes

_FIELD = re.compile(
    r"^(django\.forms(\.\w+)*|rest_framework\.(serializers|fields|relations)|marshmallow(\.fields)?|wtforms(\.\w+)*)\.[A-Z]\w+$"
)
_OUTER = re.compile(r"Form|Serializer|FilterSet|Schema")
FIELDS = 2  # as many fields carried over one by one make a mapping


def by_key(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A method that makes an object out of a dict's entries, or a dict out of its own attributes."""
    if facts.owner and (_reads(facts) >= FIELDS or _writes(facts) >= FIELDS):
        yield from matches


def _reads(facts: Facts) -> int:
    """Arguments of the class's own constructor that are entries of a dict."""
    own = ("cls", facts.owner.rpartition(".")[2])
    made = [n for n in facts.nodes if isinstance(n, cst.Call) and isinstance(n.func, cst.Name) and n.func.value in own]
    return max((sum(any(key_read(facts, p) for p in below(arg.value)) for arg in call.args) for call in made), default=0)


def _writes(facts: Facts) -> int:
    """Entries of one dict that are attributes of the object."""
    shown = [n for n in facts.nodes if isinstance(n, cst.Dict)]
    return max((sum(_own(e.value) for e in d.elements if isinstance(e, cst.DictElement)) for d in shown), default=0)


def _own(node: cst.CSTNode) -> bool:
    return any(isinstance(p, cst.Attribute) and dotted(p.value) == "self" for p in below(node))


def options(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """What `class Meta` in a form or a serializer lets through."""
    outer, _, name = facts.definition.symbol.rpartition(".") if facts.definition is not None else ("", "", "")
    if name == "Meta" and _OUTER.search(outer.rpartition(".")[2]):
        yield from matches


def fields(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A class whose body gives names to the fields of a form or serializer, and its methods."""
    if makes(facts, _FIELD):
        for match in matches:
            yield match
            return
