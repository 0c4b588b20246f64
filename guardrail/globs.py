"""Path globs as packs write them."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from functools import cache


def matches(path: str, glob: str) -> bool:
    """Whether a path fits a glob in which `**/` is any number of folders; `*` and `?` stay inside of one."""
    return _translated(glob).match(path) is not None


def among(paths: Iterable[str], globs: tuple[str, ...]) -> list[str]:
    """The paths that fit one of the globs."""
    fits = _of_any(globs).match
    return [path for path in paths if fits(path)]


@cache
def _of_any(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(_translated(glob).pattern for glob in globs))


@cache
def _translated(glob: str) -> re.Pattern[str]:
    whole = glob.replace("/**", "/**/*") if glob.endswith("/**") else glob
    pieces = [p for p in re.split(r"(\*\*/)", whole) if p]
    parts = ["(?:.*/)?" if p == "**/" else re.sub(r"\.\*", "[^/]*", fnmatch.translate(p)[4:-3]) for p in pieces]
    return re.compile("".join(parts) + r"\Z")
