"""What a text must hold for a regular expression to be found in it: plain words, which are quicker to look for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

try:
    from re import _parser as _reader  # not documented; without it every text is searched
except ImportError:  # pragma: no cover
    _reader = None

_MOST = 16  # texts that a run of letters may stand for
_SHORTEST = 3  # characters of a word that tells anything
Literals = frozenset[str]
_ANY: Literals = frozenset()
_KNOWN: dict[str, Literals] = {}


@lru_cache(maxsize=2048)
def literals(pattern: str) -> Literals:
    """Texts, one of which is in every case-folded text that the pattern is found in; empty where none is known."""
    if pattern in _KNOWN:
        return _KNOWN[pattern]
    if _reader is None:
        return _ANY
    try:
        return _of(_reader.parse(pattern))
    except (re.error, RecursionError):
        return _ANY


def remember(known: Mapping[str, Literals]) -> None:
    """Take it from here what patterns need: it was worked out by an earlier run."""
    _KNOWN.update(known)


def _of(sequence: Iterable[Any]) -> Literals:
    """The most telling part of a sequence: its runs of letters and its groups all have to be there."""
    found: list[Literals] = []
    runs = frozenset({""})
    for kind, value in sequence:
        next_ones = _letters(str(kind), value)
        if next_ones and len(runs) * len(next_ones) <= _MOST:
            runs = frozenset(run + letter for run in runs for letter in next_ones)
            continue
        found += [runs, _part(str(kind), value)]
        runs = frozenset({""})
    best = max([*found, runs], key=_worth)
    return best if _worth(best) else _ANY


def _letters(name: str, value: Any) -> Literals:
    """What stands in one place, where that is one of a few letters."""
    some = (
        [value]
        if name == "LITERAL"
        else [v for _, v in value]
        if name == "IN" and all(str(k) == "LITERAL" for k, _ in value)
        else []
    )
    return frozenset(chr(v).lower() for v in some) if all(v < 128 for v in some) else _ANY


def _part(name: str, value: Any) -> Literals:
    if name == "SUBPATTERN":
        return _of(value[-1])
    if name == "BRANCH":
        branches = [_of(branch) for branch in value[1]]
        return frozenset().union(*branches) if all(map(_worth, branches)) else _ANY
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and value[0] > 0:
        return _of(value[2])
    return _ANY


def _worth(texts: Literals) -> int:
    """How telling a choice is: the length of its shortest text, 0 where that says nothing."""
    shortest = min(map(len, texts), default=0)
    return shortest if shortest >= _SHORTEST else 0
