"""Checks of the schema-migration pack: which way a step goes, and whether its table is new."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_LOSES = re.compile(
    r"\b(drop\s+(table|column|schema|database)|truncate\b|delete\s+from\s+[\"`\w.]+\s*(;|$)|alter\s+table\s+\S+\s+drop\b(?!\s+(constraint|default|index)))",
    re.IGNORECASE,
)

_RENAMES = re.compile(
    r"\balter\s+table\s+(?!\S*_(?:seq|idx|pkey)\b)[^;]*\brename\b(?!\s+(constraint|index))|\brename\s+table\b", re.IGNORECASE
)
_BLOCKS = re.compile(
    r"\bcreate\s+(?:unique\s+)?index\s+(?!concurrently)(?:if\s+not\s+exists\s+)?\S+\s+on\s+(?:only\s+)?([\"`\w.]+)"
    r"|\balter\s+table\s+(?:only\s+)?([\"`\w.]+)[^;]*\badd\s+constraint\b(?![^;]*\b(?:not\s+valid|using\s+index))",
    re.IGNORECASE,
)
_SQUASHED = re.compile(r"^    replaces\s*=\s*[\[(]", re.MULTILINE)
_REQUIRED = re.compile(r"\balter\s+table\s+(?:only\s+)?([\"`\w.]+)[^;]*\bset\s+not\s+null\b", re.IGNORECASE)


def going_up(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Not in `downgrade`, whose work is to take back, nor in a squashed migration, which runs on empty databases only."""
    if _SQUASHED.search(facts.file.source.text):
        return
    for match in matches:
        function = flow.function_def(facts, match.node)
        if function is None or function.name.value not in ("downgrade", "backwards", "reverse"):
            yield match


def on_old_table(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Going up, and on a table that the same migration does not create."""
    made = created(facts)
    for match in going_up(facts, matches):
        if isinstance(match.node, cst.Call) and not made & _table(facts, match.node):
            yield match


def created(facts: Facts) -> set[str]:
    """The tables and models that the migration makes."""
    found = set()
    for node in facts.nodes:
        if isinstance(node, cst.Call) and flow.called(node) in ("CreateModel", "create_table"):
            given = flow.keyword(node, "name") or (node.args[0].value if node.args else None)
            value = facts.constant(given) if given is not None else None
            found.add(str(value).lower())
    return found


def _table(facts: Facts, call: cst.Call) -> set[str]:
    """What the step works on: the model of a Django operation, any literal argument of an alembic one."""
    model = flow.keyword(call, "model_name") or flow.keyword(call, "table_name")
    given = [model] if model is not None else [a.value for a in call.args if a.keyword is None][:2]
    batch = [made for _, made in flow.makers(facts, flow.receiver(call)) if flow.called(made) == "batch_alter_table"]
    given += [m.args[0].value for m in batch if isinstance(m, cst.Call) and m.args]
    return {str(facts.constant(v)).lower() for v in given}


def needs_value(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`AddField` of a column that old code, which does not know it, cannot fill."""
    for match in on_old_table(facts, matches):
        origin, field = match.env["F"]
        if not isinstance(field, cst.Call) or flow.called(field) in (
            "ManyToManyField",
            "GenericRelation",
            "GeneratedField",
        ):
            continue
        nullable = flow.keyword(field, "null")
        fine = (nullable is not None and origin.constant(nullable) is True) or flow.keyword(field, "db_default") is not None
        if not fine and not any(a.star for a in field.args):
            yield match


def same_for_all(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`AddField` of a unique column with a default: every row that exists gets the same value."""
    for match in on_old_table(facts, matches):
        origin, field = match.env["F"]
        if isinstance(field, cst.Call) and flow.keyword(field, "default") is not None:
            unique = flow.keyword(field, "unique")
            if unique is not None and origin.constant(unique) is True:
                yield match


def inside_transaction(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Concurrent index work in a migration that is not `atomic = False`."""
    off = any(isinstance(n, cst.Assign) and facts.code(n).replace(" ", "") == "atomic=False" for n in facts.nodes)
    if not off:
        yield from matches


def outside_autocommit(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """alembic's concurrent index work outside of `autocommit_block()`."""
    for match in matches:
        around = [a for a in facts.ancestors(match.node) if isinstance(a, cst.With)]
        if not any("autocommit_block" in facts.code(i.item) for a in around for i in a.items):
            yield match


def loses_data(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """SQL text that drops or empties a table or a column."""
    for match in going_up(facts, matches):
        origin, sql = match.env["S"]
        if any(_LOSES.search(text) for text in sql_texts(origin, sql)):
            yield match


def sql_texts(facts: Facts, node: cst.CSTNode) -> list[str]:
    """The SQL of a step: a text, a list of texts, `text("…")`."""
    if isinstance(node, cst.Call) and flow.called(node) in ("text", "dedent") and node.args:
        return sql_texts(facts, node.args[0].value)
    value = facts.constant(node)
    if isinstance(value, tuple):
        return [v for v in value if isinstance(v, str)]
    return [value] if isinstance(value, str) else []


def renames(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """SQL text that renames a table or a column."""
    for match in going_up(facts, matches):
        if any(_RENAMES.search(text) for text in sql_texts(*match.env["S"])):
            yield match


def blocks(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """SQL text that builds an index, or checks every row, under a lock; not of a table made here."""
    made = created(facts)
    for match in going_up(facts, matches):
        for text in sql_texts(*match.env["S"]):
            found = _BLOCKS.search(text)
            if found is not None and not any(t.strip('"`').lower().rpartition(".")[2] in made for t in found.groups() if t):
                yield match
                break


def concurrently_inside(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`CONCURRENTLY` in SQL text that runs inside the migration's transaction."""
    for match in going_up(facts, matches):
        if not any(re.search(r"\bindex\s+concurrently\b", text, re.IGNORECASE) for text in sql_texts(*match.env["S"])):
            continue
        django = "RunSQL" in facts.code(match.node)
        yield from (inside_transaction if django else outside_autocommit)(facts, [match])


def made_required(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`SET NOT NULL` in SQL text, on a table that is not made here."""
    made = created(facts)
    for match in going_up(facts, matches):
        for text in sql_texts(*match.env["S"]):
            found = _REQUIRED.search(text)
            if found is not None and found[1].strip('"`').lower() not in made:
                yield match
                break
