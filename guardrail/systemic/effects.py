"""What a call does by itself: the tables of `rules/effects.toml`, looked up by qualified names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from guardrail.systemic.facts import Argument, Ref
from guardrail.systemic.refs import roots

_READS = re.compile(r"\s*(?:--[^\n]*\n\s*)*(?:\(\s*)?(?:select|with|show|explain|pragma|values)\b", re.I)
_BUILT_READS = frozenset({"select", "exists", "union"})


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that a call does: its kind in the table, and the qualified name of what does it."""

    kind: str
    name: str


class Effects:
    """The tables."""

    def __init__(self, tables: Mapping[str, Any]) -> None:
        self.tables = tables
        self._memo: dict[str, tuple[str, ...]] = {}
        self._exact: dict[str, set[str]] = {}
        self._under: dict[str, set[str]] = {}
        for kind, names in tables.get("effects", {}).items():
            for name in names:
                table = self._under if name.endswith(".*") else self._exact
                table.setdefault(name.removesuffix(".*"), set()).add(kind)

    def listed(self, table: str, key: str) -> frozenset[str]:
        """A list of names of a table."""
        return frozenset(self.tables.get(table, {}).get(key, ()))

    @cached_property
    def excluded(self) -> frozenset[str]:
        """Names that have no effect though all below something have."""
        return self.listed("effects-not", "names")

    def kinds(self, name: str) -> tuple[str, ...]:
        """The effects of calling a qualified name."""
        found = self._memo.get(name)
        if found is None:
            found = self._memo[name] = tuple(sorted(self._kinds(name)))
        return found

    def _kinds(self, name: str) -> set[str]:
        found = set(self._exact.get(name, ()))
        head, _, last = name.rpartition(".")
        found |= self._exact.get(f"{head.partition('.')[0]}.*.{last}", set()) if head.count(".") else set()
        while head:
            if f"{head}.{last.partition('.')[0]}" in self.excluded:
                return found
            found |= self._under.get(head, set()) if not last.startswith("_") else set()
            head, _, more = head.rpartition(".")
            last = f"{more}.{last}"
        return found

    def of(self, names: Iterable[str], arguments: Sequence[Argument], values: Mapping[str, tuple[Ref, ...]]) -> list[Effect]:
        """What a call does; of a statement its text says whether it reads or writes. `values` are those of the local names."""
        found = []
        for name in sorted(names):
            for kind in self.kinds(name):
                if kind.startswith("statement"):
                    kind = ("read" if reads(arguments, values) else "write") + kind.removeprefix("statement")
                found.append(Effect(kind, name))
        return found

    def group(self, words: Iterable[str]) -> frozenset[str]:
        """The kinds that names of groups and of kinds stand for."""
        groups = self.tables.get("groups", {})
        return frozenset(kind for word in words for kind in groups.get(word, [word]))


def reads(arguments: Sequence[Argument], values: Mapping[str, tuple[Ref, ...]]) -> bool:
    """Whether the first argument is a statement that only reads, or a local name for such statements."""
    if not arguments:
        return False
    first = arguments[0]
    if isinstance(first.value, str):
        return _READS.match(first.value) is not None
    if first.ref is not None and first.ref[0] == "name":
        own = str(first.ref[1])
        begun = [v for v in values.get(own, ()) if own not in roots(v)]  # the others go on with what it was
        return bool(begun) and all(_is_read(v) for v in begun)
    return _is_read(first.ref)


def _is_read(ref: Ref) -> bool:
    if ref is not None and ref[0] == "text":
        return _READS.match(str(ref[1])) is not None
    return _starts(ref) in _BUILT_READS or _text(ref)


def _starts(ref: Ref) -> str:
    """The name at the beginning of a chain of calls: of `select(X).where(…)` it is select."""
    while ref is not None and ref[0] in ("call", "attr"):
        if ref[0] == "call" and ref[1] and ref[1][0] in ("name", "attr") and str(ref[1][-1]) in _BUILT_READS:
            return str(ref[1][-1])
        ref = ref[1]
    return str(ref[1]) if ref is not None and ref[0] == "name" else ""


def _text(ref: Ref) -> bool:
    """`text("select …")`."""
    inner = ref[2][0] if ref is not None and ref[0] == "call" and ref[2] else None
    return inner is not None and inner[0] == "text" and _is_read(inner)
