"""How the value of a setting is read: what it must be, and every mistake in it told with its key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from guardrail.model import Severity, Tier

if TYPE_CHECKING:
    import pathspec

NEVER = "never"
Read = Callable[[object], Any]  # raises Wrong


class Wrong(Exception):
    """What a value must be, in words."""


class Inside(Exception):
    """The mistakes inside of a table, each with the rest of its key."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        """Told together, with those of other tables."""
        super().__init__(*mistakes)
        self.mistakes = mistakes


def gate(value: object) -> Severity | None:
    """The mildest severity that fails a run, None for `never`."""
    known = [*Severity, NEVER]
    if not isinstance(value, str) or value not in known:
        raise Wrong(f"must be one of {', '.join(known)}")
    return None if value == NEVER else Severity(value)


def flag(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Wrong("must be true or false")
    return value


def count(value: object) -> int:
    """A whole number that is not negative."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Wrong("must be a whole number, 0 or more")
    return value


def strings(value: object) -> tuple[str, ...]:
    """A list of strings, each without the space around it."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) and item.strip() for item in value):
        raise Wrong("must be a list of strings that are not empty")
    return tuple(item.strip() for item in value)


def text(value: object) -> str:
    """A string that says something."""
    if not isinstance(value, str) or not value.strip():
        raise Wrong("must be a string that is not empty")
    return value.strip()


def day(value: object) -> date:
    """A date, quoted or not."""
    try:
        return value if type(value) is date else date.fromisoformat(str(value))
    except ValueError:
        raise Wrong("must be a date such as 2027-03-01") from None


def peers(value: object) -> tuple[str, ...]:
    """Kinds of comments that peers have."""
    kinds = strings(value)
    if not set(kinds) <= {"nosec", "noqa"}:
        raise Wrong('must be a list of "nosec" and "noqa"')
    return kinds


def globs(value: object) -> tuple[str, ...]:
    """A list of patterns as in .gitignore."""
    globs = strings(value)
    for glob in globs:
        try:
            spec((glob,))
        except Exception as error:  # pathspec lets the errors of re through
            raise Wrong(f"{glob!r} is no pattern as in .gitignore: {error}") from None
    return globs


def tier(value: object) -> Tier:
    """A tier by its name."""
    if not isinstance(value, str) or value not in list(Tier):
        raise Wrong(f"must be one of {', '.join(reversed(Tier))}")
    return Tier(value)


def each(value: object, read: Callable[[str, object], Any]) -> dict[str, Any]:
    """A table whose keys the project chooses."""
    if not isinstance(value, dict):
        raise Wrong("must be a table")
    found, mistakes = {}, []
    for key, inner in value.items():
        try:
            found[key] = read(key, inner)
        except Wrong as error:
            mistakes.append(f"{key}: {error}, not {_shown(inner)}")
        except Inside as error:
            mistakes += [f"{key}.{mistake}" for mistake in error.mistakes]
    if mistakes:
        raise Inside(mistakes)
    return found


def inside(value: object, fields: Mapping[str, Read]) -> dict[str, Any]:
    """A table with known keys."""
    if not isinstance(value, dict):
        raise Wrong("must be a table")
    mistakes: list[str] = []
    found = checked(value, "", mistakes, fields)
    if mistakes:
        raise Inside(mistakes)
    return found


def guess(name: str, known: Iterable[str]) -> str:
    """` (did you mean "…"?)` where one of the known names is near, else nothing."""
    import difflib  # late: for mistakes only

    near = difflib.get_close_matches(name, sorted(known), 1)
    return f' (did you mean "{near[0]}"?)' if near else ""


def checked(table: Mapping[str, object], prefix: str, mistakes: list[str], fields: Mapping[str, Read]) -> dict[str, Any]:
    """The values by attribute; what is wrong with others goes to `mistakes`."""
    found = {}
    for key, value in table.items():
        if key not in fields:
            mistakes.append(f"{prefix}{key}: unknown key{guess(key, fields)}")
            continue
        try:
            found[key.replace("-", "_")] = fields[key](value)
        except Inside as error:
            mistakes += [f"{prefix}{key}.{mistake}" for mistake in error.mistakes]
        except Wrong as error:
            mistakes.append(f"{prefix}{key}: {error}, not {_shown(value)}")
    return found


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


@lru_cache(maxsize=256)
def spec(globs: tuple[str, ...]) -> pathspec.GitIgnoreSpec:
    """The patterns as one matcher."""
    import pathspec  # late: few projects exclude anything

    return pathspec.GitIgnoreSpec.from_lines(globs)
