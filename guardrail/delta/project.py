"""The project of head, read as far as a candidate asks for: definitions by name, base classes, callers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from guardrail.change.trees import prefetch
from guardrail.delta.removed import plain, taken_away
from guardrail.model import Change, Definition, Unreadable
from guardrail.places import is_test

if TYPE_CHECKING:
    from guardrail.judge import Judge
    from guardrail.side import Side

Place = tuple["Side", Definition]
FILES = 3000  # Python files of head that are searched for callers
DEEP = 5  # base classes above one another


@dataclass(frozen=True)
class Project:
    """Both trees of a change; files are indexed when they are asked for."""

    judge: Judge
    change: Change
    _heads: dict[str, Side | None] = field(default_factory=dict)
    _bases: dict[str, Side | None] = field(default_factory=dict)

    def head(self, path: str) -> Side | None:
        """The head side of a file."""
        if path not in self._heads:
            self._heads[path] = self.judge.side(self.judge.head, path)
        return self._heads[path]

    def base(self, path: str) -> Side | None:
        """The base side of a file, by the path that head has it under."""
        if path not in self._bases:
            old = self.renames.get(path, path)
            self._bases[path] = self.judge.side(self.judge.base, old)
        return self._bases[path]

    @property
    def renames(self) -> Mapping[str, str]:
        """Head path → base path."""
        return self.change.renames

    def before(self, side: Side, new: Definition) -> frozenset[str]:
        """The words that the definition had in base."""
        old = self.base(side.file.path)
        return frozenset().union(*(d.words for d in old.definitions if d.symbol == new.symbol)) if old else frozenset()

    def changed(self, side: Side, definition: Definition) -> bool:
        """Whether a definition is new, or not what it was in base."""
        old = self.base(side.file.path)
        if old is None:
            return True
        return all(old.key(d) != side.key(definition) for d in old.definitions if d.symbol == definition.symbol)

    def defined(self, side: Side, name: str) -> Iterator[Place]:
        """The definitions that a name may stand for: in its own file, or where it is imported from."""
        for definition in side.definitions:
            if definition.kind != "module" and definition.symbol.rpartition(".")[2] == name:
                yield side, definition
        full = side.file.index.imports.get(name)
        if full:
            for path in self.modules(full.rpartition(".")[0], side.file.path):
                where = self.head(path)
                last = full.rpartition(".")[2]
                if where is not None and where is not side:
                    yield from ((where, d) for d in where.definitions if d.symbol == last)

    def modules(self, dotted: str, near: str) -> list[str]:
        """The files of head that a dotted name, perhaps a relative one, may mean."""
        tail = dotted.strip(".").replace(".", "/")
        if not tail:
            return []
        folder = near.rpartition("/")[0]
        wanted = [f"{tail}.py", f"{tail}/__init__.py", f"src/{tail}.py", f"src/{tail}/__init__.py"]
        wanted += [f"{folder}/{tail}.py"] if folder else []
        return [path for path in wanted if path in self.files]

    @cached_property
    def files(self) -> frozenset[str]:
        """The Python files of head."""
        return frozenset(p for p in self.judge.head.paths() if p.endswith(".py"))

    @cached_property
    def removed_words(self) -> frozenset[str]:
        """The words that the code of the change, tests left out, had in base and has not at head."""
        before, after = (frozenset().union(*(s.words.of_file for s in sides)) for sides in self._code_sides)
        return before - after

    def takes_away(self, words: Iterable[str], test: str = "") -> bool:
        """Whether the change removed, or deprecated, one of these names, or one that a test is called after."""
        return not self._taken_away.isdisjoint(plain(words)) or any("_" in name and name in test for name in self._taken_away)

    @cached_property
    def _taken_away(self) -> frozenset[str]:
        return taken_away(*self._code_sides)

    @cached_property
    def _code_sides(self) -> tuple[list[Side], list[Side]]:
        """The files of the change that are no tests, on both sides."""
        changed = [f for f in self.change.files if f.path.endswith(".py") and not is_test(f.path)]
        old = [s for f in changed if f.base_path and (s := self.judge.side(self.judge.base, f.base_path))]
        return old, [s for f in changed if f.head_path and (s := self.head(f.head_path))]

    def classes(self, side: Side, symbol: str, depth: int = 0) -> Iterator[Place]:
        """A class of a file and the classes of the project that it inherits from."""
        for klass in (d for d in side.definitions if d.kind == "class" and d.symbol == symbol):
            yield side, klass
            if depth < DEEP:
                lines = side.words.lines[klass.first - 1 : klass.header]
                header = " ".join(lines).partition("(")[2]
                for name in re.findall(r"[A-Za-z_]\w*", header):
                    for where, found in self.defined(side, name):
                        if found.kind == "class" and found is not klass:
                            yield from self.classes(where, found.symbol, depth + 1)

    def callers(self, side: Side, called: Definition, name: str) -> Iterator[Place]:
        """The definitions of head, tests left out, that name a definition; those of the changed files first."""
        word = name.encode()
        first = [f.head_path for f in self.change.files if f.head_path and f.head_path.endswith(".py")]
        paths = list(dict.fromkeys([side.file.path, *first, *sorted(self.files)[:FILES]]))
        prefetch(self.judge.head, paths)
        for path in paths:
            if is_test(path) or not self.mentions(path, word):
                continue
            where = self.head(path)
            for definition in where.definitions if where else ():
                same = where is side and definition.first == called.first
                if name in definition.words and not same:
                    yield where, definition  # type: ignore[misc]

    def mentions(self, path: str, word: bytes) -> bool:
        """Whether the text of a file of head has a word somewhere."""
        try:
            data = self.judge.head.read(path)
        except Unreadable:
            return False
        return data is not None and word in data
