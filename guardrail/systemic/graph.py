"""The calls of a project: what each function calls and does, found when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from guardrail.analysis.library import Library
from guardrail.index import MODULE
from guardrail.systemic import django
from guardrail.systemic.effects import Effect, Effects
from guardrail.systemic.facts import Function, Module, Ref, Site
from guardrail.systemic.names import Names
from guardrail.systemic.overrides import Overrides
from guardrail.systemic.project import Key, Project
from guardrail.systemic.refs import first_name, last_name
from guardrail.systemic.resolve import Resolver, is_property

CALLEES = 6  # functions that one call may mean before nobody knows
MANY = 2  # functions that one call may mean before it is less sure which: a method, and what overrides it
_BLOCKING = frozenset({"sleep", "net", "proc", "read", "write", "commit"})  # nobody can await what does these
_ELSEWHERE = ("map", "filter", "sorted", "min", "max", "any", "all", "sum", "list")
_EVALUATES = frozenset({"list", "len", "bool", "tuple", "set", "sorted", "any", "all", "dict", "max", "min", "sum", "next", "iter"})


@dataclass(frozen=True, slots=True)
class Edge:
    """A call of a function of the project; `cut` says what stands between: "" | offload | spawn | commit | later | awaited."""

    site: Site
    callee: Key
    cut: str = ""
    guessed: bool = False  # one of several functions that it may be


@dataclass(frozen=True, slots=True)
class Deed:
    """An effect at its place."""

    site: Site
    effect: Effect
    cut: str = ""


@dataclass(eq=False)
class Node:
    """A function; what it calls and does is found out when somebody asks."""

    key: Key
    module: Module
    function: Function
    graph: Graph = field(repr=False)

    @cached_property
    def edges(self) -> list[Edge]:
        """Its calls of functions of the project."""
        return [e for site in self.function.sites for e in self.graph.edges_of(site, self.module, self.function)]

    @cached_property
    def deeds(self) -> list[Deed]:
        """The effects of its own sites."""
        return [d for site in self.function.sites for d in self.graph.deeds_of(site, self.module, self.function)]


class Graph:
    """All calls of one tree."""

    def __init__(self, project: Project, tables: Mapping[str, Any]) -> None:
        self.project = project
        self.effects = Effects(tables)
        self.resolver = Resolver(project, Library(tables))
        self.overrides = Overrides(self.resolver)
        self._nodes: dict[Key, Node] = {}
        self._callers: dict[Key, list[tuple[Node, Edge]]] = {}

    def node(self, key: Key) -> Node | None:
        """A function with its calls; None where there is none of that name."""
        if key not in self._nodes:
            module = self.project.module(key[0])
            function = module.functions.get(key[1])
            if function is None:
                return None
            self._nodes[key] = Node(key, module, function, self)
        return self._nodes[key]

    def edges_of(self, site: Site, module: Module, function: Function) -> Iterator[Edge]:
        """The calls of functions of the project that a site makes."""
        if site.kind == "enter":
            return
        names = self.names(site, module, function)
        callees = dict(_meant(site, list(self._callees(site, names))))
        for key in list(callees) if len(callees) <= CALLEES else ():
            callees |= self.overrides.of(site, key, module, function)
        if len(callees) > CALLEES:
            self.project.limits.add(f"calls that may mean more than {CALLEES} functions were not followed")
        cut = self.cut(site, module, function) if callees else ""
        for callee, inner in callees.items() if len(callees) <= CALLEES else ():
            yield Edge(site, callee, self._cut_of_call(site, cut, inner), len(callees) > MANY)
        if site.kind == "call":
            for callee, handed in self._handed_over(site, module, function):
                yield Edge(site, callee, handed)

    def deeds_of(self, site: Site, module: Module, function: Function) -> Iterator[Deed]:
        """The effects of a site by itself."""
        if site.kind == "enter":
            return
        names = self.names(site, module, function)
        for effect in self._deeds(site, names, module, function):
            yield Deed(site, effect, self.cut(site, module, function))

    def names(self, site: Site, module: Module, function: Function) -> Names:
        """The qualified names of what a site calls or reads."""
        return self.resolver.names(site.ref, module, function) if site.kind != "iterate" else frozenset()

    def _callees(self, site: Site, names: Names) -> Iterator[tuple[Key, Function]]:
        for name in sorted(names):
            found = self.project.locate(name)
            if found is None or not found[1]:
                continue
            module, symbol = found
            if symbol in module.classes and site.kind == "call":
                yield from self._constructor(name)
                continue
            callee = module.functions.get(symbol)
            if callee is not None and symbol != MODULE and (site.kind == "call") != is_property(callee):
                yield (module.path, symbol), callee

    def _constructor(self, name: str) -> Iterator[tuple[Key, Function]]:
        for member in self.resolver.member(name, "__init__"):
            found = self.project.locate(member)
            if found and found[1] in found[0].functions:
                yield (found[0].path, found[1]), found[0].functions[found[1]]

    def _cut_of_call(self, site: Site, cut: str, callee: Function) -> str:
        """A coroutine that nobody awaits runs later, if at all."""
        if not callee.asynchronous and not cut and (site.awaited or asks_for_coroutine(site)):
            return "awaited"
        if not callee.asynchronous or callee.generator or site.awaited or cut:
            return cut
        return "" if self._waited_for(site) else "later"

    def _waited_for(self, site: Site) -> bool:
        words = self.effects.listed("cuts", "waits-methods") | {n.rpartition(".")[2] for n in self.effects.listed("cuts", "waits")}
        return any(last_name(outer) in words for outer in site.given_to)

    def cut(self, site: Site, module: Module, function: Function) -> str:
        """What stands between a function and what one of its sites does."""
        if not site.given_to:
            return "later" if site.deferred else ""
        for outer in site.given_to:
            found = self._cut_by(outer, module, function)
            if found and (site.deferred or found == "spawn"):
                return found
        if site.deferred and last_name(site.given_to[0]) not in _ELSEWHERE:
            return "later"
        return ""

    def _cut_by(self, outer: Ref, module: Module, function: Function) -> str:
        """What handing work over to a call does to it."""
        for kind, listed in self._cutting.get(last_name(outer), ()):
            if listed is None or self.resolver.names(outer, module, function) & listed:
                return kind
        return ""

    @cached_property
    def _cutting(self) -> Mapping[str, list[tuple[str, frozenset[str] | None]]]:
        """Last name → what kind of cut it is, and under which full names; None for any of that name."""
        found: dict[str, list[tuple[str, frozenset[str] | None]]] = {}
        for kind in ("commit", "offload", "spawn"):
            listed = self.effects.listed("cuts", kind)
            for name in self.effects.listed("cuts", f"{kind}-methods"):
                found.setdefault(name, []).append((kind, None))
            for name in {n.rpartition(".")[2] for n in listed}:
                found.setdefault(name, []).append((kind, listed))
        return found

    def _handed_over(self, site: Site, module: Module, function: Function) -> Iterator[tuple[Key, str]]:
        """Functions among the arguments of a call that runs them."""
        if not site.arguments:
            return
        cut = self._cut_by(site.ref, module, function)
        if not cut and last_name(site.ref) not in ("map", "filter"):
            return
        for argument in site.arguments[:3]:
            if argument.ref and argument.ref[0] in ("name", "attr", "call"):
                for callee, _ in self._callees(site, self.resolver.names(argument.ref, module, function)):
                    yield callee, cut

    def _deeds(self, site: Site, names: Names, module: Module, function: Function) -> Iterator[Effect]:
        if site.kind == "iterate":
            yield from self._evaluated(site.ref, module, function)
            return
        if site.kind == "read":
            return
        found = self.effects.of(names, site.arguments, function.values)
        yield from (e for e in found if not (site.awaited and e.kind in _BLOCKING))
        if names & _EVALUATES and site.arguments:
            yield from self._evaluated(site.arguments[0].ref, module, function)
        last = last_name(site.ref)
        if last in self.effects.listed("methods", "enqueue") and site.ref and site.ref[0] == "attr":
            for name in self.resolver.names(site.ref[1], module, function):
                if self.is_task(name) and not self._waits_for_commit(name):
                    yield Effect("enqueue", f"{name}.{last}")

    def is_task(self, name: str) -> bool:
        """Whether a name is a function of the project that a queue runs."""
        found = self.project.locate(name)
        function = found[0].functions.get(found[1]) if found else None
        return found is not None and function is not None and bool(self.decorated(found[0], function, "systemic", "task"))

    def _waits_for_commit(self, name: str) -> bool:
        """Whether a task has a class of the project whose method puts the message off until the commit."""
        found = self.project.locate(name)
        function = found[0].functions[found[1]] if found else None
        for _, _, arguments in function.decorators if found and function else ():
            for argument in arguments:
                bases = (
                    self.resolver.names(argument.ref, found[0], found[0].functions[MODULE])
                    if argument.keyword == "base" and found
                    else ()
                )
                for base in bases:
                    if any(self._calls_on_commit(m) for m in self.resolver.member(base, "apply_async")):
                        return True
        return False

    def _calls_on_commit(self, name: str) -> bool:
        found = self.project.locate(name)
        function = found[0].functions.get(found[1]) if found else None
        return function is not None and any(last_name(site.ref) == "on_commit" for site in function.sites)

    def decorated(self, module: Module, function: Function, table: str, key: str) -> list[Any]:
        """The decorators of a function that are in a list of the tables."""
        listed = self.effects.listed(table, key)
        own = module.functions[MODULE]
        return [d for d in function.decorators if self._decorates(d[0], module, own, listed)]

    def _decorates(self, ref: Ref, module: Module, own: Function, listed: frozenset[str]) -> bool:
        if ref is None or last_name(ref) not in {n.rpartition(".")[2] for n in listed}:
            return False
        return bool(self.resolver.names(ref, module, own) & listed) or (
            ref[0] == "attr" and ref[2] == "task" and "celery.Celery.task" in listed
        )

    def _evaluated(self, ref: Ref, module: Module, function: Function) -> Iterator[Effect]:
        """A query set that is iterated over is fetched; a name must stand for query sets wherever it is given a value."""
        if ref is None or ref[0] not in ("name", "call", "attr"):
            return
        given = [v for v in function.values.get(ref[1], ()) if first_name(v) != ref[1]] if ref[0] == "name" else []
        if len(given) > 1 and not all(self._is_queryset(value, module, function) for value in given):
            return
        for kind in self.resolver.types(ref, module, function):
            if kind != django.RELATED and "[" in kind and django.is_queryset(self.resolver, kind):
                yield Effect("read", f"{django.QUERYSET}.__iter__")

    def _is_queryset(self, ref: Ref, module: Module, function: Function) -> bool:
        return any(django.is_queryset(self.resolver, kind) for kind in self.resolver.types(ref, module, function))

    # ---- callers ---------------------------------------------------------------------------------

    def callers(self, key: Key) -> list[tuple[Node, Edge]]:
        """Who calls a function, with the calls."""
        if key not in self._callers:
            self._callers[key] = list(self._find_callers(key))
        return self._callers[key]

    def _find_callers(self, key: Key) -> Iterator[tuple[Node, Edge]]:
        owner, _, last = key[1].rpartition(".")
        word = owner.rpartition(".")[2] if last == "__init__" and owner else last
        if word == MODULE:
            return
        near = owner.rpartition(".")[2] or PurePosixPath(key[0]).stem
        for module in self.project.callers_of(word, near):
            for symbol, number in module.mentions.get(word, ()):
                function = module.functions[symbol]
                for edge in self.edges_of(function.sites[number], module, function):
                    node = self.node((module.path, symbol)) if edge.callee == key else None
                    if node is not None:
                        yield node, edge


def asks_for_coroutine(site: Site) -> bool:
    """Whether a call tells a function that can do both to give a coroutine: `aembedding=True`, `is_async=True`."""
    own = f"a{last_name(site.ref)}"
    return any(a.value is True and ("async" in a.keyword or a.keyword == own) for a in site.arguments)


def _meant(site: Site, callees: list[tuple[Key, Function]]) -> list[tuple[Key, Function]]:
    """Of what is awaited the coroutines, where there is one among what it may be."""
    awaitable = [c for c in callees if c[1].asynchronous] if site.awaited else []
    return awaitable or callees
