"""Definitions × anchors → candidates: what is worth parsing, and with which rules.

A definition's words are its own and those that its names stand for: what it imports, the module constants, local classes and
functions that it names, the attributes that its class gives itself. So `from os import system as s` counts as `system`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Generic, TypeVar

from guardrail.grep import Grep, Mask, Span, mask
from guardrail.model import Binding, Definition, FileIndex
from guardrail.patterns.anchors import IN_FILE, NAMES, OWN, SEARCH, SECRET, SECRETNAME, Anchors, Words, attribute, is_plain
from guardrail.words import attributes_in, is_secret_name, words_in

_DEFINED = re.compile(r"\b(?:def|class)\b[\s\\]*([^\W\d]\w*)")
_LOCAL = re.compile(r"=\s*[^\W\d]\w*\s*$")
_OWN, _IN_FILE, _NAMES, _SEARCH = (prefix.rstrip(">") for prefix in (OWN, IN_FILE, NAMES, SEARCH))
T = TypeVar("T", bound=Hashable)


class FileWords:
    """The words of one file's definitions, with all that their names stand for."""

    def __init__(
        self,
        text: str,
        index: FileIndex,
        implied: Mapping[str, Sequence[str]],
        inherited: Sequence[tuple[str, Words]] = (),
        asked: Words = frozenset(),
    ) -> None:
        """`implied`: packages whose objects may be of another package's classes (`flask_sqlalchemy`: `sqlalchemy`).

        `inherited`: classes, and packages of classes with a dot at the end, with the words of their bases. `asked`: the words of
        all anchors, by which a module of a library that they speak of is known.
        """
        self.text, self.lines = text, text.split("\n")
        self._grep = Grep(self.lines)
        self.index = index
        self.bound: dict[str, list[Binding]] = {}
        for binding in index.bindings:
            self.bound.setdefault(binding.name.rpartition(".")[2], []).append(binding)
        self.headers: dict[str, Definition] = {d.symbol: d for d in index.definitions}
        self.imported = {local: _imported(local, full, inherited) for local, full in index.imports.items()}
        self.everywhere = frozenset(part for star in index.stars for part in star.split("."))
        for package in {name.split(".")[0] for name in (*index.imports.values(), *index.stars)}:
            self.everywhere |= frozenset(implied.get(package, ()))
        self.everywhere |= frozenset(map(attribute, self.everywhere))
        self.module = frozenset(word for part in index.module.split(".") for word in (part, attribute(part)))
        self._speaks_of_it = index.module.partition(".")[0] in asked
        self._of_lines: dict[Span, Words] = {}
        self._attributes_of: dict[Span, Words] = {}
        self._closures: dict[int, tuple[Words, set[Span], Mask]] = {}
        self._defined: dict[int, list[str]] = {}

    def of(self, definition: Definition) -> Words:
        """All words that matter for the definition."""
        return self._closure(definition)[0]

    def environment(self, definition: Definition) -> tuple[str, ...]:
        """What the definition means beyond its own text: imports, module statements and headers that its names lead to."""
        words, spans, _ = self._closure(definition)
        used = sorted(f"{local}={full}" for local, full in self.index.imports.items() if local in words)
        texts = sorted(self._lines(*span) for span in spans)
        return (*used, *sorted(self.index.stars), *texts)

    def search(self, definition: Definition, pattern: str) -> bool:
        """Whether a regular expression is found in the definition, or in what its names stand for; a word in the file."""
        kind, _, wanted = pattern.partition(">")
        if kind == _OWN:
            return wanted in definition.words
        if kind == _IN_FILE:
            return wanted in self.of_file
        if kind == _NAMES:
            return any(re.search(wanted, name) for name in self._names(definition))
        _, spans, lines = self._closure(definition)
        own = (definition.first, definition.last)
        if wanted.startswith(r"\A"):
            return self._grep.found(wanted, self._own(definition), (own,))
        return self._grep.found(wanted, lines, (own, *spans))

    def near(self, definition: Definition, wanted: str) -> bool:
        """Whether the `near` of a detector, "" for any, is found in the definition or in what its names stand for."""
        if wanted == SECRETNAME:
            return any(is_secret_name(word) for word in self.of(definition) if not word.startswith("."))
        return not wanted or self.search(definition, SEARCH + wanted)

    def _own(self, definition: Definition) -> Mask:
        """The lines of a definition; of the module those that are no other definition's."""
        lines = mask([(definition.first, definition.last)])
        return lines & ~mask(definition.holes) if definition.kind == "module" else lines

    def _names(self, definition: Definition) -> list[str]:
        """The names of the functions and classes that are defined on its own lines, strings and comments included."""
        found = self._defined.get(id(definition))
        if found is None:
            found = self._defined[id(definition)] = _DEFINED.findall(self.own_text(definition))
        return found

    @cached_property
    def of_file(self) -> Words:
        """All words of the file."""
        return frozenset().union(*(d.words for d in self.index.definitions))

    def _lines(self, first: int, last: int) -> str:
        return "\n".join(self.lines[first - 1 : last])

    def own_text(self, definition: Definition) -> str:
        """The definition's own lines."""
        lines = self.lines[definition.first - 1 : definition.last]
        for first, last in definition.holes:
            for i in range(first - definition.first, last - definition.first + 1):
                lines[i] = ""
        return "\n".join(line for line in lines if line.strip())

    def _closure(self, definition: Definition) -> tuple[Words, set[Span], Mask]:
        """The words that matter for the definition, the spans beside its own that they come from, and the lines of all of them."""
        found = self._closures.get(id(definition))
        if found is None:
            found = self._closures[id(definition)] = self._close(definition)
        return found

    def _close(self, definition: Definition) -> tuple[Words, set[Span], Mask]:
        words = set(definition.words | self.everywhere | attributes_in(self.own_text(definition)))
        spans: set[Span] = set()
        todo = list(definition.words)
        for header in self._around(definition):
            spans.add((header.first, header.header))
            todo.extend(self._words(header.first, header.header))
            words |= self._attributes(header.first, header.header)
        seen: set[str] = set()
        while todo:
            word = todo.pop()
            if word in seen:
                continue
            seen.add(word)
            words.add(word)
            if word in self.imported:
                words |= self.imported[word]
            for binding in self.bound.get(word, ()):
                if self._speaks_of_it and binding.kind != "value":  # its full name is one that rules may ask for
                    words |= self.module | {attribute(word)}
                for span in self._spans(binding):
                    if span not in spans:
                        spans.add(span)
                        todo.extend(self._words(*span))
                        words |= self._attributes(*span)
        if definition.kind == "class" or "." in definition.symbol:  # its class is one of the module
            words |= self.module
            words |= set(map(attribute, definition.symbol.split("."))) if self._speaks_of_it else set()
        if self.index.stars:  # any name may be one of such a module
            words |= set(map(attribute, words))
        return frozenset(words), spans, mask(spans) | self._own(definition)

    def _around(self, definition: Definition) -> Iterator[Definition]:
        """The classes that the definition stands in, the innermost first."""
        outer = definition.symbol.rpartition(".")[0] if definition.kind != "module" else ""
        while outer:
            if outer in self.headers:
                yield self.headers[outer]
            outer = outer.rpartition(".")[0]

    def _spans(self, binding: Binding) -> Iterable[Span]:
        yield binding.first, binding.last
        if binding.name.startswith(("self.", "cls.")) and binding.scope in self.headers:
            method = self.headers[binding.scope]
            yield method.first, method.header
            if _LOCAL.search(self._lines(binding.first, binding.last)):  # what the local name stands for is further up
                yield method.first, binding.first

    def _attributes(self, first: int, last: int) -> Words:
        found = self._attributes_of.get((first, last))
        if found is None:
            found = self._attributes_of[first, last] = attributes_in(self._lines(first, last))
        return found

    def _words(self, first: int, last: int) -> Words:
        found = self._of_lines.get((first, last))
        if found is None:
            found = self._of_lines[first, last] = words_in(self._lines(first, last))
        return found


