"""Which files of a tree name a word: by looking through the texts, and by an index of their words once many words were asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

_ENOUGH = 12  # words after which an index pays for itself
_WORD = re.compile(rb"[A-Za-z_\x80-\xff][\w\x80-\xff]*")


@dataclass
class Search:
    """A search in the files of these paths, in their order, given what reads one."""

    paths: Sequence[str]
    read: Callable[[str], bytes]
    _asked: dict[str, list[str]] = field(default_factory=dict)

    def files_with(self, word: str) -> list[str]:
        """The paths of the files in which a word stands."""
        found = self._asked.get(word)
        if found is None:
            encoded = word.encode("utf-8", "surrogateescape")
            found = self._asked[word] = self._looked_up(encoded) if len(self._asked) >= _ENOUGH else self._looked_for(encoded)
        return found

    @cached_property
    def _texts(self) -> list[tuple[str, bytes]]:
        return [(path, self.read(path)) for path in self.paths]

    def _looked_for(self, word: bytes) -> list[str]:
        whole = re.compile(rb"(?<![\w\x80-\xff])" + re.escape(word) + rb"(?![\w\x80-\xff])")
        return [path for path, text in self._texts if word in text and whole.search(text)]

    def _looked_up(self, word: bytes) -> list[str]:
        return [self.paths[number] for number in self._index.get(word, ())]

    @cached_property
    def _index(self) -> Mapping[bytes, list[int]]:
        found: dict[bytes, list[int]] = {}
        for number, (_, text) in enumerate(self._texts):
            for word in set(_WORD.findall(text)):
                found.setdefault(word, []).append(number)
        return found
