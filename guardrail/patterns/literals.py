"""What a regular expression tells of the texts that it is found in: plain words that they hold, and whether a line is enough."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

try:
    from re import _parser as _reader  # not documented; without it every text is searched
except ImportError:  # pragma: no cover
    _reader = None

_MOST = 16  # texts that a run of letters may stand for
_SHORTEST = 3  # characters of a word that tells anything
_END = ord("\n")
_ENDING = ("CATEGORY_SPACE", "CATEGORY_NOT_WORD", "CATEGORY_NOT_DIGIT")
_BOUNDARIES = ("AT_BOUNDARY", "AT_NON_BOUNDARY")
_NESTED: dict[str, Callable[[Any], list[Any]]] = {  # step → the sequences in it
    "SUBPATTERN": lambda value: [value[-1]],
    "BRANCH": lambda value: value[1],
    "MAX_REPEAT": lambda value: [value[2]],
    "MIN_REPEAT": lambda value: [value[2]],
    "POSSESSIVE_REPEAT": lambda value: [value[2]],
    "ATOMIC_GROUP": lambda value: [value],
    "ASSERT": lambda value: [value[1]],
    "ASSERT_NOT": lambda value: [value[1]],
    "GROUPREF": lambda value: [],
}
Literals = frozenset[str]
Told = tuple[Literals, bool]  # the words that a text must hold, and whether a line is enough
_ANY: Literals = frozenset()
_KNOWN: dict[str, Told] = {}


def literals(pattern: str) -> Literals:
    """Texts, one of which is in every case-folded text that the pattern is found in; empty where none is known."""
    return told(pattern)[0]


def by_line(pattern: str) -> bool:
    """Whether the pattern is found in a text where, and only where, it is found in a line of it alone."""
    return told(pattern)[1]


def told(pattern: str) -> Told:
    """Both of a pattern, worked out once."""
    found = _KNOWN.get(pattern)
    if found is None:
        found = _KNOWN[pattern] = _read(pattern)
    return found


def remember(known: Mapping[str, Told]) -> None:
    """Take it from here what patterns tell: it was worked out by an earlier run."""
    _KNOWN.update(known)


def _read(pattern: str) -> Told:
    if _reader is None:
        return _ANY, False
    try:
        steps = _reader.parse(pattern)
        return _of(steps), all(_in_a_line(str(kind), value, steps.state.flags) for kind, value in steps)
    except (re.error, RecursionError):
        return _ANY, False


def _in_a_line(name: str, value: Any, flags: int) -> bool:
    """Whether a step is never the end of a line, and tells nothing of where the whole text begins or ends."""
    if name in ("LITERAL", "NOT_LITERAL"):
        return bool((value == _END) == (name == "NOT_LITERAL"))
    if name == "ANY":
        return not flags & re.DOTALL
    if name == "IN":
        negated = str(value[0][0]) == "NEGATE"
        return any(_is_end(str(kind), given) for kind, given in value) == negated
    if name == "AT":
        return str(value) in _BOUNDARIES or bool(flags & re.MULTILINE and str(value) in ("AT_BEGINNING", "AT_END"))
    if name == "SUBPATTERN":
        flags = (flags | value[1]) & ~value[2]
    return name in _NESTED and all(_in_a_line(str(kind), each, flags) for part in _NESTED[name](value) for kind, each in part)


def _is_end(kind: str, given: Any) -> bool:
    """Whether a part of a set of characters holds the end of a line."""
    if kind == "RANGE":
        return bool(given[0] <= _END <= given[1])
    return (kind == "LITERAL" and given == _END) or (kind == "CATEGORY" and str(given) in _ENDING)


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
