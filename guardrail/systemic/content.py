"""Text that others may have written, from the function that gets it to the model that is told it beside its tools."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from guardrail.model import Unreadable
from guardrail.source import parse
from guardrail.systemic.binding import bound
from guardrail.systemic.django import QUERYSET
from guardrail.systemic.effects import Effect
from guardrail.systemic.facts import Ref
from guardrail.systemic.graph import Deed, Edge, Graph, Node
from guardrail.systemic.refs import last_name, ref
from guardrail.systemic.texts import ROW, TEXT, Origin, Texts, Values, called, merged
from guardrail.systemic.tools import Scope, acts, told

if TYPE_CHECKING:
    from guardrail.systemic.project import Key

_SEARCHES = re.compile(r"^a?(similarity_search\w*|max_marginal_relevance_search\w*|get_relevant_documents)$")
_SETS = frozenset({"all", "filter", "exclude", "order_by", "select_related"})
_ROWS = frozenset({"read", "read-async", "foreign-row"})
_LISTS = frozenset({"statement", "statement-async"})


@dataclass
class Content:
    """What comes in, goes on and goes out of one function."""

    returned: Values = field(default_factory=dict)
    told: list[tuple[Deed, Values]] = field(default_factory=list)
    handed: list[tuple[Edge, str, Values]] = field(default_factory=list)  # the call, the parameter, what it gets


class Contents:
    """Answers for one graph; a function is read once, and only when something of it matters."""

    def __init__(self, graph: Graph, deep: int) -> None:
        self.graph, self.deep = graph, deep
        self._memo: dict[Key, Content] = {}
        self._busy: list[Key] = []

    def of(self, node: Node) -> Content:
        """The content of a function; nothing of one that is being read, or too many calls away."""
        if node.key not in self._memo:
            if node.key in self._busy:
                return Content()
            if len(self._busy) >= self.deep:
                self.graph.project.limits.add(f"of what `{self._busy[0][1]}` is given back, {self.deep} calls were followed")
                return Content()
            self._busy.append(node.key)
            try:
                self._memo[node.key] = _Reader(self, node).content()
            finally:
                self._busy.pop()
        return self._memo[node.key]


class _Reader:
    """One function while it is read."""

    def __init__(self, contents: Contents, node: Node) -> None:
        self.contents, self.node, self.graph = contents, node, contents.graph
        self._gives: dict[int, tuple[Values, list[tuple[Edge, Node, dict[int, str]]]]] = {}

    def content(self) -> Content:
        """All of it; nothing where the function cannot be read."""
        try:
            body = parse(textwrap.dedent(self.graph.project.text_of(self.node.key))).body
            function = body[0] if len(body) == 1 else None
            if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                return Content()
            names = [name for name, _, _ in self.node.function.parameters if name not in ("self", "cls")]
            return self._gathered(Texts(function, names, self.gives))
        except (Unreadable, RecursionError):
            return Content()

    def _gathered(self, texts: Texts) -> Content:
        found = Content(returned=texts.returned())
        scope = Scope(self.node.module, self.node.function, tuple(texts.nodes))
        for call in texts.calls():
            deed = next((d for d in self._deeds(call) if d.effect.kind == "prompt"), None)
            said = merged(texts.of(part) for part in told(call)) if deed else {}
            if deed and said and acts(self.graph, call, scope):
                found.told.append((deed, said))
            for edge, _, given in self._resolved(call)[1]:
                for each in (*call.args, *(k.value for k in call.keywords)):
                    if id(each) in given and (values := texts.of(each)):
                        found.handed.append((edge, given[id(each)], values))
        return found

    def gives(self, call: ast.Call, of: Callable[[ast.AST | None], Values]) -> Values | None:
        """What a call gives: a text that it fetches, or what a function of the project makes of its arguments; None of others."""
        own, edges = self._resolved(call)
        if not own and not edges:
            return None
        parts = [own]
        for _, callee, given in edges:
            for origin, state in self.contents.of(callee).returned.items():
                each = next((a for a in (*call.args, *(k.value for k in call.keywords)) if given.get(id(a)) == origin.name), None)
                if not origin.line and each is not None:
                    values = of(each)
                    parts.append(dict.fromkeys(values, TEXT) if state == TEXT else values)
        return merged(parts)

    # ---- calls ---------------------------------------------------------------------------------------

    def _resolved(self, call: ast.Call) -> tuple[Values, list[tuple[Edge, Node, dict[int, str]]]]:
        if id(call) not in self._gives:
            self._gives[id(call)] = ({}, [])
            self._gives[id(call)] = self._resolve(call)
        return self._gives[id(call)]

    def _resolve(self, call: ast.Call) -> tuple[Values, list[tuple[Edge, Node, dict[int, str]]]]:
        line = self._line(call)
        own: Values = {Origin(name, line): state for name, state in self._fetched(call)}
        edges = []
        exprs = [*call.args, *(k.value for k in call.keywords)]
        for edge in self._edges.get((line, ref(call.func)), ()):
            callee = self.graph.node(edge.callee)
            if callee is None or len(edge.site.arguments) != len(exprs):
                continue
            places = {id(a): e for a, e in zip(edge.site.arguments, exprs, strict=True)}
            edges.append((edge, callee, {id(places[id(a)]): name for name, a in bound(edge, self.node, callee)}))
            for origin, state in self.contents.of(callee).returned.items() if callee.function.results else ():
                if origin.line:
                    own[Origin(called(call), line, callee.key)] = state
        return own, edges

    def _line(self, call: ast.Call) -> int:
        return self.node.function.first - 1 + (call.func.end_lineno or call.lineno)

    @cached_property
    def _edges(self) -> dict[tuple[int, Ref], list[Edge]]:
        found: dict[tuple[int, Ref], list[Edge]] = {}
        for edge in self.node.edges:
            if not edge.guessed and edge.cut in ("", "awaited", "offload"):
                found.setdefault((edge.site.line, edge.site.ref), []).append(edge)
        return found

    @cached_property
    def _sites(self) -> dict[tuple[int, Ref], list[Deed]]:
        found: dict[tuple[int, Ref], list[Deed]] = {}
        for deed in self.node.deeds:
            found.setdefault((deed.site.line, deed.site.ref), []).append(deed)
        return found

    def _deeds(self, call: ast.Call) -> list[Deed]:
        return self._sites.get((self._line(call), ref(call.func)), [])

    def _fetched(self, call: ast.Call) -> Iterator[tuple[str, str]]:
        """What a call of a library fetches, with its name."""
        for deed in self._deeds(call):
            if deed.effect.kind == "foreign":
                yield deed.effect.name, TEXT
            elif deed.effect.kind in _ROWS or (deed.effect.kind in _LISTS and deed.effect.name.rpartition(".")[2] == "execute"):
                yield deed.effect.name, ROW
        if name := _searched(self.node, ref(call.func)):
            yield name, ROW


def searches(node: Node) -> Iterator[Deed]:
    """The searches of a function in a store of documents, whatever the store is, and its sets of rows."""
    for site in node.function.sites:
        if site.kind == "call" and (name := _searched(node, site.ref)):
            yield Deed(site, Effect("foreign-row", name))


def _searched(node: Node, called: Ref) -> str:
    """What a call searches in, by its name; "" where it searches nothing."""
    name = last_name(called)
    if _SEARCHES.match(name):
        return name
    if name not in _SETS or called is None or called[0] != "attr":
        return ""
    kinds = node.graph.resolver.types(("call", called, ()), node.module, node.function)
    return next((f"{kind}.{name}" for kind in sorted(kinds) if kind.startswith(f"{QUERYSET}[")), "")


__all__ = ["Content", "Contents", "searches"]
