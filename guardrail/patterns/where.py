"""`where.NAME = …`: what a metavariable must be, from a closed set."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.patterns.anchors import ANYWHERE, NAMES, SEARCH, SECRET, Anchors, choice, needs, together

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts

_ATOMS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[\^$]", re.DOTALL)  # escapes, sets of characters, and the ends of a text
FLAGS = ("literal", "dynamic", "secret", "tainted")
VALUES = ("value", "regex", "less-than", "more-than", "type")


def _values(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, list) else (given,)


def _literal(facts: Facts, node: Any, wanted: Any) -> bool:
    return bool(facts.constants(node)) is wanted


def _value(facts: Facts, node: Any, wanted: Any) -> bool:
    return any(type(v) is type(w) and v == w for v in facts.constants(node) for w in _values(wanted))


def _regex(facts: Facts, node: Any, wanted: Any) -> bool:
    values = () if facts.is_target(node) else facts.constants(node)
    texts = [v if isinstance(v, str) else v.decode("utf-8", "replace") for v in values if isinstance(v, (str, bytes))]
    texts = texts or [facts.code(node)]
    return any(re.search(wanted, text) for text in texts)


def _number(compare: Callable[[float, float], bool]) -> Callable[[Facts, Any, Any], bool]:
    def test(facts: Facts, node: Any, wanted: Any) -> bool:
        values = [v for v in facts.constants(node) if isinstance(v, (int, float)) and not isinstance(v, bool)]
        return any(compare(v, wanted) for v in values)

    return test


_TESTS: dict[str, Callable[[Facts, Any, Any], bool]] = {
    "literal": _literal,
    "dynamic": lambda facts, node, wanted: facts.dynamic(node) is wanted,
    "secret": lambda facts, node, wanted: facts.secret(node) is wanted,
    "tainted": lambda facts, node, wanted: facts.tainted(node) is wanted,
    "value": _value,
    "regex": _regex,
    "less-than": _number(lambda a, b: a < b),
    "more-than": _number(lambda a, b: a > b),
    "type": lambda facts, node, wanted: bool(facts.types(node) & set(_values(wanted))),
}


@dataclass(frozen=True, slots=True)
class Predicate:
    """A choice of conjunctions: any of `choices`, each a tuple of (test, wanted value) that must all hold."""

    choices: tuple[tuple[tuple[str, Any], ...], ...]

    def anchors(self) -> Anchors:
        """The words without which it cannot hold."""
        return choice(
            together(needs(SECRET) if (test, wanted) == ("secret", True) else ANYWHERE for test, wanted in tests)
            for tests in self.choices
        )

    def holds(self, facts: Facts, node: Any) -> bool:
        """Whether the node is such."""
        return any(all(_TESTS[test](facts, node, wanted) for test, wanted in tests) for tests in self.choices)


def read_predicate(given: object) -> Predicate:
    """The predicate that a pack's value stands for; ValueError with the reason, and KeyError of an unknown test."""
    options = given if isinstance(given, list) else [given]
    return Predicate(tuple(_tests(option) for option in options))


def _tests(given: object) -> tuple[tuple[str, Any], ...]:
    if isinstance(given, str):
        if given not in FLAGS:
            raise KeyError(given)
        return ((given, True),)
    if not isinstance(given, dict) or not given:
        raise ValueError('wants a word such as "dynamic" or a table such as { less-than = 5 }')
    for test, wanted in given.items():
        _check(test, wanted)
    return tuple(given.items())


def _check(test: str, wanted: object) -> None:
    if test not in _TESTS:
        raise KeyError(test)
    if test in FLAGS and not isinstance(wanted, bool):
        raise ValueError(f"{test} wants true or false")
    if test in ("less-than", "more-than") and (isinstance(wanted, bool) or not isinstance(wanted, (int, float))):
        raise ValueError(f"{test} wants a number")
    if test == "regex":
        if not isinstance(wanted, str):
            raise ValueError("regex wants a string")
        try:
            re.compile(wanted)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
    if test == "type" and not all(isinstance(v, str) for v in _values(wanted)):
        raise ValueError("type wants a qualified name or a list of them")


def regex_anchors(predicate: Predicate) -> Anchors:
    """The regular expressions that must be found in the file, for patterns that no word tells."""
    found = (frozenset(SEARCH + _ATOMS.sub(_end_of_word, wanted) for wanted in _regexes(tests)) for tests in predicate.choices)
    return choice(frozenset({each}) for each in found)


def _end_of_word(end: re.Match[str]) -> str:
    """A longer text does not keep the ends of a shorter one; it keeps that they are no part of a word."""
    return {"^": r"(?<!\w)", r"\A": r"(?<!\w)", "$": r"(?!\w)", r"\Z": r"(?!\w)"}.get(end[0], end[0])


def name_anchors(predicate: Predicate) -> Anchors:
    """The regular expressions that the name of a definition must fit."""
    return choice(frozenset({frozenset(NAMES + wanted for wanted in _regexes(tests))}) for tests in predicate.choices)


def _regexes(tests: Iterable[tuple[str, Any]]) -> list[str]:
    return [wanted for test, wanted in tests if test == "regex"]
