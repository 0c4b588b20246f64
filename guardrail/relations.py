"""What the tables of libraries tell triage: through which words a definition may come by the objects of a class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Tables = Mapping[str, Any]
Words = frozenset[str]
_GIVING = ("aliases", "returns", "attributes", "instances", "inherits", "requests")


def inherited(tables: Tables) -> list[tuple[str, Words]]:
    """Class, or package of classes with a dot at its end → the words of the classes that it inherits from."""
    named = [(name.removesuffix("*"), _several(kinds)) for name, kinds in tables.get("inherits", {}).items()]
    return [
        (name, frozenset(word for kind in kinds for word in (kind.split(".")[0], kind.split(".")[-1]))) for name, kinds in named
    ]


def implied(tables: Tables) -> dict[str, list[str]]:
    """Package → packages, and classes there, that its objects may be of."""
    found: dict[str, set[str]] = {}
    for name, kind in _given(tables):
        one, other = name.split(".")[0], kind.split(".")[0]
        if one != other:
            found.setdefault(one, set()).update((other, kind.rpartition(".")[2]))
    return {one: sorted(others) for one, others in found.items()}


def givers(tables: Tables) -> dict[str, frozenset[str]]:
    """Class → the names by which one comes by its objects without naming it: `sqlite3.Cursor` → `sqlite3.Connection.execute`."""
    found: dict[str, set[str]] = {}
    for name, kind in _given(tables):
        found.setdefault(kind, set()).add(name.removesuffix(".*"))
    return {kind: frozenset(names) for kind, names in found.items()}


def _given(tables: Tables) -> Iterator[tuple[str, str]]:
    for table in _GIVING:
        for name, kinds in tables.get(table, {}).items():
            yield from ((name, kind) for kind in _several(kinds))


def _several(kinds: str | list[str]) -> list[str]:
    return [kinds] if isinstance(kinds, str) else kinds


def _ends(name: str) -> tuple[str, str]:
    """The package and the last word of a name."""
    return name.split(".")[0], name.rpartition(".")[2]
