"""What a Ref names at its place: qualified names, of the project or of a library. Nothing where that is not known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from guardrail.analysis.library import Library
from guardrail.index import MODULE
from guardrail.systemic.facts import Function, Module, Ref
from guardrail.systemic.project import Project

Names = frozenset[str]
NOTHING: Names = frozenset()
DEPTH = 16
MANY = 12  # classes that a value may have before it is unknown
_WRAPPERS = frozenset({"functools.partial", "asgiref.sync.sync_to_async", "asgiref.sync.async_to_sync"})
T = TypeVar("T")


class NameResolver:
    """Answers for one project; each question is answered once."""

    def __init__(self, project: Project, library: Library) -> None:
        self.project, self.library = project, library
        self._memo: dict[tuple[object, ...], Names] = {}
        self._busy: set[tuple[object, ...]] = set()
        self._mro: dict[str, tuple[str, ...]] = {}

    def names(self, ref: Ref, module: Module, function: Function) -> Names:
        """The qualified names that a Ref may stand for."""
        return self.once(("names", ref, module.path, function.symbol), lambda: self._names(ref, module, function))

    def types(self, ref: Ref, module: Module, function: Function) -> Names:
        """The classes that the value of a Ref may have, without their bases."""
        raise NotImplementedError

    def once(self, key: tuple[object, ...], work: Callable[[], Iterable[str]]) -> Names:
        """The remembered answer; nothing while it is being found out, or when it goes too deep."""
        found = self._memo.get(key)
        if found is not None:
            return found
        if key in self._busy or len(self._busy) > DEPTH:
            if key not in self._busy:
                self.project.limits.add(f"names were followed over {DEPTH} steps, and some lead further")
            return NOTHING
        self._busy.add(key)
        try:
            found = frozenset(work())
        finally:
            self._busy.discard(key)
        if len(found) > MANY:
            self.project.limits.add(f"values that may be more than {MANY} things were taken for unknown")
            found = NOTHING
        if not self._busy:  # inside a circle the answer may be a part of it only
            self._memo[key] = found
        return self._memo.setdefault(key, found)

    # ---- names -----------------------------------------------------------------------------------

    def _names(self, ref: Ref, module: Module, function: Function) -> Iterator[str]:
        if ref is None:
            return
        if ref[0] == "name":
            yield from self._plain(ref[1], module, function)
        elif ref[0] == "attr":
            for name in self.names(ref[1], module, function):
                yield self.canonical(f"{name}.{ref[2]}")
            for kind in self.types(ref[1], module, function):
                yield from self.member(kind, ref[2])
        elif ref[0] == "any":
            for each in ref[1]:
                yield from self.names(each, module, function)
        elif ref[0] == "call" and ref[2] and self.names(ref[1], module, function) & _WRAPPERS:
            yield from self.names(ref[2][0], module, function)

    def _plain(self, name: str, module: Module, function: Function) -> Iterator[str]:
        scope: Function | None = function
        while scope is not None and scope.symbol != MODULE:
            inner = f"{scope.symbol}.{name}"
            if inner in module.functions and module.functions[inner].owner == "":
                yield f"{module.name}.{inner}"
                return
            if name in scope.values:
                for value in scope.values[name]:
                    yield from self.names(value, module, scope)
                return
            if any(name == p for p, _, _ in scope.parameters):
                return
            scope = module.functions.get(scope.symbol.rpartition(".")[0])
        if name in module.functions or name in module.classes:
            yield f"{module.name}.{name}"
        elif name in module.imports:
            yield self.canonical(module.imports[name])
        elif name in self.project.values(module):
            own = module.functions[MODULE]
            yield f"{module.name}.{name}"
            for value in own.values[name]:
                yield from self.names(value, module, own)
        else:
            starred = self.project._starred(module, name)
            yield self.canonical(starred) if starred else name

    def canonical(self, name: str) -> str:
        """The name under which something is defined in the project, or known of a library."""
        found = self.project.locate(name)
        if found is None:
            return self.library.canonical(name)
        return f"{found[0].name}.{found[1]}" if found[1] else found[0].name

    def member(self, kind: str, attribute: str) -> Iterator[str]:
        """The names of an attribute of a class, that of the first class in its line that has it."""
        kind = kind.partition("[")[0]
        line = self.mro(kind)
        for each in line:
            found = self.project.klass(each)
            if found is None:
                continue
            module, owner = found
            if f"{owner.symbol}.{attribute}" in module.functions or attribute in owner.values or attribute in owner.annotations:
                yield f"{each}.{attribute}"
                for symbol, value in owner.values.get(attribute, ()):
                    yield from self.names(value, module, self.scope_of(module, symbol))
                return
        for each in line:
            if self.project.klass(each) is None:
                yield f"{each}.{attribute}"

    def scope_of(self, module: Module, symbol: str) -> Function:
        """The function of a symbol; of a class that of its module."""
        return module.functions.get(symbol) or module.functions[MODULE]

    def mro(self, kind: str) -> tuple[str, ...]:
        """A class and its bases, those of the project and those that are known of libraries."""
        kind = kind.partition("[")[0]
        if kind in self._mro:
            return self._mro[kind]
        self._mro[kind] = (kind,)
        found = self.project.klass(kind)
        line = [kind]
        if found is None:
            line += sorted(self.library.with_bases(kind) - {kind})
        else:
            module, owner = found
            for base in owner.bases:
                bare = base[1] if base and base[0] == "of" else base
                for name in sorted(self.names(bare, module, module.functions.get(MODULE, EMPTY))):
                    line += [n for n in self.mro(name) if n not in line]
        self._mro[kind] = tuple(line)
        return self._mro[kind]


EMPTY = Function(MODULE, 1, 1, 1)
