"""One file of one side: the facts of its definitions, and of the few statements that they lead to, parsed when asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from guardrail.analysis.facts import Facts, Origin
from guardrail.analysis.library import Library
from guardrail.analysis.slices import cut, indent_of, parse, parse_lines, split_lines
from guardrail.model import Definition, SourceFile
from guardrail.profiling import timed


class FileFacts:
    """One file of one side: the facts of its definitions, made when they are asked for."""

    def __init__(self, source: SourceFile, library: Library, near: Callable[[Definition, str], bool] = lambda *_: True) -> None:
        """Nothing is parsed yet; `near` tells whether what a detector wants to be near a definition is there."""
        self.source, self.library, self.near, self.index = source, library, near, source.index
        self.lines = split_lines(source.text)
        self.depth = 0
        self._slices: dict[int, Facts] = {}
        self._snippets: dict[tuple[int, int], Facts | None] = {}
        self._by_name: dict[tuple[str, str], list[tuple[str, int, int, str]]] = {}
        for b in self.index.bindings:
            scope = b.scope if b.name.partition(".")[0] not in ("self", "cls") else b.scope.rpartition(".")[0]
            self._by_name.setdefault((scope, b.name), []).append((b.kind, b.first, b.last, b.scope))
        self._symbols: dict[str, list[Definition]] = {}
        for definition in self.index.definitions:
            self._symbols.setdefault(definition.symbol, []).append(definition)

    @cached_property
    def words(self) -> frozenset[str]:
        """All words of the file."""
        return frozenset().union(*(d.words for d in self.index.definitions))

    @property
    def package(self) -> str:
        """What relative imports in the file are relative to."""
        if self.index.path.endswith("__init__.py"):
            return self.index.module
        return self.index.module.rpartition(".")[0]

    def facts(self, definition: Definition) -> Facts:
        """The facts of one of the file's definitions; Unreadable where libcst cannot parse it."""
        key = definition.first if definition.kind != "module" else 0
        found = self._slices.get(key)
        if found is None:
            text, offset = cut(self.lines, definition)
            found = Facts(self, timed("parsing (libcst)")(parse)(text), offset, definition)
            self._slices[key] = found
        return found

    def snippet(self, first: int, last: int, header: bool = False) -> Facts | None:
        """The facts of a few lines: a module-level statement, or the header of a definition."""
        if (first, last) not in self._snippets:
            lines = self.lines
            tree = parse_lines(lines, first, last)
            if tree is None and header:
                own = [*lines[first - 1 : last], indent_of(lines[first - 1]) + "        pass"]
                tree = parse_lines(own, 1, len(own))
            offset = first - 2 if indent_of(lines[first - 1]) else first - 1
            self._snippets[first, last] = None if tree is None else Facts(self, tree, offset, None)
        return self._snippets[first, last]

    def origins(self, scope: str, name: str) -> list[Origin]:
        """The bindings of a module-level name, or of a class attribute (`scope` is the class)."""
        found: list[Origin] = []
        for kind, first, last, _ in self._by_name.get((scope, name), ()):
            facts = self.snippet(first, last, header=kind != "value")
            if facts is not None:
                found.extend((facts, b) for b in facts.own_binds(name))
        return found

    def attribute_origins(self, owner: str, attr: str) -> list[Origin]:
        """Where a class gives its instances an attribute: `self.attr = …` in any method, or in the class body."""
        found: list[Origin] = []
        for root in ("self", "cls"):
            for _, first, _last, scope in self._by_name.get((owner, f"{root}.{attr}"), ()):
                for definition in self._symbols.get(scope, ()):
                    if definition.owns(first):
                        facts = self.facts(definition)
                        binds = facts.scopes.attributes.get(f"{root}.{attr}", ())
                        found.extend((facts, b) for b in binds if (facts, b) not in found)
        return found or self.origins(owner, attr)

    def definition(self, symbol: str) -> Definition | None:
        """The last definition of that symbol."""
        return self._symbols[symbol][-1] if symbol in self._symbols else None

    def local_symbol(self, name: str) -> str | None:
        """The symbol of a qualified name that this very file defines."""
        prefix = self.index.module + "."
        symbol = name[len(prefix) :] if name.startswith(prefix) else name
        return symbol if symbol in self._symbols else None
