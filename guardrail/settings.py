"""guardrail.toml or [tool.guardrail] → Settings. All mistakes are told at once, unknown keys with a guess."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import tomli

from guardrail.model import GuardrailError, Severity, Unreadable

if TYPE_CHECKING:
    import pathspec

NEVER = "never"


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

    def with_options(self, **given: object) -> Settings:
        """These settings, with those given on the command line in their place; None means not given."""
        wanted = {key.replace("_", "-"): value for key, value in given.items() if value is not None}
        mistakes: list[str] = []
        found = _checked(wanted, "--", mistakes)
        if mistakes:
            raise GuardrailError("\n".join(mistakes))
        return replace(self, **found)

    def excluded(self, path: str) -> bool:
        """Whether the project wants nothing said of this file."""
        return bool(self.exclude) and _spec(self.exclude).match_file(path)


class _Wrong(Exception):
    """What a value must be, in words."""


def _gate(value: object) -> Severity | None:
    known = [*Severity, NEVER]
    if not isinstance(value, str) or value not in known:
        raise _Wrong(f"must be one of {', '.join(known)}")
    return None if value == NEVER else Severity(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("must be true or false")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _Wrong("must be a whole number, 0 or more")
    return value


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) and item.strip() for item in value):
        raise _Wrong("must be a list of strings that are not empty")
    return tuple(item.strip() for item in value)


def _globs(value: object) -> tuple[str, ...]:
    globs = _strings(value)
    for glob in globs:
        try:
            _spec((glob,))
        except Exception as error:  # pathspec lets the errors of re through
            raise _Wrong(f"{glob!r} is no pattern as in .gitignore: {error}") from None
    return globs


FIELDS: Mapping[str, Callable[[object], Any]] = {  # key as written → its value, or _Wrong; attributes have `_` for `-`
    "fail-on": _gate,
    "select": _strings,
    "ignore": _strings,
    "exclude": _globs,
    "packs": _strings,
    "pedantic": _flag,
    "allow-incomplete": _flag,
    "jobs": _count,
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
    found = _checked(own or shared, "guardrail.toml: " if own else "pyproject.toml: tool.guardrail.", mistakes)
    if mistakes:
        raise GuardrailError("\n".join(mistakes))
    return Settings(**found)


def check_names(settings: Settings, rules: Collection[str], surfaces: Collection[str]) -> None:
    """Raise GuardrailError for names in `select` and `ignore` that no rule and no surface has."""
    mistakes = []
    for key, names in (("select", settings.select), ("ignore", settings.ignore)):
        for name in names:
            if name not in surfaces and not any(rule.startswith(name) for rule in rules):
                mistakes.append(f"{key}: {name!r} is no rule, no beginning of one, and no surface")
                mistakes[-1] += guess(name, {*rules, *surfaces})
    if mistakes:
        raise GuardrailError("\n".join(mistakes))


def guess(name: str, known: Iterable[str]) -> str:
    """` (did you mean "…"?)` where one of the known names is near, else nothing."""
    near = difflib.get_close_matches(name, sorted(known), 1)
    return f' (did you mean "{near[0]}"?)' if near else ""


def _checked(table: Mapping[str, object], prefix: str, mistakes: list[str]) -> dict[str, Any]:
    """The values by attribute; what is wrong with others goes to `mistakes`."""
    found = {}
    for key, value in table.items():
        if key not in FIELDS:
            mistakes.append(f"{prefix}{key}: unknown key{guess(key, FIELDS)}")
            continue
        try:
            found[key.replace("-", "_")] = FIELDS[key](value)
        except _Wrong as error:
            mistakes.append(f"{prefix}{key}: {error}, not {_shown(value)}")
    return found


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


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


@lru_cache(maxsize=256)
def _spec(globs: tuple[str, ...]) -> pathspec.GitIgnoreSpec:
    import pathspec  # late: few projects exclude anything

    return pathspec.GitIgnoreSpec.from_lines(globs)
