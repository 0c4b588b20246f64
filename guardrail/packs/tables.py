"""One TOML table → a rule or a surface, with every mistake in it noted and none raised."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from guardrail.model import Confidence, Severity, Surface, Tier
from guardrail.packs.rules import Rule, Shape, Signals
from guardrail.patterns import BadPattern, Pattern, Predicate, read_pattern, read_predicate
from guardrail.patterns.spelling import variables
from guardrail.patterns.where import FLAGS, VALUES

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

CONTEXTS = ("async", "loop", "lock", "transaction", "retry", "except", "handler", "test")
SYSTEMIC_CONTEXTS = (*CONTEXTS, "lock-thread", "lock-async", "connection", "task")  # of rules with `reaches`
RULE_ID = re.compile(r"[A-Z]{3}\d{3}")
OWN_CHECK = re.compile(r"guardrail\.[\w.]+:[A-Za-z_]\w*")
CHECK = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_SURFACE_KEYS = ("id", "title", "tier", "why", "review", "owners-hint", "signals", "shape")
NAMES = ("calls", "bases", "decorators", "imports", "words", "paths")  # of signals and of counter-signals
_SIGNALS = ("low-level", "by-hand", "hand-rolled", "decisive", "files", "not", "veto")
_DETECTOR_KEYS = ("any", "unless", "where", "context", "check", "in-file")
_RULE_KEYS = (
    *("id", "name", "severity", "confidence", "surface", *_DETECTOR_KEYS),
    *("message", "why", "remedy", "refs", "in-tests", "reads", "reaches", "files", "versions", "unless-versions"),
)
_SHAPE_KEYS = (*_DETECTOR_KEYS, "says", "by-hand", "tier")


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
        allowed = sorted(keys)
        for key in table:
            if key not in allowed:
                near = difflib.get_close_matches(key, allowed, 1)
                self.problem(key, "unknown key" + (f' (did you mean "{near[0]}"?)' if near else ""))

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
        near = difflib.get_close_matches(value, known, 1)
        said = f'"{value}" is none of {", ".join(known)}' if value else "is missing"
        self.problem(key, said + (f' (did you mean "{near[0]}"?)' if near else ""))
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


def read_surface(reader: Reader, table: Any) -> tuple[Surface, Signals] | None:
    """The surface of a pack and what puts definitions on it."""
    if not isinstance(table, dict):
        reader.problem("surface", "wants a [surface] table")
        return None
    reader.known(table, _SURFACE_KEYS)
    surface = Surface(
        id=reader.text(table, "id", needed=True),
        title=reader.text(table, "title", needed=True),
        tier=Tier(reader.one_of(table, "tier", [t.value for t in Tier], "")),
        why=reader.text(table, "why", needed=True),
        review=reader.texts(table, "review"),
        owners_hint=reader.text(table, "owners-hint"),
    )
    signals = _read_signals(reader, table.get("signals", {}))
    return surface, replace(signals, shapes=_read_shapes(reader, table.get("shape", [])))


def _read_signals(reader: Reader, table: Any) -> Signals:
    if not isinstance(table, dict):
        reader.problem("signals", "wants a table")
        return Signals()
    reader.known(table, (*NAMES, *_SIGNALS))
    return replace(
        _read_names(reader, table),
        low_level=reader.texts(table, "low-level"),
        by_hand=reader.patterns(table, "by-hand"),
        hand_rolled=reader.texts(table, "hand-rolled"),
        decisive=reader.texts(table, "decisive"),
        files=reader.texts(table, "files"),
        anti=_read_against(reader, table, "not"),
        veto=_read_against(reader, table, "veto"),
    )


def _read_against(reader: Reader, table: Mapping[str, Any], key: str) -> Signals:
    given = table.get(key, {})
    if not isinstance(given, dict):
        reader.problem(key, "wants a table")
        return Signals()
    reader.known(given, NAMES)
    return _read_names(reader, given)


def _read_names(reader: Reader, table: Mapping[str, Any]) -> Signals:
    calls, bases, decorators, imports, words, paths = (reader.texts(table, key) for key in NAMES)
    return Signals(calls, bases, decorators, imports, words, paths)


def _read_shapes(reader: Reader, tables: Any) -> tuple[Shape, ...]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        reader.problem("shape", "wants [[surface.shape]] tables")
        return ()
    return tuple(_read_shape(reader, table) for table in tables)


def _read_shape(reader: Reader, table: Mapping[str, Any]) -> Shape:
    reader.known(table, _SHAPE_KEYS)
    tier = reader.one_of(table, "tier", [t.value for t in Tier], "") if "tier" in table else None
    return Shape(
        **_read_detector(reader, table),
        says=reader.text(table, "says", needed=True),
        by_hand=reader.flag(table, "by-hand"),
        tier=Tier(tier) if tier else None,
    )


def _read_detector(reader: Reader, table: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a Detector."""
    check = reader.text(table, "check")
    if check and not CHECK.fullmatch(check):
        reader.problem("check", 'wants "module:function"')
    if table.get("any", []) == [] and not table.get("reads") and not table.get("reaches"):
        reader.problem("any", "is missing")
    wanted = reader.texts(table, "any")
    return {
        "any": wanted,
        "patterns": reader.compiled("any", wanted),
        "unless": reader.patterns(table, "unless"),
        "where": _read_where(reader, table),
        "context": _read_context(reader, table),
        "check": check,
        "in_file": reader.texts(table, "in-file"),
    }


