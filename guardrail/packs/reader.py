"""Reads the values of one TOML table, collecting mistakes instead of stopping at the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from guardrail.fields import guess
from guardrail.patterns.kinds import Pattern
from guardrail.patterns.reading import read_pattern
from guardrail.patterns.spelling import BadPattern


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one table, collecting mistakes instead of stopping at the first."""

    problems: list[str]
    where: str

    def problem(self, key: str, text: str) -> None:
        """Note a mistake."""
        self.problems.append(f"{self.where}: {key}: {text}")

    def known(self, table: Mapping[str, Any], keys: Iterable[str]) -> None:
        """Every key must be one of these."""
        allowed = set(keys)
        for key in table:
            if key not in allowed:
                self.problem(key, f"unknown key{guess(key, allowed)}")

    def text(self, table: Mapping[str, Any], key: str, needed: bool = False) -> str:
        """A string, "" where it is missing."""
        value: object = table.get(key, "")
        if not isinstance(value, str):
            self.problem(key, "wants a string")
            return ""
        if needed and not value:
            self.problem(key, "is missing")
        return value

    def texts(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        """A list of strings."""
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            self.problem(key, "wants a list of strings")
            return ()
        return tuple(value)

    def flag(self, table: Mapping[str, Any], key: str) -> bool:
        """True or false, false where it is missing."""
        value = table.get(key, False)
        if not isinstance(value, bool):
            self.problem(key, "wants true or false")
        return value is True

    def one_of(self, table: Mapping[str, Any], key: str, choices: Iterable[str], default: str) -> str:
        """One of a few words."""
        value, known = str(table.get(key, default)), list(choices)
        if value in known:
            return value
        said = f'"{value}" is none of {", ".join(known)}' if value else "is missing"
        self.problem(key, said + guess(value, known))
        return known[0]

    def patterns(self, table: Mapping[str, Any], key: str) -> tuple[Pattern, ...]:
        """A list of pattern texts, compiled."""
        return self.compiled(key, self.texts(table, key))

    def compiled(self, key: str, texts: Iterable[str]) -> tuple[Pattern, ...]:
        """The patterns that these texts stand for."""
        found = []
        for text in texts:
            try:
                found.append(read_pattern(text))
            except BadPattern as error:
                self.problem(key, f"`{text}`: {error}")
        return tuple(found)
