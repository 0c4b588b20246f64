"""guardrail.toml or [tool.guardrail] → Settings. All mistakes are told at once, unknown keys with a guess."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from guardrail import fields
from guardrail.fields import Read
from guardrail.model import GuardrailError, Severity, Tier, Unreadable
from guardrail.waiver import Waiver, waivers

FILES = ("guardrail.toml", "pyproject.toml")
BASELINE = ".guardrail-baseline"


@dataclass(frozen=True, slots=True)
class SurfaceSettings:
    """What a project says of one surface; see docs/settings.md."""

    enabled: bool = True
    tier: Tier | None = None  # instead of the pack's
    tiers: Mapping[str, Tier] = field(default_factory=dict)  # by path, as in .gitignore; the last that fits counts
    signals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # more of them
    gate: str = ""  # fail-on for the findings of this surface: a severity or `never`; nothing: as elsewhere

    def tier_of(self, path: str) -> Tier | None:
        """The tier that the project wants for the surface in this file, None where that of the pack will do."""
        fitting = [tier for glob, tier in self.tiers.items() if fields.spec((glob,)).match_file(path)]
        return fitting[-1] if fitting else self.tier


@dataclass(frozen=True, slots=True)
class PathSettings:
    """What a project says of some files."""

    glob: str  # as in .gitignore
    gate: str  # fail-on there


@dataclass(frozen=True, slots=True)
class AiSettings:
    """What a project asks of lines that were drafted with an assistant."""

    report: bool = True  # say which findings and surfaces are on such lines
    raise_severity: bool = False  # of findings on do-not-use code, by one step
    require_signoff: tuple[str, ...] = ()  # tiers and surfaces on which such a definition needs one
    assume_ai: bool = False  # take every line for drafted


@dataclass(frozen=True, slots=True)
class Settings:
    """What a project or a command line may choose."""

    fail_on: Severity | None = Severity.P1  # None: nothing fails the run
    select: tuple[str, ...] = ()  # rule ids, their beginnings, or surfaces; none means all
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()  # as in .gitignore
    packs: tuple[str, ...] = ()
    pedantic: bool = False
    allow_incomplete: bool = False
    jobs: int = 0  # 0: one per core
    honour: tuple[str, ...] = ()  # comments of peers that count as allows: nosec, noqa
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # surface → whom to suggest as reviewers
    surfaces: Mapping[str, SurfaceSettings] = field(default_factory=dict)
    paths: tuple[PathSettings, ...] = ()  # the last that fits counts
    baseline: str = BASELINE  # known findings, one a line
    waiver: tuple[Waiver, ...] = ()
    require_signoff: tuple[str, ...] = ()  # tiers and surfaces on which a touched definition needs one
    ai: AiSettings = AiSettings()

    def with_options(self, **given: object) -> Settings:
        """These settings, with those given on the command line in their place; None means not given."""
        wanted = {key.replace("_", "-"): value for key, value in given.items() if value is not None}
        mistakes: list[str] = []
        found = fields.checked(wanted, "--", mistakes, FIELDS)
        if mistakes:
            raise GuardrailError("\n".join(mistakes))
        return replace(self._without_gates() if "fail_on" in found else self, **found)

    def _without_gates(self) -> Settings:
        """The command line's gate is that of every path and surface."""
        return replace(self, paths=(), surfaces={name: replace(s, gate="") for name, s in self.surfaces.items()})

    def excluded(self, path: str) -> bool:
        """Whether the project wants nothing said of this file."""
        return bool(self.exclude) and fields.spec(self.exclude).match_file(path)


SIGNALS = ("calls", "bases", "decorators", "imports", "words", "paths", "low-level", "files")  # that a project may add


def _tiers(value: object) -> dict[str, Tier]:
    def read(glob: str, wanted: object) -> Tier:
        fields.globs([glob])
        return fields.tier(wanted)

    return fields.each(value, read)


def _owners(value: object) -> dict[str, tuple[str, ...]]:
    return fields.each(value, lambda _, owners: fields.strings(owners))


def _signals(value: object) -> dict[str, tuple[str, ...]]:
    return fields.inside(value, dict.fromkeys(SIGNALS, fields.strings))


def _paths(value: object) -> tuple[PathSettings, ...]:
    if not isinstance(value, list):
        raise fields.Wrong("must be [[tool.guardrail.paths]] tables")
    tables = fields.each({str(n): table for n, table in enumerate(value, 1)}, lambda _, table: _path(table))
    return tuple(tables.values())


def _path(table: object) -> PathSettings:
    found = fields.inside(table, PATH_FIELDS)
    if missing := [key for key in PATH_FIELDS if key.replace("-", "_") not in found]:
        raise fields.Inside([f"{key}: is missing" for key in missing])
    return PathSettings(found["glob"], found["fail_on"])


def _ai(value: object) -> AiSettings:
    found = fields.inside(value, AI_FIELDS)
    return AiSettings(**{"raise_severity" if key == "raise" else key: given for key, given in found.items()})