def _imported(local: str, full: str, inherited: Sequence[tuple[str, Words]]) -> Words:
    """What a name that is imported stands for: the words of its full name, of which all but the first are behind a dot."""
    first, *rest = full.split(".")
    bases = {word for name, words in inherited if _may_be(full, name) for word in words}
    return frozenset({local, first, *rest, *bases, *map(attribute, rest), *map(attribute, bases)})


def _may_be(full: str, name: str) -> bool:
    """Whether an imported thing is a class, or holds it, or is in a package of them."""
    return full == name or name.startswith(full + ".") or (name.endswith(".") and full.startswith(name))


class Anchored(Generic[T]):
    """Things with anchors, looked up by the words of a definition."""

    def __init__(self, things: Iterable[tuple[T, Anchors]]) -> None:
        """Each choice is filed under one of its words, the rarest by a guess."""
        self.loose: list[T] = []
        self.filed: dict[str, list[tuple[Words, tuple[str, ...], T]]] = {}
        self.asks_for_secrets = False
        for thing, anchors in things:
            for needed in anchors:
                plain = frozenset(filter(is_plain, needed))
                searches = tuple(sorted(needed - plain, key=_cost))
                self.asks_for_secrets |= SECRET in plain
                key = max(plain, key=lambda w: (w.removeprefix(".") not in _COMMON, len(w)), default="")
                if not plain and not searches:
                    self.loose.append(thing)
                else:
                    self.filed.setdefault(key, []).append((plain, searches, thing))

    @property
    def words(self) -> Words:
        """All words that the anchors ask for."""
        return frozenset().union(*(plain for several in self.filed.values() for plain, _, _ in several))

    def among(self, words: Words, search: Callable[[str], bool]) -> frozenset[T]:
        """What may match where these words are, and what `search` finds around them."""
        found = set(self.loose)
        if self.asks_for_secrets and any(is_secret_name(w) for w in words if not w.startswith(".")):
            words |= {SECRET}
        for key in self.filed.keys() & (words | {""}):
            for plain, searches, thing in self.filed[key]:
                if thing not in found and plain <= words and all(map(search, searches)):
                    found.add(thing)
        return frozenset(found)


def _cost(condition: str) -> tuple[int, str]:
    """What is quick to tell comes first."""
    return (_OWN, _IN_FILE, _NAMES, _SEARCH).index(condition.partition(">")[0]), condition


_COMMON = frozenset(
    "get set run open execute post put delete request update read write return def class if for in with except raise pass None"
    " True False self str int dict list == != append add call key data value name id user text".split()
)
