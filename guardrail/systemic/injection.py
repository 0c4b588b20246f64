"""LLM005: where a text goes that others may have written, up through what is returned, then down through what is handed over."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from guardrail.systemic.content import Content, Contents, searches
from guardrail.systemic.contexts import Context, Contexts
from guardrail.systemic.graph import Deed, Edge, Graph, Node
from guardrail.systemic.texts import TEXT, Origin
from guardrail.systemic.walk import CALLERS, DEPTH, Hop, Mode, Path, Walk

if TYPE_CHECKING:
    from guardrail.packs import Rule
    from guardrail.systemic.findings import Judging

_STATES = 120  # functions that are looked at on the way of one text
_COMES = frozenset({"foreign", "foreign-row", "read", "read-async", "statement", "statement-async"})
_MODELS = ("openai", "anthropic", "litellm", "ollama", "mistralai", "agents", "pydantic_ai", "langgraph", "langchain")
_GUARDED = re.compile(
    r"needs_approval|requires_approval|HumanInTheLoop|interrupt_(before|on)|ApprovalRequired|require_approval|guardrails?\s*="
    r"|untrusted|prompt_?injection|spotlight|llm_guard|moderation",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Way:
    """A part of a path: functions, the calls between them."""

    hops: tuple[Hop, ...] = ()
    edges: tuple[Edge, ...] = ()


class Injection:
    """The search in one graph."""

    def __init__(self, graph: Graph, contexts: Contexts) -> None:
        self.graph = graph
        self.contents = Contents(graph, DEPTH)
        self._reaching = {
            kind: Walk(graph, contexts, Mode(kinds, frozenset({"spawn", "commit", "later"}), more=searches))
            for kind, kinds in (("prompt", frozenset({"prompt"})), ("foreign", _COMES))
        }
        self._down: dict[tuple[object, ...], tuple[Way, Deed] | None] = {}

    def through(self, node: Node, kind: str, upward: bool) -> Iterator[Path]:
        """The paths on which a function gets a text and tells it a model; `upward`, those too that it only has a part in."""
        tells, gets = self._reaches(node, "prompt"), self._reaches(node, "foreign")
        if not (tells or (upward and gets and node.function.results)) or not self._has_models:
            return
        if tells and gets:
            yield from self._met(node, kind, self.contents.of(node), None, None)
        if upward and tells:
            yield from self._handed_in(node, kind)
        if upward and gets:
            yield from self._given_back(node, kind)

    @cached_property
    def _has_models(self) -> bool:
        """Whether the project talks to a model at all."""
        return any(self.graph.project.files_with(name) for name in _MODELS)

    def _reaches(self, node: Node, what: str) -> bool:
        walk = self._reaching[what]
        return next(walk.deeds(node), None) is not None or any(walk.down(e.callee) for e in walk.edges(node))

    # ---- one function that has the text and hands it on ------------------------------------------

    def _met(self, node: Node, kind: str, content: Content, only: Edge | None, way: Way | None) -> Iterator[Path]:
        """Paths that a function closes: what comes in at one of its calls goes out at another; `only` at that, by that way."""
        for begin, line, end, deed in self._closing(node, content):
            if only is not None and (begin.line, begin.callee) != (only.site.line, only.callee):
                continue
            came = (self._up(node, begin) if way is None else (way, way.hops[0].line, "")) if begin.line else None
            if came is None:
                continue
            before, first, name = came
            hops = (*before.hops, *(end.hops or (Hop(node, line),)))
            if len(hops) > DEPTH:
                self._tell_depth()
            else:
                yield Path(Context(kind, first, name), hops, (*before.edges, *end.edges), deed)

    def _closing(self, node: Node, content: Content) -> Iterator[tuple[Origin, int, Way, Deed]]:
        """What a function gets, with the rest of its way to a model."""
        for deed, values in content.told:
            yield from ((o, deed.site.line, Way(), deed) for o, state in values.items() if state == TEXT)
        for edge, name, values in content.handed:
            for origin, state in values.items():
                callee = self.graph.node(edge.callee)
                found = self._lead(callee, name, state) if callee else None
                if found:
                    way = Way((Hop(node, edge.site.line), *found[0].hops), (edge, *found[0].edges))
                    yield origin, edge.site.line, way, found[1]

    def _up(self, node: Node, begin: Origin) -> tuple[Way, int, str] | None:
        """The way on which a text came to a function, with the line where it began and its name."""
        hops: list[Hop] = []
        edges: list[Edge] = []
        now, origin = node, begin
        while origin.callee is not None and len(hops) < DEPTH:
            edge = next((e for e in now.edges if (e.site.line, e.callee) == (origin.line, origin.callee)), None)
            callee = self.graph.node(origin.callee)
            inner = [o for o in self.contents.of(callee).returned if o.line] if callee else []
            if edge is None or callee is None or not inner:
                return None
            now, origin = callee, min(inner, key=lambda o: (o.callee is not None, o.line))
            hops.insert(0, Hop(now, origin.line))
            edges.insert(0, edge)
        return (Way(tuple(hops), tuple(edges)), origin.line, origin.name) if origin.callee is None else None

    def _lead(self, node: Node, name: str, state: str) -> tuple[Way, Deed] | None:
        """The shortest way of a parameter to a model that is told it."""
        key = (node.key, name, state)
        if key not in self._down:
            self._down[key] = self._find(node, name, state) if self._reaches(node, "prompt") else None
        return self._down[key]

    def _find(self, node: Node, name: str, state: str) -> tuple[Way, Deed] | None:
        seen = {(node.key, name, state)}
        todo: deque[tuple[Node, str, str, Way]] = deque([(node, name, state, Way())])
        while todo:
            now, parameter, known, way = todo.popleft()
            content = self.contents.of(now)
            for deed, values in content.told:
                if TEXT in (known, values.get(Origin(parameter))) and Origin(parameter) in values:
                    return Way((*way.hops, Hop(now, deed.site.line)), way.edges), deed
            handed = [h for h in content.handed if Origin(parameter) in h[2]]
            if handed and len(way.hops) >= DEPTH - 1:
                self._tell_depth()
                continue
            for edge, given, values in handed:
                callee = self.graph.node(edge.callee)
                more = TEXT if TEXT in (known, values.get(Origin(parameter))) else known
                if callee is not None and (callee.key, given, more) not in seen and self._may_go_on(seen, node):
                    seen.add((callee.key, given, more))
                    todo.append((callee, given, more, Way((*way.hops, Hop(now, edge.site.line)), (*way.edges, edge))))
        return None

    def _tell_depth(self) -> None:
        self.graph.project.limits.add(f"texts were followed through {DEPTH} functions, and some are handed on further")

    def _may_go_on(self, seen: set[tuple[tuple[str, str], str, str]], node: Node) -> bool:
        if len(seen) < _STATES:
            return True
        self.graph.project.limits.add(f"of the ways of a text from `{node.function.symbol}` the nearest {_STATES} were followed")
        return False

    # ---- from a function in the middle, to its callers -------------------------------------------

    def _handed_in(self, node: Node, kind: str) -> Iterator[Path]:
        """Paths of callers that have the text, and hand it to a function that leads to a model."""
        seen = {node.key}
        todo: deque[Node] = deque([node])
        given = 0
        while todo:
            now = todo.popleft()
            names = [n for n, _, _ in now.function.parameters]
            if not any(self._lead(now, n, TEXT) for n in names):
                continue
            for caller, edge in self.graph.callers(now.key):
                content = self.contents.of(caller)
                handed = [(e, n, v) for e, n, v in content.handed if e.callee == now.key and e.site.line == edge.site.line]
                if given >= CALLERS or len(seen) > _STATES:
                    self.graph.project.limits.add(_many(node))
                    return
                for path in self._met(caller, kind, Content(handed=handed), None, None):
                    given += 1
                    yield path
                if any(not o.line for _, _, v in handed for o in v) and caller.key not in seen:
                    seen.add(caller.key)
                    todo.append(caller)

    def _given_back(self, node: Node, kind: str) -> Iterator[Path]:
        """Paths of callers that get the text from a function, and hand it on or give it back as well."""
        begin = next((o for o in self.contents.of(node).returned if o.line), None)
        came = self._up(node, begin) if begin else None
        if begin is None or came is None:
            return
        seen, given = {node.key}, 0
        before, first, name = came
        start = Way((*before.hops, Hop(node, begin.line)), before.edges)
        todo: deque[tuple[Node, Way]] = deque([(node, start)])
        while todo:
            now, way = todo.popleft()
            if len(way.hops) >= DEPTH:
                self._tell_depth()
                continue
            for caller, edge in self.graph.callers(now.key):
                if given >= CALLERS or len(seen) > _STATES:
                    self.graph.project.limits.add(_many(node))
                    return
                content = self.contents.of(caller)
                longer = Way(way.hops, (*way.edges, edge))
                for path in self._met(caller, kind, content, edge, longer):
                    given += 1
                    yield Path(Context(kind, first, name), path.hops, path.edges, path.deed)
                if any((o.line, o.callee) == (edge.site.line, edge.callee) for o in content.returned) and caller.key not in seen:
                    seen.add(caller.key)
                    todo.append((caller, Way((*way.hops, Hop(caller, edge.site.line)), longer.edges)))


def _many(node: Node) -> str:
    return f"`{node.function.symbol}` is called from very many places, of which the nearest {CALLERS} were followed"


def told(judging: Judging, rule: Rule, path: Path) -> str | None:
    """LLM005: through at least one call, with nothing that asks for approval or knows that the text is not to be trusted."""
    project = judging.graph.project
    files = {hop.node.module.path for hop in path.hops[-1:]}
    if not path.edges or any(_GUARDED.search(project.read(p).decode("utf-8", "replace")) for p in files):
        return None
    if any(_GUARDED.search(project.text_of(hop.node.key)) for hop in path.hops):
        return None
    return f"Text from `{path.context.identity}` is read by a model whose tools change something: $CHAIN."


__all__ = ["Injection", "told"]
