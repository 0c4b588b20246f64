"""What is known of libraries, read from `rules/library.toml` and `rules/effects.toml`: aliases, types, user input, contexts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import libcst as cst

    from guardrail.analysis.facts import Facts
    from guardrail.model import FileIndex

Names = frozenset[str]
_NOTHING: Names = frozenset()
UNKNOWN_REQUEST = "web.Request"  # of a parameter `request` where no framework is imported: only what is unmistakable counts


@dataclass(slots=True)
class Library:
    """Tables keyed by qualified names; a key that ends with `.*` holds for all below it."""

    tables: Mapping[str, Any]
    _canonical: dict[str, str] = field(default_factory=dict)

    def _table(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.tables.get(name, {})
        return found

    def canonical(self, name: str) -> str:
        """The public name of something that has several: `requests.sessions.Session` is `requests.Session`."""
        found = self._canonical.get(name)
        if found is None:
            found = self._canonical[name] = self._renamed(name)
        return found

    def _renamed(self, name: str) -> str:
        aliases, head, tail = self._table("aliases"), name, ""
        while head:
            if head in aliases:
                return str(aliases[head]) + tail
            head, dot, last = head.rpartition(".")
            tail = dot + last + tail
        return name

    def _look_up(self, table: str, name: str) -> list[str]:
        entries = self._table(table)
        found = entries.get(name)
        if found is None:
            found = entries.get(name.rpartition(".")[0] + ".*")
        if found is None:
            return []
        return [found] if isinstance(found, str) else list(found)

    def with_bases(self, name: str) -> Names:
        """A class and the classes that it inherits from."""
        found = {name}
        for base in self._look_up("inherits", name):
            found |= self.with_bases(base)
        return frozenset(found)

    def returned(self, name: str) -> Names:
        """The types of what a call of that name gives."""
        return _NOTHING.union(*(self.with_bases(t) for t in self._look_up("returns", name)))

    def entered(self, name: str) -> Names:
        """The types of `x` in `with … as x`; by default the context manager's own."""
        found = self._look_up("enters", name)
        return _NOTHING.union(*(self.with_bases(t) for t in found)) if found else frozenset({name})

    def attribute_types(self, name: str) -> Names:
        """The types of a known class's attribute."""
        return _NOTHING.union(*(self.with_bases(t) for t in self._look_up("attributes", name)))

    def instances(self, names: Names) -> Names:
        """The types of known module-level objects, such as `flask.request`."""
        return _NOTHING.union(*(self.with_bases(t) for n in names for t in self._look_up("instances", n)))

    def request_types(self, index: FileIndex) -> Names:
        """What a parameter named `request` is, judged by the web framework that the file imports."""
        roots = {name.split(".")[0] for name in (*index.imports.values(), *index.stars)}
        found = {kind for root, kind in self._table("requests").items() if root in roots}
        return frozenset(found or {UNKNOWN_REQUEST})

    def is_source(self, names: Names) -> bool:
        """Whether one of the names is user input."""
        return any(n in self._sources or n.rpartition(".")[0] in self._sources for n in names)

    @property
    def _sources(self) -> frozenset[str]:
        return self._set("sources", "names")

    def is_source_method(self, method: str) -> bool:
        """Whether a method of that name gives user input whatever it is called on."""
        return method in self._set("sources", "methods")

    def is_sanitizer(self, names: Names, method: str) -> bool:
        """Whether a call gives something that is no longer raw user input."""
        return bool(names & self._set("sanitizers", "names")) or method in self._set("sanitizers", "methods")

    def passes_on(self, names: Names, method: str) -> bool:
        """Whether a call's result holds the text of its arguments."""
        return bool(names & self._set("carriers", "names")) or method in self._set("carriers", "methods")

    def keeps_receiver(self, method: str) -> bool:
        """Whether a method of user input gives user input again."""
        return method not in self._set("carriers", "stops")

    def context_names(self, names: Iterable[str]) -> Names:
        """The contexts that entering something with one of these names opens."""
        found = set()
        for context in ("lock", "transaction", "retry"):
            known = self._set("contexts", context)
            if any(n in known for n in names):
                found.add(context)
        return frozenset(found)

    def roles(self, facts: Facts, function: cst.FunctionDef) -> Names:
        """`handler`, `retry` and `transaction` where a function's decorators or class say so."""
        import libcst as cst  # late: the tables are read without it, too

        found: set[str] = set()
        for decorator in function.decorators:
            inner = decorator.decorator
            names = facts.names(inner.func if isinstance(inner, cst.Call) else inner)
            for role in ("handler", "retry", "transaction"):
                if names & self._set("decorators", role):
                    found.add(role)
            bare = inner.func if isinstance(inner, cst.Call) else inner
            if isinstance(bare, cst.Attribute) and not names and bare.attr.value in self._set("decorators", "handler-methods"):
                found.add("handler")
        if facts.owner and function.name.value in self._set("handlers", "methods"):
            if facts.class_types(facts.owner) & self._set("handlers", "bases"):
                found.add("handler")
        return frozenset(found)

    def _set(self, table: str, key: str) -> frozenset[str]:
        cached = _SETS.get((id(self.tables), table, key))
        if cached is None:
            cached = _SETS[id(self.tables), table, key] = frozenset(self._table(table).get(key, ()))
        return cached


_SETS: dict[tuple[int, str, str], frozenset[str]] = {}
