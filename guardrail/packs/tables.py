"""One TOML table → a rule or a surface, with every mistake in it noted and none raised."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from guardrail.fields import guess
from guardrail.model import Confidence, Severity, Surface, Tier
from guardrail.packs.losses import read_delta
from guardrail.packs.reader import Reader
from guardrail.packs.rules import Rule, Shape, Signals
from guardrail.patterns.spelling import variables
from guardrail.patterns.where import FLAGS, VALUES, Predicate, read_predicate

CONTEXTS = ("async", "loop", "lock", "transaction", "retry", "except", "handler", "test")
SYSTEMIC_CONTEXTS = (
    *CONTEXTS,
    "lock-thread",
    "lock-async",
    "connection",
    "task",
    "try",
    "deadline",
    "function",
    "secret",
    "foreign",
)  # of rules with `reaches`
RULE_ID = re.compile(r"[A-Z]{3}\d{3}")
OWN_CHECK = re.compile(r"guardrail\.[\w.]+:[A-Za-z_]\w*")
CHECK = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_SURFACE_KEYS = ("id", "title", "tier", "why", "review", "owners-hint", "signals", "shape")
NAMES = ("calls", "bases", "decorators", "imports", "words", "paths")  # of signals and of counter-signals
_SIGNALS = ("low-level", "by-hand", "hand-rolled", "decisive", "files", "not", "veto")
_DETECTOR_KEYS = ("any", "unless", "where", "context", "check", "in-file", "near")
_DELTA_KEYS = ("lost", "still", "instead", "weakened", "files", "tested", "everywhere")
_RULE_KEYS = (
    *("id", "name", "severity", "confidence", "surface", *_DETECTOR_KEYS),
    *("message", "why", "remedy", "refs", "in-tests", "reads", "reaches", "versions", "unless-versions"),
    *_DELTA_KEYS,
)
_SHAPE_KEYS = (*_DETECTOR_KEYS, "says", "by-hand", "tier")


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
    key = "lost" if "lost" in table and "any" not in table else "any"
    if table.get(key, []) == [] and not any(table.get(other) for other in ("files", "reads", "reaches")):
        reader.problem(key, "is missing")
    wanted = reader.texts(table, key)
    return {
        "any": wanted,
        "patterns": reader.compiled(key, wanted),
        "unless": reader.patterns(table, "unless"),
        "where": _read_where(reader, table),
        "context": _read_context(reader, table),
        "check": check,
        "in_file": reader.texts(table, "in-file"),
        "near": _read_near(reader, table),
    }


def _read_near(reader: Reader, table: Mapping[str, Any]) -> str:
    """A regular expression."""
    near = reader.text(table, "near")
    try:
        re.compile(near)
    except re.error as error:
        reader.problem("near", f"not a regular expression: {error}")
    return near


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
    if table.get("reaches") and table.get("check") and not OWN_CHECK.fullmatch(str(table["check"])):
        reader.problem("check", 'wants "guardrail.module:function": only guardrail\'s own code looks at the calls of a project')
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
        files=reader.texts(table, "files") if table.get("reads") else (),
        reaches=reader.texts(table, "reaches"),
        delta=read_delta(reader, table),
        versions=_read_versions(reader, table, "versions"),
        unless_versions=_read_versions(reader, table, "unless-versions"),
        pack=pack,
    )
    return rule if len(problems) == before else None


def _read_versions(reader: Reader, table: Mapping[str, Any], key: str) -> dict[str, str]:
    given = table.get(key, {})
    if not given:
        return {}
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # late: few rules ask

    found = {}
    for name, text in given.items() if isinstance(given, dict) else ():
        try:
            SpecifierSet(text)
            found[name] = text
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
    lists = [patterns for key in ("any", "lost", "still", "instead", "unless") if isinstance(patterns := table.get(key), list)]
    texts = [t for texts in lists for t in texts if isinstance(t, str)]
    named = frozenset().union(*(variables(t) for t in texts))
    found = {}
    for name, value in given.items():
        key = f"where.{name}"
        if name not in named:
            reader.problem(key, f"no pattern names ${name}{guess(name, named)}")
        try:
            found[name] = read_predicate(value)
        except KeyError as error:
            asked = str(error.args[0])
            reader.problem(key, f'unknown test "{asked}"{guess(asked, (*FLAGS, *VALUES))}')
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
            reader.problem("context", f'unknown context "{name}"{guess(str(name), known)}')
    return tuple(n for n in names if n in known)
