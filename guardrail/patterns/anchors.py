"""Which words must occur where a pattern can match: a choice of sets, every word of one set being needed."""

from __future__ import annotations

from collections.abc import Iterable

Words = frozenset[str]
Anchors = frozenset[Words]  # {frozenset()}: could be anywhere

ANYWHERE: Anchors = frozenset({frozenset()})
SECRET = "<secret>"  # stands for any word that names a credential
SECRETNAME = "$SECRETNAME"  # the same, as packs write it in a `near`
SEARCH = "<search>"  # before a regular expression that must be found in the text
IN_FILE = "<file>"  # before a word that must occur somewhere in the file
OWN = "<own>"  # before a keyword of a statement, which must stand in the definition's own lines
NAMES = "<names>"  # before a regular expression that the name of a function or class defined on these lines must fit
_PREFIXES = (SEARCH, IN_FILE, OWN, NAMES)
_MOST = 48  # a product of choices larger than this is given up in favour of its most telling part


def needs(*words: str) -> Anchors:
    """All of these words."""
    return frozenset({frozenset(words)})


def attribute(name: str) -> str:
    """The word for a name behind a dot; an imported name counts as one."""
    return f".{name}"


def keyword(word: str) -> Anchors:
    """The keyword of a statement: no name stands for a statement."""
    return frozenset({frozenset({OWN + word})})


def choice(parts: Iterable[Anchors]) -> Anchors:
    """One of the parts; a part that could be anywhere makes the whole loose."""
    found = frozenset().union(*parts)
    if frozenset() in found:
        return ANYWHERE
    return _shortest(found)


def together(parts: Iterable[Anchors]) -> Anchors:
    """All of the parts."""
    found = ANYWHERE
    for part in parts:
        if len(found) * len(part) > _MOST:
            found = min(found, part, key=_looseness)
        else:
            found = frozenset(a | b for a in found for b in part)
    return found


def _looseness(anchors: Anchors) -> tuple[bool, int]:
    return frozenset() in anchors, len(anchors)


def _shortest(found: Anchors) -> Anchors:
    """Without the sets that hold another one."""
    return frozenset(a for a in found if not any(b < a for b in found))


def is_plain(word: str) -> bool:
    """Whether it is a word as it stands, and nothing that has to be looked for in another way."""
    return not word.startswith(_PREFIXES)


def present(anchors: Anchors, words: Words) -> bool:
    """Whether a definition with these words may match."""
    return any(needed <= words for needed in anchors)
