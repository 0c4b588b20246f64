"""Checks of the schema-migration pack: which changes of a column's type rewrite the table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow, tracing
from guardrail.analysis.checks.schema_migration import going_up, on_old_table, sql_texts

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_TEXTS = frozenset("String VARCHAR Unicode NVARCHAR AutoString CHAR".split())
_ENDLESS = frozenset("Text TEXT UnicodeText CLOB LONGTEXT MEDIUMTEXT".split())
_NUMBERS = frozenset("Numeric DECIMAL NUMERIC DECIMAL".split())
_SAME = {
    "INTEGER": "Integer",
    "BIGINT": "BigInteger",
    "SMALLINT": "SmallInteger",
    "BOOLEAN": "Boolean",
    "FLOAT": "Float",
    "DATE": "Date",
}
_SQL = re.compile(
    r"\balter\s+table\b[^;]*?\b(?:alter\s+(?:column\s+)?[\"\w.]+\s+(?:set\s+data\s+)?type|modify(?:\s+column)?\s+[`\w.]+|change(?:\s+column)?\s+[`\w.]+\s+[`\w.]+)"
    r"\s+(?P<type>[a-z]\w*(?:\s+(?:precision|varying))?)(?P<more>[^;]*)",
    re.IGNORECASE,
)


def retyped(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`alter_column(type_=…)` on an old table, other than to a wider text or number of the same kind."""
    for match in on_old_table(facts, matches):
        call = match.node
        new = flow.keyword(call, "type_") if isinstance(call, cst.Call) else None
        if not isinstance(call, cst.Call) or new is None:
            continue
        old = flow.keyword(call, "existing_type")
        if flow.keyword(call, "postgresql_using") is not None or not _widens(facts, old, new):
            yield match


def _widens(facts: Facts, old: cst.CSTNode | None, new: cst.CSTNode) -> bool:
    """Whether every value of the old type is stored the same way in the new one; what is not known is fine."""
    to, size = _type(facts, new)
    if old is None:
        return to in _ENDLESS or to in _TEXTS or to not in _KNOWN
    was, before = _type(facts, old)
    if was not in _KNOWN or to not in _KNOWN:
        return True
    if was in _TEXTS | _ENDLESS and to in _ENDLESS:
        return True
    if was in _TEXTS and to in _TEXTS:
        return not size or (bool(before) and size[0] >= before[0])
    if was in _NUMBERS and to in _NUMBERS:
        return not size or (bool(before) and size[0] >= before[0] and size[1:] == before[1:])
    return was == to and _arguments(facts, new) == _arguments(facts, old)


_KNOWN = (
    _TEXTS
    | _ENDLESS
    | _NUMBERS
    | frozenset(
        "Integer BigInteger SmallInteger Float Double Boolean Date DateTime TIMESTAMP Time Interval Enum JSON JSONB".split()
    )
    | frozenset("UUID Uuid LargeBinary BYTEA ARRAY INET".split())
)


def _type(facts: Facts, node: cst.CSTNode) -> tuple[str, tuple[int, ...]]:
    """Name and sizes of a column type: `sa.String(length=50)` is String and (50,)."""
    owner, node = tracing.resolve(facts, node)
    call = node if isinstance(node, cst.Call) else None
    name = tracing.name_of(owner, call.func if call is not None else node)
    order = ("length", "precision", "scale", "")
    args = (
        sorted(call.args, key=lambda a: order.index(a.keyword.value) if a.keyword and a.keyword.value in order else 3)
        if call
        else ()
    )
    sizes = [owner.constant(a.value) for a in args if a.keyword is None or a.keyword.value in order]
    return _SAME.get(name, name), tuple(s for s in sizes if isinstance(s, int) and not isinstance(s, bool))


def _arguments(facts: Facts, node: cst.CSTNode) -> list[str]:
    owner, node = tracing.resolve(facts, node)
    return sorted(owner.normal(a) for a in node.args) if isinstance(node, cst.Call) else []


def retyped_in_sql(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`ALTER COLUMN … TYPE …` in SQL text, other than to an unbounded or wider-looking text, or with a cast that can fail."""
    for match in going_up(facts, matches):
        origin, sql = match.env["S"]
        for text in sql_texts(origin, sql):
            found = _SQL.search(text)
            if found is not None and (re.search(r"\busing\b", found["more"], re.IGNORECASE) or not _text_type(found["type"])):
                yield match
                break


def _text_type(name: str) -> bool:
    return re.match(r"(text|varchar|character varying|citext|numeric|decimal)$", name.lower()) is not None


def key_widened(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`AlterField` of a primary key to a 64-bit number, which writes every row and every key that points to it anew."""
    for match in on_old_table(facts, matches):
        _, field = match.env["F"]
        if isinstance(field, cst.Call) and flow.called(field) in ("BigAutoField", "UUIDField"):
            key = flow.keyword(field, "primary_key")
            if key is not None and facts.constant(key) is True:
                yield match
