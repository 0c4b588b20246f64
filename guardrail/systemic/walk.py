"""Paths from a context to an effect: who stands in the context, through whom, and what is done at the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from guardrail.places import is_test
from guardrail.systemic.contexts import Context, Contexts
from guardrail.systemic.facts import Site
from guardrail.systemic.graph import Deed, Edge, Graph, Node
from guardrail.systemic.project import Key
from guardrail.systemic.refs import last_name
from guardrail.systemic.synthetic import WHOLE

DEPTH = 8  # calls between a context and an effect
CALLERS = 24  # contexts that one function is reported for
ASKED = 120  # functions whose callers are searched for, on the way to the contexts of one function
_ONCE = frozenset("lru_cache cache cached cached_property memoize".split())


@dataclass(frozen=True, slots=True)
class Hop:
    """One step: a function and the line in it at which the path goes on."""

    node: Node
    line: int


@dataclass(frozen=True, slots=True)
class Path:
    """From the site in a context (the first hop) to the effect (at the last)."""

    context: Context
    hops: tuple[Hop, ...]
    edges: tuple[Edge, ...]
    deed: Deed

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it the same path in another version: functions and effect, not lines."""
        return (*(hop.node.function.symbol for hop in self.hops), self.deed.effect.name)


@dataclass(frozen=True)
class Mode:
    """What a search follows: the kinds of effects, the cuts that end a path, and the functions that it may go into."""

    kinds: frozenset[str]
    stops: frozenset[str]
    enters: Callable[[Node], bool] = lambda _: True
    more: Callable[[Node], Iterable[Deed]] = lambda _: ()
    counts: Callable[[Site], bool] = lambda _: True  # the sites of called functions that matter


def not_cached(node: Node) -> bool:
    """Whether a function does its work every time: its result is not kept."""
    return not any(last_name(d) in _ONCE for d, _, _ in node.function.decorators)


def runs_in_it(node: Node) -> bool:
    """Whether a function runs in the coroutine that calls it, each time, without being one."""
    return not node.function.asynchronous and not_cached(node)


def each_time(site: Site) -> bool:
    """Whether a function comes to a site not only for what failed, or was not known before."""
    return not any(around.kind in ("except", "memo", "lacking") for around in site.around)


@dataclass(frozen=True, slots=True)
class Way:
    """The nearest effect from a function: how many calls away, the first of these calls, and the effect."""

    calls: int
    edge: Edge | None
    deed: Deed


