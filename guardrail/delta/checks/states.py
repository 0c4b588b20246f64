"""Enumerations that grew or shrank while code that decides by them stayed behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from guardrail import places
from guardrail.delta.checks.dispatch import dispatches
from guardrail.delta.files import Change, FilePair
from guardrail.delta.guards import nodes_of
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.delta.project import Place
    from guardrail.model import Definition
    from guardrail.side import Side

_LISTED = re.compile(r"\((?:[^)]*\W)?(?:\w*Enum|\w*Choices)\b")


def left_behind(pair: FilePair) -> Iterator[Change]:
    """New members that a place which had named all of them lacks, and members that are gone and still used."""
    old, new = pair.sides()
    if old is None or new is None or places.is_test(pair.path):
        return
    before = {d.symbol: d for d in old.definitions if _is_enum(old, d)}
    for now in new.definitions:
        was = before.get(now.symbol)
        if was is not None and _is_enum(new, now) and old.key(was) != new.key(now):
            yield from _compared(pair, (old, was), (new, now))


def _is_enum(side: Side, definition: Definition) -> bool:
    header = " ".join(side.words.lines[definition.first - 1 : definition.header])
    return definition.kind == "class" and _LISTED.search(header) is not None


def _compared(pair: FilePair, was: Place, now: Place) -> Iterator[Change]:
    old, new = _members(was), _members(now)
    come = {name: node for name, node in new.items() if name not in old}
    gone = {name: node for name, node in old.items() if name not in now[1].words}
    name = now[1].symbol.rpartition(".")[2]
    if not (come or gone) or len(old) < 2:
        return
    users = [place for place in pair.project.callers(*now, name) if _means(pair, place[0], now)] if new else []
    facts = now[0].facts.facts(now[1])
    for member, node in come.items():
        if where := next((at for place in users for at in _lacking(place, name, member, frozenset(old))), ""):
            line = facts.span(node)[0]
            yield Change(line, f"`{name}.{member}` is new, and {where} does not handle it.", symbol=now[1].symbol, what=member)
    for member, node in gone.items():
        if where := next((at for place in users for at in _used(place, name, member)), ""):
            line = was[0].facts.facts(was[1]).span(node)[0]
            said = f"`{name}.{member}` is gone, and {where} still uses it."
            yield Change(now[1].header, said, line, now[1].symbol, member)


def _members(place: Place) -> dict[str, Any]:
    """Name → target of the assignment in the class body; a second name for a member is none."""
    facts = place[0].facts.facts(place[1])
    klass = next((n for n in nodes_of(facts) if kind_of(n) == "ClassDef"), None)
    lines = [line for line in klass.body.body if kind_of(line) == "SimpleStatementLine"] if klass is not None else []
    assigned = [s for line in lines for s in line.body if kind_of(s) == "Assign" and kind_of(s.value) != "Name"]
    small = [s.targets[0].target for s in assigned]
    return {t.value: t for t in small if kind_of(t) == "Name" and not t.value.startswith("_")}


def _means(pair: FilePair, side: Side, enum: Place) -> bool:
    """Whether a file that names the enumeration has it from where it is: the same file, or imported."""
    home = enum[0].file.path
    if side.file.path == home:
        return True
    root = enum[1].symbol.partition(".")[0]
    imports = side.file.index.imports
    modules = [imports[root].rpartition(".")[0]] if root in imports else [*imports.values()]
    return any(home in pair.project.modules(module, side.file.path) for module in modules)


def _lacking(place: Place, enum: str, member: str, all_before: frozenset[str]) -> Iterator[str]:
    """Where a place names every member that there was, and not the new one."""
    facts = place[0].facts.facts(place[1])
    for dispatch in dispatches(facts, enum):
        if dispatch.members >= all_before and member not in dispatch.members:
            yield f"{facts.path}:{facts.span(dispatch.node)[0]}"


def _used(place: Place, enum: str, member: str) -> Iterator[str]:
    facts = place[0].facts.facts(place[1])
    for node in nodes_of(facts):
        if kind_of(node) == "Attribute" and node.attr.value == member and facts.code(node.value).rpartition(".")[2] == enum:
            yield f"{facts.path}:{facts.span(node)[0]}"
