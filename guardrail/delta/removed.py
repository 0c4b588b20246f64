"""What a change took away on purpose: definitions, parameters, warnings, and what is deprecated with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import dropwhile
from typing import TYPE_CHECKING

from guardrail.words import words_in

if TYPE_CHECKING:
    from guardrail.model import Definition
    from guardrail.side import Side

_DEPRECATED = re.compile(r"DeprecationWarning|@(?:\w+\.)*deprecated\b|\.\. deprecated::")
_WARNING = re.compile(r"[A-Z]\w*Warning\Z")
_BOUND = re.compile(r"^\s*(?:self\.)?(\w+)\s*(?::[^=\n]{1,200})?=(?!=)", re.MULTILINE)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SHORT = 3  # letters: shorter names of parameters say too little
_PLAIN = frozenset(
    "self args kwargs value values name names data path text key keys test tests None True False return def async class".split()
)


def taken_away(old: Sequence[Side], new: Sequence[Side]) -> frozenset[str]:
    """The names of definitions and parameters that are gone or deprecated, and warnings that are not given any more."""
    now = {(s.file.index.module, d.symbol): (s, d) for s in new for d in s.definitions}
    before = {(s.file.index.module, d.symbol) for s in old for d in s.definitions}
    still = frozenset().union(*(s.words.of_file for s in new))
    bound = {name for s in old for name in _BOUND.findall(s.file.text) if name not in still}
    found = bound | {d.symbol.rpartition(".")[2] for key, (s, d) in now.items() if key not in before and _deprecates(s, d)}
    elsewhere = {d.symbol.rpartition(".")[2] for s in new for d in s.definitions}
    for side in old:
        for was in side.definitions:
            place = now.get((side.file.index.module, was.symbol))
            if place is None:
                found |= {was.symbol.rpartition(".")[2]} - elsewhere
            elif was.kind != "module":
                found |= set(_differs((side, was), place))
    return plain(word for word in found - _PLAIN if len(word) >= _SHORT)


def plain(names: Iterable[str]) -> frozenset[str]:
    """Names in small letters with underscores: what is `unit_price` here is `unitPrice` in a query."""
    return frozenset(_HUMP.sub("_", name).lower() for name in names)


def _differs(before: tuple[Side, Definition], after: tuple[Side, Definition]) -> Iterator[str]:
    (old, was), (new, now) = before, after
    if was.words == now.words:
        return
    yield from _header(old, was) - _header(new, now) if was.kind == "function" else ()
    yield from (word for word in was.words - now.words if _WARNING.match(word))
    if was.kind == "class":
        yield from {*_BOUND.findall(old.words.own_text(was))} - {*_BOUND.findall(new.words.own_text(now))}
    if _deprecates(new, now) and not _deprecates(old, was):
        yield was.symbol.rpartition(".")[2]


def _deprecates(side: Side, definition: Definition) -> bool:
    return definition.kind != "module" and _DEPRECATED.search(side.words.own_text(definition)) is not None


def _header(side: Side, definition: Definition) -> frozenset[str]:
    lines = side.words.lines[definition.first - 1 : definition.header]
    return words_in("\n".join(dropwhile(lambda line: not line.lstrip().startswith(("def ", "async def ")), lines)))
