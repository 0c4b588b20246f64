"""guardrail.toml or [tool.guardrail] → Settings. All mistakes are told at once, unknown keys with a guess."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import tomli

from guardrail import fields
from guardrail.fields import Read
from guardrail.model import GuardrailError, Severity, Tier, Unreadable


@dataclass(frozen=True, slots=True)
class SurfaceSettings:
    """What a project says of one surface; see docs/settings.md."""

    enabled: bool = True
    tier: Tier | None = None  # instead of the pack's
    tiers: Mapping[str, Tier] = field(default_factory=dict)  # by path, as in .gitignore; the last that fits counts
    signals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # more of them

    def tier_of(self, path: str) -> Tier | None:
        """The tier that the project wants for the surface in this file, None where that of the pack will do."""
        fitting = [tier for glob, tier in self.tiers.items() if fields.spec((glob,)).match_file(path)]
        return fitting[-1] if fitting else self.tier


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

    def with_options(self, **given: object) -> Settings:
        """These settings, with those given on the command line in their place; None means not given."""
        wanted = {key.replace("_", "-"): value for key, value in given.items() if value is not None}
        mistakes: list[str] = []
        found = fields.checked(wanted, "--", mistakes, FIELDS)
        if mistakes:
            raise GuardrailError("\n".join(mistakes))
        return replace(self, **found)

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


def _surfaces(value: object) -> dict[str, SurfaceSettings]:
    return fields.each(value, lambda _, table: SurfaceSettings(**fields.inside(table, SURFACE_FIELDS)))


SURFACE_FIELDS: Mapping[str, Read] = {"enabled": fields.flag, "tier": fields.tier, "tiers": _tiers, "signals": _signals}
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
}


def load_settings(read: Callable[[str], bytes | None]) -> Settings:
    """The settings of a project, by a function that reads its files; GuardrailError with every mistake in them."""
    own = _document(read, "guardrail.toml")
    tool = _document(read, "pyproject.toml").get("tool", {})
    shared = tool.get("guardrail", {}) if isinstance(tool, dict) else {}
    if own and shared:
        raise GuardrailError("guardrail.toml and pyproject.toml ([tool.guardrail]) both have settings; keep one of them")
    if not isinstance(shared, dict):
        raise GuardrailError("pyproject.toml: tool.guardrail: must be a table")
    mistakes: list[str] = []
    found = fields.checked(own or shared, "guardrail.toml: " if own else "pyproject.toml: tool.guardrail.", mistakes, FIELDS)
    if mistakes:
        raise GuardrailError("\n".join(mistakes))
    return Settings(**found)


def check_names(settings: Settings, rules: Collection[str], surfaces: Collection[str]) -> None:
    """Raise GuardrailError for names in `select` and `ignore` that no rule and no surface has, and for surfaces unknown."""
    mistakes = []
    for key, named in (("owners", settings.owners), ("surfaces", settings.surfaces)):
        unknown = [name for name in named if name not in surfaces]
        mistakes += [f"{key}: {name!r} is no surface{fields.guess(name, surfaces)}" for name in unknown]
    for key, names in (("select", settings.select), ("ignore", settings.ignore)):
        for name in names:
            if name not in surfaces and not any(rule.startswith(name) for rule in rules):
                mistakes.append(f"{key}: {name!r} is no rule, no beginning of one, and no surface")
                mistakes[-1] += fields.guess(name, {*rules, *surfaces})
    if mistakes:
        raise GuardrailError("\n".join(mistakes))


def _document(read: Callable[[str], bytes | None], path: str) -> dict[str, Any]:
    """A TOML file, empty where there is none."""
    try:
        data = read(path)
        return tomli.loads(data.decode("utf-8-sig")) if data else {}
    except tomli.TOMLDecodeError as error:
        line = getattr(error, "lineno", None)
        raise GuardrailError(f"{path}:{line}: {error.msg}" if line else f"{path}: {error}") from None
    except UnicodeDecodeError:
        raise GuardrailError(f"{path}: not valid UTF-8") from None
    except RecursionError:
        raise GuardrailError(f"{path}: too deeply nested") from None
    except Unreadable as error:
        raise GuardrailError(f"{path}: {error}") from None
