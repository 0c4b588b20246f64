"""rules/*.toml → Rules. All mistakes of all packs are reported at once: file, rule, key, guess."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import tomli

from guardrail.model import Confidence, GuardrailError, Severity, Surface, Tier
from guardrail.patterns import Anchors, BadPattern, Pattern, Predicate, read_pattern, read_predicate
from guardrail.patterns.anchors import choice, needs, together
from guardrail.patterns.reading import variables
from guardrail.patterns.where import regex_anchors

NOT_PACKS = ("library.toml", "effects.toml")  # tables that the analysis reads
CONTEXTS = ("async", "loop", "lock", "transaction", "retry", "except", "handler", "test")
RULE_ID = re.compile(r"[A-Z]{3}\d{3}")
CHECK = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class BadPack(GuardrailError):
    """Every mistake of every pack, one a line."""


@dataclass(frozen=True)
class Rule:
    """One detector; several may share an id."""

    id: str
    name: str
    severity: Severity
    confidence: Confidence
    surface: str
    message: str
    any: tuple[str, ...]
    patterns: tuple[Pattern, ...]
    why: str = ""
    remedy: str = ""
    refs: tuple[str, ...] = ()
    unless: tuple[Pattern, ...] = ()
    where: Mapping[str, Predicate] = field(default_factory=dict)
    context: tuple[str, ...] = ()
    check: str = ""
    in_tests: bool = False
    pack: str = ""

    @cached_property
    def anchors(self) -> Anchors:
        """The words without which none of its patterns can match."""
        return choice(self._anchors(text, pattern) for text, pattern in zip(self.any, self.patterns, strict=True))

    def _anchors(self, text: str, pattern: Pattern) -> Anchors:
        held = [p for name, p in self.where.items() if name in variables(text)]
        parts = [pattern.anchors(), *(p.anchors() for p in held)]
        if self.context in (("async",), ("except",)):
            parts.append(needs(self.context[0]))
        found = together(parts)
        return together([found, *map(regex_anchors, held)]) if frozenset() in found else found


@dataclass(frozen=True)
class Signals:
    """What puts a definition on a surface; see docs/packs.md."""

    calls: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    decorators: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    by_hand: tuple[Pattern, ...] = ()
    anti: Signals | None = None


@dataclass(frozen=True)
class Rules:
    """All that the packs say."""

    rules: tuple[Rule, ...]
    surfaces: Mapping[str, Surface]
    signals: Mapping[str, Signals]


@dataclass(frozen=True, slots=True)
class _Reader:
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
        value = table.get(key, "")
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

    def one_of(self, table: Mapping[str, Any], key: str, choices: Iterable[str], default: str) -> str:
        """One of a few words."""
        value, known = table.get(key, default), list(choices)
        if value in known:
            return str(value)
        near = difflib.get_close_matches(str(value), known, 1)
        said = f'"{value}" is none of {", ".join(known)}' if value else "is missing"
        self.problem(key, said + (f' (did you mean "{near[0]}"?)' if near else ""))
        return known[0]

    def patterns(self, table: Mapping[str, Any], key: str) -> tuple[Pattern, ...]:
        """A list of pattern texts, compiled."""
        found = []
        for text in self.texts(table, key):
            try:
                found.append(read_pattern(text))
            except BadPattern as error:
                self.problem(key, f"`{text}`: {error}")
        return tuple(found)


_SURFACE_KEYS = ("id", "title", "tier", "why", "review", "owners-hint", "signals")
_SIGNAL_KEYS = ("calls", "bases", "decorators", "imports", "words", "paths")
_RULE_KEYS = (
    *("id", "name", "severity", "confidence", "surface", "any", "unless", "where", "context", "check"),
    *("message", "why", "remedy", "refs", "in-tests"),
)


def own_packs() -> Path:
    """The folder of guardrail's own packs: inside the installed package, or beside it in a checkout."""
    inside = Path(__file__).parent / "rules"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "rules"


