"""Shapes of models: classes that state columns, their methods, and the class inside that says how rows are stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_COLUMN = re.compile(
    r"^(django\.(db\.models|contrib\.\w+\.fields)|sqlalchemy(\.\w+)*|flask_sqlalchemy\.SQLAlchemy|peewee|tortoise\.fields(\.\w+)*"
    r"|mongoengine(\.fields)?)\.(\w+Field|ForeignKey|Column|mapped_column|relationship|GenericForeignKey|GenericRelation)$"
)
_MOST = 40  # attributes of a class that are looked at


def columns(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A class whose body gives names to columns, and its methods."""
    definition = facts.file.definition(facts.owner) if facts.owner else None
    header = facts.file.snippet(definition.first, definition.header, header=True) if definition is not None else None
    if header is not None and header.once("columns", header.tree, lambda: _has_columns(facts), False):
        for match in matches:
            yield match
            return


def _has_columns(facts: Facts) -> bool:
    return any(_is_column(facts, name) for name in _attributes(facts))


def _attributes(facts: Facts) -> list[str]:
    """The names that the class gives a value in its own body."""
    found = [b.name for b in facts.file.index.bindings if b.scope == facts.owner and b.kind == "value" and "." not in b.name]
    return found[:_MOST]


def _is_column(facts: Facts, name: str) -> bool:
    values = [(own, getattr(b.node, "value", None) if b.kind == "annotated" else b.node) for own, b in facts.file.origins(facts.owner, name)]
    return any(isinstance(v, cst.Call) and any(map(_COLUMN.match, own.names(v.func))) for own, v in values)


def table(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`class Hero(SQLModel, table=True)`; without the keyword it is a schema."""
    for match in matches:
        if isinstance(match.node, cst.ClassDef) and any(_says_table(k) for k in match.node.keywords):
            yield match


def _says_table(arg: cst.Arg) -> bool:
    return arg.keyword is not None and arg.keyword.value == "table" and isinstance(arg.value, cst.Name) and arg.value.value == "True"


def options(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The options that `class Meta` in another class states."""
    definition = facts.definition
    if definition is not None and definition.kind == "class" and definition.symbol.endswith(".Meta"):
        yield from matches