def _gate(value: object) -> str:
    return fields.gate(value) or fields.NEVER


def _glob(value: object) -> str:
    return fields.globs([value])[0]


def _surface(table: object) -> SurfaceSettings:
    found = fields.inside(table, SURFACE_FIELDS)
    return SurfaceSettings(**{"gate" if key == "fail_on" else key: given for key, given in found.items()})


def _surfaces(value: object) -> dict[str, SurfaceSettings]:
    return fields.each(value, lambda _, table: _surface(table))


SURFACE_FIELDS: Mapping[str, Read] = {
    "enabled": fields.flag,
    "tier": fields.tier,
    "tiers": _tiers,
    "signals": _signals,
    "fail-on": _gate,
}
PATH_FIELDS: Mapping[str, Read] = {"glob": _glob, "fail-on": _gate}
AI_FIELDS: Mapping[str, Read] = {
    "report": fields.flag,
    "raise": fields.flag,
    "require-signoff": fields.strings,
    "assume-ai": fields.flag,
}
FIELDS: Mapping[str, Read] = {  # key as written → its value, or Wrong; attributes have `_` for `-`
    "fail-on": fields.gate,
    "select": fields.strings,
    "ignore": fields.strings,
    "exclude": fields.globs,
    "packs": fields.strings,
    "pedantic": fields.flag,
    "allow-incomplete": fields.flag,
    "jobs": fields.count,
    "honour": fields.peers,
    "owners": _owners,
    "surfaces": _surfaces,
    "paths": _paths,
    "baseline": fields.text,
    "waiver": waivers,
    "require-signoff": fields.strings,
    "ai": _ai,
}


def load_settings(read: Callable[[str], bytes | None]) -> Settings:
    """The settings of a project, by a function that reads its files; GuardrailError with every mistake in them.

    Waivers may stand in guardrail.toml where all else stands in pyproject.toml.
    """
    own = _document(read, "guardrail.toml")
    tool = _document(read, "pyproject.toml").get("tool", {})
    shared = tool.get("guardrail", {}) if isinstance(tool, dict) else {}
    if not isinstance(shared, dict):
        raise GuardrailError("pyproject.toml: tool.guardrail: must be a table")
    if shared and (set(own) - {"waiver"} or ("waiver" in own and "waiver" in shared)):
        raise GuardrailError("guardrail.toml and pyproject.toml ([tool.guardrail]) both have settings; keep one of them")
    mistakes: list[str] = []
    found = fields.checked(own, "guardrail.toml: ", mistakes, FIELDS)
    found |= fields.checked(shared, "pyproject.toml: tool.guardrail.", mistakes, FIELDS)
    if mistakes:
        raise GuardrailError("\n".join(mistakes))
    return Settings(**found)


def check_names(settings: Settings, rules: Collection[str], surfaces: Collection[str]) -> None:
    """Raise GuardrailError for names that no rule, no surface and no tier has."""
    mistakes = []
    for key, named in (("owners", settings.owners), ("surfaces", settings.surfaces)):
        unknown = [name for name in named if name not in surfaces]
        mistakes += [f"{key}: {name!r} is no surface{fields.guess(name, surfaces)}" for name in unknown]
    for key, names in (("select", settings.select), ("ignore", settings.ignore)):
        for name in names:
            if name not in surfaces and not any(rule.startswith(name) for rule in rules):
                mistakes.append(f"{key}: {name!r} is no rule, no beginning of one, and no surface")
                mistakes[-1] += fields.guess(name, {*rules, *surfaces})
    places = {*surfaces, *Tier}
    for key, names in (("require-signoff", settings.require_signoff), ("ai.require-signoff", settings.ai.require_signoff)):
        unknown = [name for name in names if name not in places]
        mistakes += [f"{key}: {name!r} is no tier and no surface{fields.guess(name, places)}" for name in unknown]
    for waiver in settings.waiver:
        if waiver.rule not in rules:
            mistakes.append(f"waiver: {waiver.rule!r} is no rule{fields.guess(waiver.rule, rules)}")
    if mistakes:
        raise GuardrailError("\n".join(mistakes))


def _document(read: Callable[[str], bytes | None], path: str) -> dict[str, Any]:
    """A TOML file, empty where there is none."""
    try:
        data = read(path)
    except Unreadable as error:
        raise GuardrailError(f"{path}: {error}") from None
    if not data:
        return {}
    import tomli  # late: not every project has settings

    try:
        return tomli.loads(data.decode("utf-8-sig"))
    except tomli.TOMLDecodeError as error:
        line = getattr(error, "lineno", None)
        raise GuardrailError(f"{path}:{line}: {error.msg}" if line else f"{path}: {error}") from None
    except UnicodeDecodeError:
        raise GuardrailError(f"{path}: not valid UTF-8") from None
    except RecursionError:
        raise GuardrailError(f"{path}: too deeply nested") from None