class Walk:
    """The search for one mode in one graph. A function is looked at once, so that all costs as much as there are calls."""

    def __init__(self, graph: Graph, contexts: Contexts, mode: Mode) -> None:
        self.graph, self.contexts, self.mode = graph, contexts, mode
        self._ways: dict[Key, Way | None] = {}

    def deeds(self, node: Node) -> Iterator[Deed]:
        """The effects of a function's own sites that the mode is about."""
        for deed in (*node.deeds, *self.mode.more(node)):
            if deed.effect.kind in self.mode.kinds and deed.cut not in self.mode.stops:
                yield deed

    def edges(self, node: Node) -> Iterator[Edge]:
        """The calls that a path may take."""
        return (e for e in node.edges if e.cut not in self.mode.stops and e.callee != node.key)

    def sites(self, node: Node) -> Iterator[Site]:
        """The sites of a function that have an effect, by themselves or through what they call."""
        yield from (deed.site for deed in self.deeds(node))
        yield from (edge.site for edge in self.edges(node) if self.down(edge.callee))

    def down(self, start: Key) -> tuple[tuple[Hop, ...], tuple[Edge, ...], Deed] | None:
        """The shortest way from a function to an effect."""
        if start not in self._ways:
            self._explore(start)
        way = self._ways[start]
        if way is None:
            return None
        hops, edges, node = [], [], self.graph.node(start)
        while way.edge is not None and node is not None:
            hops.append(Hop(node, way.edge.site.line))
            edges.append(way.edge)
            node, way = self.graph.node(way.edge.callee), self._ways[way.edge.callee] or way
        return (*hops, *([Hop(node, way.deed.site.line)] if node else ())), tuple(edges), way.deed

    def _explore(self, start: Key) -> None:
        """Forward to all that a function reaches, then backward from the effects among it, the nearest first."""
        back: dict[Key, list[tuple[Key, Edge]]] = {start: []}
        order, level = [start], [[] for _ in range(DEPTH + 1)]  # type: tuple[list[Key], list[list[Key]]]
        for key in order:
            if key in self._ways:
                known = self._ways[key]
                if known is not None:
                    level[known.calls].append(key)
                continue
            self._ways[key] = None
            node = self.graph.node(key)
            if node is None or not self.mode.enters(node):
                continue
            deed = next((d for d in self.deeds(node) if self.mode.counts(d.site)), None)
            if deed is not None:
                self._ways[key] = Way(0, None, deed)
                level[0].append(key)
                continue
            for edge in (e for e in self.edges(node) if self.mode.counts(e.site)):
                if edge.callee not in back:
                    back[edge.callee] = []
                    if self._may_go_on(order):
                        order.append(edge.callee)
                back[edge.callee].append((key, edge))
        self._spread(level, back)

    def _may_go_on(self, order: Sequence[Key]) -> bool:
        """Whether one more function may be looked at; of a bound that is hit the user is told."""
        bound = self.graph.project.most
        if bound is None or len(order) < bound:
            return True
        self.graph.project.limits.add(f"of what `{order[0][1]}` reaches the nearest {bound} functions were looked at")
        return False

    def _spread(self, level: list[list[Key]], back: dict[Key, list[tuple[Key, Edge]]]) -> None:
        for calls in range(DEPTH):
            for key in level[calls]:
                way = self._ways[key]
                for caller, edge in back[key] if way is not None else ():
                    if self._ways[caller] is None and way is not None:
                        self._ways[caller] = Way(calls + 1, edge, way.deed)
                        level[calls + 1].append(caller)
        if any(self._ways[caller] is None for key in level[DEPTH] for caller, _ in back[key]):
            self._tell_depth()

    def _tell_depth(self) -> None:
        self.graph.project.limits.add(f"paths were followed over {DEPTH} functions, and some lead further")

    # ---- from a function, both ways ---------------------------------------------------------------

    def through(self, node: Node, kind: str, upward: bool) -> Iterator[Path]:
        """The paths of a context of that kind that begin at a function; `upward`, those too that begin at who calls it."""
        if not self.mode.enters(node) and kind != "async":
            return
        for hops, edges, deed in self._ends(node) if kind in self.contexts.kinds(node) else ():
            yield from self._within(node, kind, hops, edges, deed)
        if upward:
            yield from self._above(node, kind)

    def _ends(self, node: Node, whole: bool = False) -> Iterator[tuple[tuple[Hop, ...], tuple[Edge, ...], Deed]]:
        """Each effect of a function's own, and the nearest behind each of its calls; `whole`, what its decorators do, too."""
        for deed in self.deeds(node):
            if whole or deed.site.kind != WHOLE:
                yield (Hop(node, deed.site.line),), (), deed
        for edge in self.edges(node):
            rest = self.down(edge.callee)
            if rest is not None and len(rest[0]) >= DEPTH:
                self._tell_depth()
            elif rest is not None:
                yield (Hop(node, edge.site.line), *rest[0]), (edge, *rest[1]), rest[2]

    def _within(self, node: Node, kind: str, hops: tuple[Hop, ...], edges: tuple[Edge, ...], deed: Deed) -> Iterator[Path]:
        at = edges[0].site if edges else deed.site
        for context in self.contexts.at(node, at):
            if context.kind == kind:
                yield Path(context, hops, edges, deed)
                return

    def _above(self, node: Node, kind: str) -> Iterator[Path]:
        """Paths that begin at callers of the function, and reach through it what it reaches."""
        if not self.mode.enters(node):
            return
        ends = {(d.effect.name, hops[0].line): (hops, edges, d) for hops, edges, d in reversed(list(self._ends(node, True)))}
        if not ends:
            return
        for hops, edges in self._callers(node, kind):
            for rest in ends.values():
                if len(hops) + len(rest[0]) > DEPTH:
                    self._tell_depth()
                    continue
                contexts = [c for c in self.contexts.at(hops[0].node, edges[0].site) if c.kind == kind]
                yield Path(contexts[0], (*hops, *rest[0]), (*edges, *rest[1]), rest[2])

    def _callers(self, node: Node, kind: str) -> Iterator[tuple[tuple[Hop, ...], tuple[Edge, ...]]]:
        """The ways to a function from the nearest callers that stand in the context."""
        seen = {node.key}
        todo: deque[tuple[Node, tuple[Hop, ...], tuple[Edge, ...]]] = deque([(node, (), ())])
        given = asked = 0
        while todo and given < CALLERS and asked < ASKED:
            now, hops, edges = todo.popleft()
            asked += 1
            for caller, edge in self.graph.callers(now.key):
                if edge.cut in self.mode.stops or caller.key in seen:
                    continue
                way = (Hop(caller, edge.site.line), *hops), (edge, *edges)
                if any(c.kind == kind for c in self.contexts.at(caller, edge.site)):
                    given += 1
                    yield way
                elif len(way[0]) >= DEPTH - 1:
                    self._tell_depth()
                elif self.mode.enters(caller):
                    seen.add(caller.key)
                    todo.append((caller, *way))
        if todo:
            self.graph.project.limits.add(_bounded(node, given, asked))


def _bounded(node: Node, given: int, asked: int) -> str:
    name = node.function.symbol
    if given >= CALLERS:
        return f"`{name}` is called from very many places, of which the nearest {CALLERS} of each kind are told"
    return f"of the functions that lead to `{name}` the nearest {asked} were looked at"


def starts(graph: Graph, keys: Iterable[Key]) -> Iterator[Node]:
    """The nodes of these keys; nobody minds what tests do."""
    for key in keys:
        node = graph.node(key) if not is_test(key[0]) else None
        if node is not None:
            yield node