def read_rule(pack: str, table: Any, surface: str, problems: list[str]) -> Rule | None:
    """One [[rule]]; None when there is a mistake in it."""
    if not isinstance(table, dict):
        problems.append(f"{pack}: rule: wants a table")
        return None
    before = len(problems)
    reader = Reader(problems, f"{pack}: {table.get('id', 'a rule without id')}")
    reader.known(table, _RULE_KEYS)
    identity = reader.text(table, "id", needed=True)
    if identity and not RULE_ID.fullmatch(identity):
        reader.problem("id", "wants three capitals and three digits, such as JWT001")
    if (reads := reader.text(table, "reads")) and not OWN_CHECK.fullmatch(reads):
        reader.problem("reads", 'wants "guardrail.module:function": only guardrail\'s own code reads files')
    if table.get("reaches") and not table.get("context"):
        reader.problem("reaches", "wants a context that it is reached from")
    if not surface and not table.get("surface"):
        reader.problem("surface", "is missing, and the pack has no [surface]")
    rule = Rule(
        id=identity,
        name=reader.text(table, "name", needed=True),
        severity=Severity(reader.one_of(table, "severity", [s.value for s in Severity], "")),
        confidence=Confidence(reader.one_of(table, "confidence", [c.value for c in Confidence], "high")),
        surface=reader.text(table, "surface") or surface,
        **_read_detector(reader, table),
        message=reader.text(table, "message", needed=True),
        why=reader.text(table, "why"),
        remedy=reader.text(table, "remedy", needed=True),
        refs=reader.texts(table, "refs"),
        in_tests=reader.flag(table, "in-tests"),
        reads=reader.text(table, "reads"),
        reaches=reader.texts(table, "reaches"),
        files=reader.texts(table, "files"),
        versions=_read_versions(reader, table, "versions"),
        unless_versions=_read_versions(reader, table, "unless-versions"),
        pack=pack,
    )
    return rule if len(problems) == before else None


def _read_versions(reader: Reader, table: Mapping[str, Any], key: str) -> dict[str, SpecifierSet]:
    given = table.get(key, {})
    if not given:
        return {}
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # late: few rules ask

    found = {}
    for name, text in given.items() if isinstance(given, dict) else ():
        try:
            found[name] = SpecifierSet(text, prereleases=True)
        except (InvalidSpecifier, TypeError, AttributeError):
            reader.problem(key, f'{name} wants a version specifier such as ">=2,<3"')
    if not isinstance(given, dict):
        reader.problem(key, 'wants a table such as { pydantic = ">=2" }')
    return found


def _read_where(reader: Reader, table: Mapping[str, Any]) -> dict[str, Predicate]:
    given = table.get("where", {})
    if not isinstance(given, dict):
        reader.problem("where", "wants where.NAME = …")
        return {}
    lists = [patterns for key in ("any", "unless") if isinstance(patterns := table.get(key), list)]
    texts = [t for texts in lists for t in texts if isinstance(t, str)]
    named = frozenset().union(*(variables(t) for t in texts))
    found = {}
    for name, value in given.items():
        key = f"where.{name}"
        if name not in named:
            near = difflib.get_close_matches(name, sorted(named), 1)
            reader.problem(key, f"no pattern names ${name}" + (f' (did you mean "{near[0]}"?)' if near else ""))
        try:
            found[name] = read_predicate(value)
        except KeyError as error:
            near = difflib.get_close_matches(str(error.args[0]), [*FLAGS, *VALUES], 1)
            guess = f' (did you mean "{near[0]}"?)' if near else ""
            reader.problem(key, f'unknown test "{error.args[0]}"{guess}')
        except ValueError as error:
            reader.problem(key, str(error))
    return found


def _read_context(reader: Reader, table: Mapping[str, Any]) -> tuple[str, ...]:
    given = table.get("context", [])
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list):
        reader.problem("context", "wants a word or a list of words")
        return ()
    known = SYSTEMIC_CONTEXTS if table.get("reaches") else CONTEXTS
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            reader.problem("context", f'unknown context "{name}"' + (f' (did you mean "{near[0]}"?)' if near else ""))
    return tuple(n for n in names if n in known)