def load_packs(
    extra: Iterable[str] = (), read: Callable[[str], bytes | None] | None = None, files: Iterable[str] = ()
) -> Rules:
    """guardrail's packs and the user's.

    `extra` are pack files or folders of the reviewed tree, `read` reads a file of it and `files` lists it; without `read` they
    are read from the file system. Raises BadPack with every mistake of every pack.
    """
    problems: list[str] = []
    texts = [(p.name, p.read_bytes()) for p in sorted(own_packs().glob("*.toml")) if p.name not in NOT_PACKS]
    texts += _user_packs(tuple(extra), read, tuple(files), problems)
    return read_packs(texts, problems)


def read_packs(texts: Iterable[tuple[str, bytes]], problems: list[str] | None = None) -> Rules:
    """Packs given as (file name, content) → Rules; BadPack with every mistake, those in `problems` first."""
    problems = [] if problems is None else problems
    rules: list[Rule] = []
    surfaces: dict[str, Surface] = {}
    signals: dict[str, Signals] = {}
    for name, data in texts:
        _read_pack(name, data, rules, surfaces, signals, problems)
    for rule in rules:
        if rule.surface and rule.surface not in surfaces:
            problems.append(f'{rule.pack}: {rule.id}: surface: there is no surface "{rule.surface}"')
    problems.extend(_disagreements(rules))
    if problems:
        raise BadPack("\n".join(problems))
    if not rules:
        raise BadPack("no rules were loaded")
    return Rules(tuple(rules), surfaces, signals)


def _user_packs(
    extra: tuple[str, ...], read: Callable[[str], bytes | None] | None, files: tuple[str, ...], problems: list[str]
) -> list[tuple[str, bytes]]:
    found = []
    for given in extra:
        clean = given.removeprefix("./").rstrip("/")
        if read is None:
            path = Path(given)
            inside = sorted(path.glob("*.toml")) if path.is_dir() else [path]
            names = [str(p) for p in inside if p.is_file()]
        else:
            names = sorted(f for f in files if f.endswith(".toml") and f.rpartition("/")[0] == clean) or [clean]
        contents = [(n, Path(n).read_bytes() if read is None else read(n)) for n in names]
        good = [(n, c) for n, c in contents if c is not None]
        if not good:
            problems.append(f"{given}: there is no pack here")
        found.extend(good)
    return found


def _read_pack(
    name: str,
    data: bytes,
    rules: list[Rule],
    surfaces: dict[str, Surface],
    signals: dict[str, Signals],
    problems: list[str],
) -> None:
    try:
        pack = tomli.loads(data.decode("utf-8"))
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{name}: not TOML: {error}")
        return
    reader = _Reader(problems, name)
    reader.known(pack, ("surface", "rule"))
    surface = ""
    if "surface" in pack:
        given = _read_surface(reader, pack["surface"])
        if given is not None:
            surface = given[0].id
            if surface in surfaces:
                reader.problem("surface", f'"{surface}" is defined by another pack already')
            surfaces[surface], signals[surface] = given
    tables = pack.get("rule", [])
    if not isinstance(tables, list):
        reader.problem("rule", "wants [[rule]] tables")
        return
    for table in tables:
        rule = _read_rule(name, table, surface, problems)
        if rule is not None:
            rules.append(rule)


def _read_surface(reader: _Reader, table: Any) -> tuple[Surface, Signals] | None:
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
    return surface, _read_signals(reader, table.get("signals", {}))


def _read_signals(reader: _Reader, table: Any, anti: bool = False) -> Signals:
    if not isinstance(table, dict):
        reader.problem("signals", "wants a table")
        return Signals()
    reader.known(table, _SIGNAL_KEYS if anti else (*_SIGNAL_KEYS, "by-hand", "not"))
    lists = {key: reader.texts(table, key) for key in _SIGNAL_KEYS}
    if anti:
        return Signals(**lists)
    by_hand = reader.patterns(table, "by-hand")
    return Signals(**lists, by_hand=by_hand, anti=_read_signals(reader, table.get("not", {}), anti=True))


