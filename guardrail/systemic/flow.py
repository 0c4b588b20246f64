"""Where a value goes that is handed to a function: from argument to parameter, until something writes it down."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from guardrail.systemic.binding import bound
from guardrail.systemic.contexts import Context
from guardrail.systemic.facts import Argument
from guardrail.systemic.graph import Deed, Edge, Graph, Node
from guardrail.systemic.secrets import secret_in
from guardrail.systemic.walk import CALLERS, DEPTH, Hop, Path

_NAMES = re.compile(r"(?:^|_)(?:name|path|identifier|[a-z]{0,2}id)$")  # parameters by which a thing is found
_STATES = 120  # parameters that are looked at on the way from one, and from one back
_OTHER = frozenset({"exc_info", "stack_info", "stacklevel"})  # arguments of a log call that are no text


@dataclass(frozen=True, slots=True)
class Way:
    """From a parameter on: the functions, the calls between them, and what writes the value down at the end."""

    hops: tuple[Hop, ...]
    edges: tuple[Edge, ...]
    deed: Deed


class Flow:
    """The search in one graph; what becomes of a parameter is found out once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._ways: dict[tuple[object, ...], Way | None] = {}

    def through(self, node: Node, kind: str, upward: bool) -> Iterator[Path]:
        """The paths of credentials that begin in a function; `upward`, those too that its callers hand to it."""
        yield from self._handed_on(node, kind)
        for name, _, _ in node.function.parameters if upward else ():
            way = self.down(node, name)
            if way is not None:
                yield from self._above(node, name, way, kind)

    def _handed_on(self, node: Node, kind: str) -> Iterator[Path]:
        """Calls in a function with a credential that what is called writes down."""
        for site in node.function.sites:
            if site.kind != "call" or not any(secret_in(a, node) for a in site.arguments):
                continue
            for edge in self.graph.edges_of(site, node.module, node.function):
                callee = self.graph.node(edge.callee)
                for name, argument in bound(edge, node, callee) if callee else ():
                    way = self.down(callee, name) if callee and secret_in(argument, node) else None
                    if way is not None and len(way.hops) >= DEPTH:
                        self._tell_depth()
                    elif way is not None:
                        context = Context(kind, site.line, secret_in(argument, node))
                        yield Path(context, (Hop(node, site.line), *way.hops), (edge, *way.edges), way.deed)

    def down(self, node: Node, name: str) -> Way | None:
        """The shortest way of a parameter into a log."""
        key = (node.key, name)
        if key not in self._ways:
            self._ways[key] = self._find(node, name)
        return self._ways[key]

    def _find(self, node: Node, name: str) -> Way | None:
        seen = {(node.key, name)}
        todo: deque[tuple[Node, str, tuple[Hop, ...], tuple[Edge, ...]]] = deque([(node, name, (), ())])
        while todo:
            now, parameter, hops, edges = todo.popleft()
            if parameter in now.function.values or _NAMES.search(parameter):
                continue  # it is something else by then, perhaps; or it only names the credential
            deed = next((d for d in now.deeds if _writes(d, parameter)), None)
            if deed is not None:
                return Way((*hops, Hop(now, deed.site.line)), edges, deed)
            for edge, callee, given in self._steps(now, parameter):
                if len(hops) >= DEPTH - 1:
                    self._tell_depth()
                elif (callee.key, given) not in seen and self._may_go_on(len(seen), node, name):
                    seen.add((callee.key, given))
                    todo.append((callee, given, (*hops, Hop(now, edge.site.line)), (*edges, edge)))
        return None

    def _tell_depth(self) -> None:
        self.graph.project.limits.add(f"values were followed through {DEPTH} functions, and some are handed on further")

    def _may_go_on(self, seen: int, node: Node, name: str) -> bool:
        """Whether one more parameter may be looked at; of a bound that is hit the user is told."""
        if seen < _STATES:
            return True
        where = f"`{name}` of `{node.function.symbol}`"
        self.graph.project.limits.add(f"of the parameters on the way of {where} the nearest {_STATES} were looked at")
        return False

    def _steps(self, node: Node, name: str) -> Iterator[tuple[Edge, Node, str]]:
        """The calls that hand a parameter on, and as what."""
        for edge in node.edges:
            callee = self.graph.node(edge.callee) if any(name in a.names for a in edge.site.arguments) else None
            for given, argument in bound(edge, node, callee) if callee else ():
                if callee and _shows(argument, name):
                    yield edge, callee, given

    def _above(self, node: Node, name: str, way: Way, kind: str) -> Iterator[Path]:
        """The paths that begin at callers which hand a credential to this parameter."""
        seen = {(node.key, name)}
        todo: deque[tuple[Node, str, Way]] = deque([(node, name, way)])
        given = 0
        while todo and given < CALLERS:
            now, parameter, rest = todo.popleft()
            if len(rest.hops) >= DEPTH:
                self._tell_depth()
                continue
            for caller, edge in self.graph.callers(now.key):
                for own in (a for p, a in bound(edge, caller, now) if p == parameter):
                    longer = Way((Hop(caller, edge.site.line), *rest.hops), (edge, *rest.edges), rest.deed)
                    if secret := secret_in(own, caller):
                        given += 1
                        yield Path(Context(kind, edge.site.line, secret), longer.hops, longer.edges, longer.deed)
                    for mine, _, _ in caller.function.parameters:
                        if _shows(own, mine) and (caller.key, mine) not in seen and mine not in caller.function.values:
                            if self._may_go_on(len(seen), node, name):
                                seen.add((caller.key, mine))
                                todo.append((caller, mine, longer))
        if todo:
            where = f"`{name}` of `{node.function.symbol}`"
            self.graph.project.limits.add(f"{where} gets credentials from very many places, of which {CALLERS} are told")


def _shows(argument: Argument, name: str) -> bool:
    """Whether an argument is the value of a name, or a text or a container with it."""
    return ("name", name) in (argument.ref, *argument.shown)


def _writes(deed: Deed, name: str) -> bool:
    """Whether an effect writes the value of a name to the log."""
    if deed.effect.kind != "log" or deed.effect.name == "print":
        return False
    return any(a.keyword not in _OTHER and _shows(a, name) for a in deed.site.arguments)


__all__ = ["Flow"]
