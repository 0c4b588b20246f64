"""Limits of time: which a caller sets, and what is waited for inside of them at most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from guardrail.systemic.facts import Argument, Ref, Site
from guardrail.systemic.project import Key
from guardrail.systemic.refs import last_name

if TYPE_CHECKING:
    from guardrail.packs import Rule
    from guardrail.systemic.contexts import Contexts
    from guardrail.systemic.findings import Judging
    from guardrail.systemic.graph import Graph, Node
    from guardrail.systemic.walk import Path

_DEEP = 5  # calls that are followed when times are added up
_SIDEWAYS = frozenset("branch last except memo lacking few loop".split())  # blocks that may not run: of them the longest counts
_WAITED = frozenset({"net", "net-async"})


def seconds(values: Sequence[Ref]) -> int:
    """The literal number of seconds that a Ref gives, 0 where it gives none."""
    first = values[0] if values else None
    return int(first[1]) if first and first[0] == "text" and str(first[1]).isdigit() else 0


def around_call(graph: Graph, node: Node, site: Site) -> Iterator[tuple[int, int]]:
    """Line and seconds of `wait_for(call(), 5)` around a call."""
    if not any(last_name(outer) == "wait_for" for outer in site.given_to):
        return
    for outer in node.function.sites:
        first = outer.arguments[0].ref if outer.arguments else None
        if last_name(outer.ref) == "wait_for" and first and first[0] == "call" and first[1] == site.ref and outer.line >= site.line:
            limit = _literal(a for a in outer.arguments[1:] if a.keyword in ("", "*", "timeout"))
            if limit and "asyncio.wait_for" in graph.names(outer, node.module, node.function):
                yield outer.line, int(limit)
                return


def _literal(arguments: Iterable[Argument]) -> float:
    """The first number among arguments, 0 where there is none."""
    return next((float(a.value) for a in arguments if isinstance(a.value, (int, float)) and not isinstance(a.value, bool)), 0.0)


class Times:
    """The longest that functions wait for the network, as far as their calls name a timeout; in seconds."""

    def __init__(self, graph: Graph, contexts: Contexts) -> None:
        self.graph, self.contexts = graph, contexts
        self._known: dict[Key, float] = {}

    def of(self, key: Key, depth: int = 0) -> float:
        """All that a function waits for, one after the other; of what may be left out the longest only."""
        if key not in self._known:
            self._known[key] = 0.0  # of a circle once
            node = self.graph.node(key)
            if node is not None and depth >= _DEEP and node.edges:
                self.graph.project.limits.add(f"times were added up over {_DEEP} calls, and some lead further")
            elif node is not None:
                self._known[key] = self.added(node, node.function.sites, (), depth)
        return self._known[key]

    def added(self, node: Node, sites: Iterable[Site], within: tuple[object, ...], depth: int = 0) -> float:
        """The same of some sites of a function; `within` are the blocks that they all stand in."""
        always, sideways = 0.0, 0.0
        for site in sites:
            waited = self.at(node, site, within, depth)
            blocks = {a.kind for a in site.around if a not in within}
            if blocks & _SIDEWAYS or any(last_name(outer) == "gather" for outer in site.given_to):
                sideways = max(sideways, waited)
            else:
                always += waited
        return always + sideways

    def at(self, node: Node, site: Site, within: tuple[object, ...], depth: int = 0) -> float:
        """What one site waits for, with the attempts of the retries around it."""
        own = [d for d in self.graph.deeds_of(site, node.module, node.function) if d.effect.kind in _WAITED and not d.cut]
        waited = _literal(a for a in site.arguments if a.keyword == "timeout") if own else 0.0
        edges = [e for e in self.graph.edges_of(site, node.module, node.function) if not e.cut]
        waited = max([waited, *(self._called(e.callee, depth) for e in edges)])
        for around in site.around if waited else ():
            for context in self.contexts.of_block(node, around) if around not in within else ():
                waited *= (context.attempts or 1) if context.kind == "retry" else 1
        return waited

    def _called(self, key: Key, depth: int) -> float:
        node = self.graph.node(key)
        whole = self.contexts.of_function(node) if node else ()
        times = max([1, *(c.attempts for c in whole if c.kind == "retry" and c.sure)])
        return self.of(key, depth + 1) * times


def exceeded(judging: Judging, rule: Rule, path: Path) -> str | None:
    """RTY014: what the calls inside of a limit wait for is more than the limit."""
    node, context = path.hops[0].node, path.context
    times = Times(judging.graph, judging.contexts)
    if context.around is None:
        site = path.edges[0].site if path.edges else path.deed.site
        total = times.at(node, site, site.around)
    else:
        sites = [s for s in node.function.sites if context.around in s.around]
        total = times.added(node, sites, sites[0].around[sites[0].around.index(context.around) :] if sites else ())
    if total <= context.attempts or not path.edges:
        return None
    return f"The calls inside of a limit of {context.attempts} s may wait for {total:g} s: $CHAIN."