def _read_rule(pack: str, table: Any, surface: str, problems: list[str]) -> Rule | None:
    if not isinstance(table, dict):
        problems.append(f"{pack}: rule: wants a table")
        return None
    before = len(problems)
    reader = _Reader(problems, f"{pack}: {table.get('id', 'a rule without id')}")
    reader.known(table, _RULE_KEYS)
    identity = reader.text(table, "id", needed=True)
    if identity and not RULE_ID.fullmatch(identity):
        reader.problem("id", "wants three capitals and three digits, such as JWT001")
    check = reader.text(table, "check")
    if check and not CHECK.fullmatch(check):
        reader.problem("check", 'wants "module:function"')
    if "any" not in table:
        reader.problem("any", "is missing")
    if not surface and not table.get("surface"):
        reader.problem("surface", "is missing, and the pack has no [surface]")
    values = {
        "id": identity,
        "name": reader.text(table, "name", needed=True),
        "severity": Severity(reader.one_of(table, "severity", [s.value for s in Severity], "")),
        "confidence": Confidence(reader.one_of(table, "confidence", [c.value for c in Confidence], "high")),
        "surface": reader.text(table, "surface") or surface,
        "any": reader.texts(table, "any"),
        "patterns": reader.patterns(table, "any"),
        "unless": reader.patterns(table, "unless"),
        "where": _read_where(reader, table),
        "context": _read_context(reader, table),
        "check": check,
        "message": reader.text(table, "message", needed=True),
        "why": reader.text(table, "why"),
        "remedy": reader.text(table, "remedy", needed=True),
        "refs": reader.texts(table, "refs"),
        "in_tests": table.get("in-tests", False) is True,
        "pack": pack,
    }
    return Rule(**values) if len(problems) == before else None


def _read_where(reader: _Reader, table: Mapping[str, Any]) -> dict[str, Predicate]:
    given = table.get("where", {})
    if not isinstance(given, dict):
        reader.problem("where", "wants where.NAME = …")
        return {}
    texts = [t for t in (*table.get("any", ()), *table.get("unless", ())) if isinstance(t, str)]
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
            tests = ["literal", "dynamic", "secret", "tainted", "value", "regex", "less-than", "more-than", "type"]
            near = difflib.get_close_matches(str(error.args[0]), tests, 1)
            guess = f' (did you mean "{near[0]}"?)' if near else ""
            reader.problem(key, f'unknown test "{error.args[0]}"{guess}')
        except ValueError as error:
            reader.problem(key, str(error))
    return found


def _read_context(reader: _Reader, table: Mapping[str, Any]) -> tuple[str, ...]:
    given = table.get("context", [])
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list):
        reader.problem("context", "wants a word or a list of words")
        return ()
    for name in names:
        if name not in CONTEXTS:
            near = difflib.get_close_matches(str(name), CONTEXTS, 1)
            reader.problem("context", f'unknown context "{name}"' + (f' (did you mean "{near[0]}"?)' if near else ""))
    return tuple(n for n in names if n in CONTEXTS)


def _disagreements(rules: list[Rule]) -> Iterable[str]:
    """One id has one name, and one name has one id."""
    names: dict[str, str] = {}
    ids: dict[str, str] = {}
    for rule in rules:
        if names.setdefault(rule.id, rule.name) != rule.name:
            yield f'{rule.pack}: {rule.id}: name: "{rule.name}" here, "{names[rule.id]}" elsewhere'
        if ids.setdefault(rule.name, rule.id) != rule.id:
            yield f'{rule.pack}: {rule.id}: name: "{rule.name}" is the name of {ids[rule.name]}'
