"""Checks of the schema-migration pack: how data is moved in a migration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail import places
from guardrail.analysis.checks import flow
from guardrail.analysis.checks.schema_migration import created, going_up, sql_texts

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_UPDATE = re.compile(r"^\s*update\s+(?:only\s+)?(?P<table>[\"`\w.]+)\s+(?:as\s+\w+\s+)?set\b", re.IGNORECASE)
_BOUNDS = re.compile(r"\b(where|limit)\b", re.IGNORECASE)
_SCHEMA = frozenset(
    "AddField AlterField RemoveField AddIndex AddConstraint RemoveConstraint"
    " AlterUniqueTogether RenameField AlterIndexTogether".split()
)
_BATCHES = re.compile(r"iterator|batch|chunk|paginat|islice|bulk_update|bulk_create|\[\s*\w*\s*:|limit")


def in_one_go(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`.update()` of all rows in a migration's function, outside of any batch."""
    for match in _moving(facts, matches):
        if not _unbounded(facts, flow.receiver(match.node)):
            continue
        yield match


def _moving(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """What a function does that moves data: `def forwards(apps, schema_editor)` in a migration."""
    for match in going_up(facts, matches):
        if _mover(facts, match.node) is not None:
            yield match


def _mover(facts: Facts, node: cst.CSTNode) -> cst.FunctionDef | None:
    function = flow.function_def(facts, node)
    if function is None:
        return None
    names = [p.name.value for p in function.params.params]
    return function if len(names) == 2 and names[0] in ("apps", "_apps", "app_registry") else None


def _unbounded(facts: Facts, node: cst.CSTNode | None) -> bool:
    """Whether a query set holds every row: `Model.objects`, `Model.objects.all()`."""
    while isinstance(node, cst.Call) and flow.called(node) in ("all", "using", "order_by", "select_related", "only", "defer"):
        node = flow.receiver(node)
    if isinstance(node, cst.Name):
        target = facts.deref(node)
        return target is not None and _unbounded(target[0], target[1])
    return isinstance(node, cst.Attribute) and node.attr.value in ("objects", "_default_manager", "_base_manager")


def row_by_row(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A loop over all rows with a `save()` for each, in a migration that is one transaction."""
    if re.search(r"atomic\s*=\s*False", facts.file.source.text):
        return
    for match in _moving(facts, matches):
        _, rows = match.env["Q"]
        _, row = match.env["O"]
        header = facts.code(rows)
        if (
            isinstance(match.node, cst.For)
            and _unbounded(facts, rows)
            and not _BATCHES.search(header)
            and isinstance(row, cst.Name)
        ):
            if any(_saves(n, row.value) for n in flow.own_nodes(match.node.body)):
                yield match


def _saves(node: cst.CSTNode, name: str) -> bool:
    of = flow.receiver(node) if flow.called(node) == "save" else None
    return isinstance(of, cst.Name) and of.value == name


def sql_in_one_go(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`UPDATE` without WHERE of a table that this migration does not make."""
    made = created(facts)
    for match in going_up(facts, matches):
        for statement in [s for text in sql_texts(*match.env["S"]) for s in text.split(";")]:
            found = _UPDATE.search(statement)
            if found is not None and not _BOUNDS.search(statement) and found["table"].strip('"`').lower() not in made:
                yield match
                break


def live_model(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`Model.objects` of an imported model inside a function that should ask `apps.get_model`."""
    for match in _moving(facts, matches):
        origin, model = match.env["M"]
        if any(re.search(r"(^|\.)models\.\w+$", name) and not name.startswith("django.db.") for name in origin.names(model)):
            yield match


def calls_out(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A call over the network while the migration's transaction is open."""
    for match in going_up(facts, matches):
        function = flow.function_def(facts, match.node)
        step = function is not None and function.name.value == "upgrade" and "alembic" in facts.file.source.text
        if _mover(facts, match.node) is not None or step:
            yield match


def mixed(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The first `RunPython` of an atomic migration that changes old tables, too."""
    found = list(matches)
    if not found or (not places.is_migration(facts.path) and "django.db" not in facts.file.source.text):
        return
    made = created(facts)
    off = any(isinstance(n, cst.Assign) and facts.code(n).replace(" ", "") == "atomic=False" for n in facts.nodes)
    steps = [n for n in facts.nodes if isinstance(n, cst.Call) and flow.called(n) in _SCHEMA]
    old = [s for s in steps if str(facts.constant(flow.keyword(s, "model_name") or s)).lower() not in made]
    code = found[0].env["F"][1]
    if old and not off and "noop" not in facts.code(code):
        yield found[0]
