"""Effects that are no single call: to retry, to take a lock, to read what is fetched only then, to store one more row,
to change what others change under a lock, to read a body whole."""

from __future__ import annotations

from collections.abc import Iterator

from guardrail.systemic import django, tables
from guardrail.systemic.bodies import bodies
from guardrail.systemic.contexts import Contexts
from guardrail.systemic.effects import Effect
from guardrail.systemic.facts import Around, Site
from guardrail.systemic.graph import Deed, Graph, Node
from guardrail.systemic.guards import shared_changes
from guardrail.systemic.handles import handles
from guardrail.systemic.inserts import inserts
from guardrail.systemic.refs import last_name

_KEPT = {  # effect → the errors that a handler keeps
    "error-kept": frozenset({"", "Exception", "BaseException"}),
    "database-error-kept": frozenset("IntegrityError DatabaseError DataError OperationalError SQLAlchemyError".split()),
}
_MANAGERS = frozenset({"contextmanager", "asynccontextmanager"})  # they can try only the beginning again, not what is done in them
WHOLE = "decorator"  # kind of a site that stands for the whole function


class Synthetic:
    """Answers for one graph."""

    def __init__(self, graph: Graph, contexts: Contexts) -> None:
        self.graph, self.contexts = graph, contexts
        self._memo: dict[tuple[str, str], list[Deed]] = {}

    def of(self, node: Node) -> list[Deed]:
        """The retries, locks, lazy relations, whole tables and new rows of a function."""
        if node.key not in self._memo:
            own = (self._blocks(node), self._decorators(node), self._clients(node), self._lazy(node), self._tables(node))
            more = (inserts(self.graph, node), shared_changes(self.graph, node), handles(self.graph, node), bodies(node))
            self._memo[node.key] = [deed for deeds in (*own, *more) for deed in deeds]
        return self._memo[node.key]

    def _blocks(self, node: Node) -> Iterator[Deed]:
        for around, outer in blocks(node):
            for kind, names in _KEPT.items():
                if around.kind == "try" and names & set(around.names):
                    named = next(name for name in around.names if name in names)
                    yield Deed(Site("block", around.line, None, outer), Effect(kind, f"except {named}".strip()))
            for context in self.contexts.of_block(node, around):
                site = Site("block", around.line, around.ref, outer)
                if context.kind == "retry" and not _MANAGERS.intersection(last_name(d) for d, _, _ in node.function.decorators):
                    yield Deed(site, Effect("retry", attempts(context.identity, context.attempts)))
                elif context.kind.startswith("lock-"):
                    yield Deed(site, Effect("lock", context.identity or "a lock"))
                    if context.kind == "lock-thread":
                        yield Deed(site, Effect("lock-held", context.identity or "a lock"))

    def _decorators(self, node: Node) -> Iterator[Deed]:
        for context in self.contexts.of_function(node):
            if context.kind == "retry" and context.sure:
                yield Deed(Site(WHOLE, context.line, None), Effect("retry", attempts(context.identity, context.attempts)))

    def _clients(self, node: Node) -> Iterator[Deed]:
        """Calls of clients that try again by themselves, and are not told not to."""
        table = self.graph.effects.tables.get("attempts", {})
        for deed in node.deeds:
            times = next((n for name, n in table.items() if deed.effect.name.startswith(name + ".")), 0)
            if times and b"max_retries" not in self.graph.project.read(node.key[0]):
                yield Deed(deed.site, Effect("retry", attempts(deed.effect.name, times)), deed.cut)

    def _tables(self, node: Node) -> Iterator[Deed]:
        """Queries of a whole table."""
        for site in node.function.sites:
            table = tables.whole(node, site)
            if table:
                yield Deed(site, Effect("whole-table", f"all of {table}"))

    def _lazy(self, node: Node) -> Iterator[Deed]:
        """Related objects of a model that are read, and fetched by it."""
        resolver = self.graph.resolver
        for site in node.function.sites:
            if site.kind == "read" and site.ref and site.ref[0] == "attr":
                inner = site.ref[1]
                for owner in resolver.types(inner, node.module, node.function):
                    if django.is_relation(resolver, owner, site.ref[2]):
                        yield Deed(site, Effect("lazy", f"{owner}.{site.ref[2]}"))


def attempts(who: str, times: int) -> str:
    """`requests.get (retries ×3)`; the number is left out where nobody knows it."""
    return f"{who} (retries ×{times})" if times else f"{who} (retries)"


def blocks(node: Node) -> Iterator[tuple[Around, tuple[Around, ...]]]:
    """The blocks of a function, each once, with those around it."""
    seen = set()
    for site in node.function.sites:
        for number, around in enumerate(site.around):
            key = (around.kind, around.line, around.ref)
            if key not in seen:
                seen.add(key)
                yield around, site.around[number + 1 :]


__all__ = ["WHOLE", "Synthetic", "blocks"]
