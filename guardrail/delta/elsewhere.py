"""Moved is not lost: whether a guard now stands on the class, the caller, the router, or in a helper that is called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from guardrail.delta.everywhere import Everywhere
from guardrail.delta.guards import Guard, guards, identifiers
from guardrail.delta.loss import Loss
from guardrail.delta.project import Place, Project
from guardrail.model import Definition, Unreadable
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.packs import Rule
    from guardrail.side import Side

COMMON = frozenset("get post put patch delete list create retrieve update destroy dispatch run main save handle".split())
SETUP = frozenset(
    "__init__ setup dispatch initial get_permissions get_queryset check_permissions initialize prepare __enter__".split()
)


@dataclass(frozen=True)
class Elsewhere:
    """Looks around in the project of head."""

    project: Project
    rules: tuple[Rule, ...]

    @cached_property
    def everywhere(self) -> Everywhere:
        """What settings guard."""
        return Everywhere(self.project)

    def holds(self, loss: Loss) -> bool:
        """Whether what was lost stands elsewhere now."""
        rule, finding = self.rules[loss.rule], loss.finding
        side = self.project.head(finding.path)
        new = _find(side, finding.definition, finding.line) if side else None
        if side is None or new is None:
            return False
        if self._by_settings(new, rule, loss):
            return True
        return (
            any(self._guarded(place, rule) for place in self._around(side, new))
            or any(self._guarded(place, rule) for place in self._helpers(side, new))
            or self._callers_guard(side, new, rule)
        )

    def _by_settings(self, new: Definition, rule: Rule, loss: Loss) -> bool:
        """Whether a setting guards what serves requests, and the definition does that."""
        if rule.delta is None or not rule.delta.everywhere:
            return False
        return (new.kind == "class" or "request" in new.words) and self.everywhere.holds(rule.delta.everywhere, loss.guard)

    def _guarded(self, place: Place, rule: Rule) -> bool:
        return any(True for _ in self._guards(place, rule))

    def _guards(self, place: Place, rule: Rule) -> Iterator[Facts]:
        side, definition = place
        assert rule.delta is not None
        try:
            facts = side.facts.facts(definition)
        except Unreadable:
            return
        for guard in guards(facts, (*rule.patterns, *rule.delta.instead), rule):
            yield guard.itself[0]

    def _around(self, side: Side, new: Definition) -> Iterator[Place]:
        """The classes that the definition belongs to or inherits from, what sets them up, and the module's router."""
        yield from ((side, d) for d in side.definitions if d.kind == "module" and new.kind != "module" and _has_router(side))
        owner = new.symbol.rpartition(".")[0] if new.kind == "function" else new.symbol
        for where, klass in self.project.classes(side, owner):
            if klass.symbol != new.symbol:
                yield where, klass
            yield from (
                (where, d)
                for d in where.definitions
                if d.symbol.rpartition(".")[0] == klass.symbol and d.symbol.rpartition(".")[2] in SETUP and d is not new
            )

    def _helpers(self, side: Side, new: Definition) -> Iterator[Place]:
        """What the definition calls now: new to it, or changed itself."""
        old = self.project.before(side, new)
        for name in sorted(new.words):
            for where, helper in self.project.defined(side, name):
                if helper is not new and (name not in old or self.project.changed(where, helper)):
                    yield where, helper

    def _callers_guard(self, side: Side, new: Definition, rule: Rule) -> bool:
        """Whether there are callers, and each has the guard."""
        name = new.symbol.rpartition(".")[2]
        if new.kind == "module" or name in COMMON or name.startswith("__"):
            return False
        callers = list(self.project.callers(side, new, name))
        if any(self._routed(place, rule, name, side) for place in callers):
            return True
        plain = [place for place in callers if place[1].kind != "module" and _calls(place, side, new)]
        listed = [place for place in callers if place[1].kind == "module" and _uses(place, name)]
        return bool(plain) and not listed and all(self._guarded(place, rule) for place in plain)

    def _routed(self, place: Place, rule: Rule, name: str, side: Side) -> bool:
        """Whether a module wraps the definition, or includes its router, with the guard: `path("pay/", login_required(pay))`."""
        where, definition = place
        if definition.kind != "module" or rule.delta is None:
            return False
        facts = where.facts.facts(definition)
        found = guards(facts, (*rule.patterns, *rule.delta.instead), rule)
        stem = side.file.index.module.rpartition(".")[2]
        return any(name in identifiers(g.facts.code(g.node)) or stem in _included(g) for g in found)


def _included(guard: Guard) -> set[str]:
    """The names in a call around the guard that includes a router: `include_router(pay.router, dependencies=[...])`."""
    calls = [n for n in (guard.node, *guard.facts.ancestors(guard.node)) if kind_of(n) == "Call"]
    wanted = [
        n
        for n in calls
        if guard.facts.code(n.func).rpartition(".")[2] in ("include_router", "include", "mount", "register_blueprint")
    ]
    return {word for n in wanted for word in identifiers(guard.facts.code(n))}


def _has_router(side: Side) -> bool:
    return not side.words.of_file.isdisjoint(("APIRouter", "FastAPI", "Blueprint", "Router", "Session", "Client", "AsyncClient"))


def _find(side: Side, symbol: str, line: int) -> Definition | None:
    found = [d for d in side.definitions if d.symbol == symbol]
    return next((d for d in found if d.first <= line <= d.last), found[0] if found else None)


def _calls(place: Place, side: Side, called: Definition) -> bool:
    """Whether a definition calls another: by its name, or as a method."""
    where, definition = place
    name, method = called.symbol.rpartition(".")[2], "." in called.symbol
    stem = side.file.index.module.rpartition(".")[2]
    wanted = rf"\.{name}\s*\(" if method else rf"(?<![\w.])(?<!def )(?:{re.escape(stem)}\.)?{name}\s*\("
    return re.search(wanted, where.words.own_text(definition)) is not None


def _uses(place: Place, name: str) -> bool:
    """Whether a module's own code does more with a name than import it."""
    side, definition = place
    lines = (side.words.lines[n - 1] for n in range(definition.first, definition.last + 1) if definition.owns(n))
    return any(name in identifiers(line) and "import" not in line and not _only_listed(line, name) for line in lines)


def _only_listed(line: str, name: str) -> bool:
    return line.strip().rstrip(",").strip("\"'[]() ") == name
