"""Shapes of models: classes that state columns, their methods, and the class inside that says how rows are stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.analysis.shapes.members import makes

_COLUMN = re.compile(
    r"^(django\.(db\.models|contrib\.\w+\.fields)|sqlalchemy(\.\w+)*|flask_sqlalchemy\.SQLAlchemy|peewee|tortoise\.fields(\.\w+)*"
    r"|mongoengine(\.fields)?)\.(\w+Field|ForeignKey|Column|mapped_column|relationship|GenericForeignKey|GenericRelation)$"
)


def columns(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A class whose body gives names to columns, and its methods."""
    if makes(facts, _COLUMN):
        for match in matches:
            yield match
            return


def table(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`class Hero(SQLModel, table=True)`; without the keyword it is a schema."""
    for match in matches:
        if isinstance(match.node, cst.ClassDef) and any(_says_table(k) for k in match.node.keywords):
            yield match


def _says_table(arg: cst.Arg) -> bool:
    return (
        arg.keyword is not None and arg.keyword.value == "table" and isinstance(arg.value, cst.Name) and arg.value.value == "True"
    )


def options(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The options that `class Meta` in another class states."""
    definition = facts.definition
    if definition is not None and definition.kind == "class" and definition.symbol.endswith(".Meta"):
        yield from matches
