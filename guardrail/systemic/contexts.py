"""The circumstances in which a site is: inside a coroutine, a loop, a lock, a transaction, a retry, a handler, a task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from guardrail.index import MODULE
from guardrail.systemic import deadlines
from guardrail.systemic.facts import Argument, Around, Ref, Site
from guardrail.systemic.graph import Graph, Node
from guardrail.systemic.names import NOTHING, Names
from guardrail.systemic.refs import last_name, shown

_LOCKISH = ("lock-thread", "lock-async", "lock-dist")


@dataclass(frozen=True, slots=True)
class Context:
    """One circumstance: its kind, the line where it begins, who it is (of a lock), and how many attempts (of a retry)."""

    kind: str
    line: int
    identity: str = ""
    attempts: int = 0  # of a deadline: its seconds
    around: Around | None = None
    sure: bool = True


class Contexts:
    """Answers for one graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._entered: dict[tuple[object, ...], tuple[Context, ...]] = {}
        self._kinds: dict[tuple[str, str], frozenset[str]] = {}
        self._of_function: dict[tuple[str, str], tuple[Context, ...]] = {}

    def at(self, node: Node, site: Site) -> list[Context]:
        """The contexts of a site, the innermost first, those of its function last."""
        found = [c for around in site.around for c in self.of_block(node, around)]
        waited = deadlines.around_call(self.graph, node, site)
        return [*(Context("deadline", line, "wait_for", limit) for line, limit in waited), *found, *self.of_function(node)]

    def kinds(self, node: Node) -> frozenset[str]:
        """The kinds of all contexts in a function."""
        if node.key not in self._kinds:
            blocks = {around for site in node.function.sites for around in site.around}
            found = {c.kind for around in blocks for c in self.of_block(node, around)}
            found |= {"deadline" for site in node.function.sites if last_name(site.ref) == "wait_for"}
            self._kinds[node.key] = frozenset(found | {c.kind for c in self.of_function(node)})
        return self._kinds[node.key]

    def of_block(self, node: Node, around: Around) -> tuple[Context, ...]:
        """The contexts that a block opens."""
        key = (node.key, around.kind, around.line, around.ref)
        if key not in self._entered:
            self._entered[key] = tuple(self._opened(node, around))
        return self._entered[key]

    def _opened(self, node: Node, around: Around) -> Iterator[Context]:
        if around.kind == "with":
            yield from self.entered(node, around)
        elif around.kind == "retry":
            yield Context("retry", around.line, "a loop", around.number or self._bound(node, around.ref), around)
        elif around.kind in ("loop", "few"):
            names = self._called(node, around.ref)
            if names & self._list("retry-loop"):
                yield Context("retry", around.line, shown(around.ref), 0, around)
            elif around.kind == "loop":
                yield Context("loop", around.line, shown(around.ref), 0, around)
        elif around.kind in ("except", "finally", "try"):
            yield Context(around.kind, around.line, "", 0, around)

    def _bound(self, node: Node, ref: Ref) -> int:
        """The number that the bound of a loop is: itself, or a constant of the module."""
        for value in (ref, *self.graph.project.values(node.module).get(last_name(ref), ())):
            if value and value[0] == "text" and str(value[1]).isdigit():
                return int(value[1])
        return 0

    def _list(self, key: str) -> frozenset[str]:
        return self.graph.effects.listed("systemic", key)

    def _called(self, node: Node, ref: Ref) -> Names:
        """The names of something, or of what is called to get it."""
        if ref is None:
            return NOTHING
        inner = ref[1] if ref[0] == "call" else ref
        return self.graph.resolver.names(inner, node.module, node.function)

    def entered(self, node: Node, around: Around) -> Iterator[Context]:
        """The contexts that `with` opens."""
        resolver = self.graph.resolver
        names = self._called(node, around.ref)
        kinds = resolver.types(around.ref, node.module, node.function)
        known = names | kinds | {k for kind in kinds for k in resolver.mro(kind)}
        if known & self.graph.effects.listed("contexts", "transaction"):
            yield Context("transaction", around.line, shown(around.ref), 0, around)
        for kind in _LOCKISH:
            if known & self._list(kind):
                reentrant = bool(known & self._list("reentrant"))
                yield Context(kind, around.line, self.lock_identity(node, around.ref), int(reentrant), around)
                return
        if known & self._list("connection"):
            yield Context("connection", around.line, shown(around.ref), 0, around)
        if names & self._list("deadline") and around.ref and around.ref[0] == "call":
            limit = deadlines.seconds(around.ref[2][:1])
            yield from [Context("deadline", around.line, shown(around.ref), limit, around)] if limit else []

    def lock_identity(self, node: Node, ref: Ref) -> str:
        """Which lock a Ref is: an attribute of a class, or a name of a module; "" for one that only its holder knows."""
        if ref is None or ref[0] == "call":
            return ""
        if ref[0] == "attr":
            owners = self.graph.resolver.types(ref[1], node.module, node.function)
            holders = {m for o in owners for m in self.graph.resolver.member(o, ref[2])}
            found = sorted(h for h in holders if self.graph.project.klass(h.rpartition(".")[0]))
            return found[0] if found else ""
        if ref[0] == "name":
            if ref[1] in node.function.values or any(ref[1] == p for p, _, _ in node.function.parameters):
                return ""
            names = self.graph.resolver.names(ref, node.module, node.function)
            inside = sorted(n for n in names if self.graph.project.locate(n))
            return inside[0] if inside else ""
        return ""

    def of_function(self, node: Node) -> tuple[Context, ...]:
        """The contexts that a whole function is in: by `async def`, by its decorators, by being a task."""
        if node.key not in self._of_function:
            self._of_function[node.key] = tuple(self._whole(node))
        return self._of_function[node.key]

    def _whole(self, node: Node) -> Iterator[Context]:
        function, graph = node.function, self.graph
        yield Context("function", function.first)
        if function.asynchronous:
            yield Context("async", function.first)
        if self._is_handler(node):
            yield Context("handler", function.header)
        for ref, line, _ in graph.decorated(node.module, function, "decorators", "transaction"):
            yield Context("transaction", line, shown(ref))
        for ref, line, arguments in graph.decorated(node.module, function, "systemic", "retry-decorators"):
            yield Context("retry", line, "@" + shown(ref), self._attempts(node, ref, arguments))
        for ref, line, arguments in graph.decorated(node.module, function, "systemic", "task"):
            yield Context("task", line, "@" + shown(ref))
            times = _redelivered(last_name(ref), arguments)
            if times:
                yield Context("retry", line, "@" + shown(ref), times if times > 1 else 0, sure=False)

    def _is_handler(self, node: Node) -> bool:
        """Whether a function answers requests: by a decorator, or as a method of a view."""
        function, graph = node.function, self.graph
        if graph.decorated(node.module, function, "decorators", "handler"):
            return True
        if not function.owner or function.name not in graph.effects.listed("handlers", "methods"):
            return False
        line = graph.resolver.mro(f"{node.module.name}.{function.owner}")[1:]
        return bool(graph.effects.listed("handlers", "bases").intersection(line))

    def _attempts(self, node: Node, ref: Ref, arguments: tuple[Argument, ...]) -> int:
        """How many attempts a decorator makes, 0 where it does not say."""
        for argument in arguments:
            if argument.keyword in ("max_tries", "attempts", "stop_max_attempt_number") and isinstance(argument.value, int):
                return argument.value
            if argument.keyword == "stop":
                return _stop(argument.ref)
        names = self.graph.resolver.names(ref, node.module, node.module.functions[MODULE])
        return 10 if "stamina.retry" in names else 0


def _stop(ref: Ref) -> int:
    """`stop_after_attempt(3)`: literals of numbers are not kept in a Ref, so the text of its last part has to do."""
    if ref is not None and ref[0] == "call" and last_name(ref[1]) == "stop_after_attempt" and ref[2] and ref[2][0]:
        inner = ref[2][0]
        return int(inner[1]) if inner[0] == "text" and str(inner[1]).isdigit() else 0
    return 0


def _redelivered(decorator: str, arguments: tuple[Argument, ...]) -> int:
    """How often a queue may run a task: 0 once, 1 an unknown number of times."""
    said = {a.keyword: a for a in arguments}
    if decorator == "actor":
        limit = said.get("max_retries")
        return 21 if limit is None else (limit.value + 1 if isinstance(limit.value, int) and limit.value else 0)
    if "autoretry_for" in said or (said.get("acks_late") and said["acks_late"].value is True):
        limit = said.get("max_retries")
        return limit.value + 1 if limit and isinstance(limit.value, int) else 1
    return 0


__all__ = ["Context", "Contexts"]
