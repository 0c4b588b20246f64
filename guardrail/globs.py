"""Path globs as packs write them."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from functools import cache

_SPECIAL = re.compile(r"\*\*/|\[[^]]*\]|[*?]")


def matches(path: str, glob: str) -> bool:
    """Whether a path fits a glob in which `**/` is any number of folders; `*` and `?` stay inside of one."""
    return _translated(glob).match(path) is not None


def among(paths: Sequence[str], globs: tuple[str, ...]) -> list[str]:
    """The paths that fit one of the globs."""
    likely, fits = _likely(paths, globs), _of_any(globs).match
    return [path for path in paths if path in likely and fits(path)]


def _likely(paths: Sequence[str], globs: tuple[str, ...]) -> set[str]:
    """The paths that have the longest literal piece of a glob: to look for it in all paths at once takes next to no time."""
    text = "\0" + "\0".join(paths) + "\0"
    found = set()
    for piece in {max(_SPECIAL.split(glob), key=len) for glob in globs}:
        at = text.find(piece, 1)
        while 0 <= at < len(text) - 1:
            end = text.index("\0", at)
            found.add(text[text.rindex("\0", 0, at) + 1 : end])
            at = text.find(piece, end + 1)
    return found


@cache
def _of_any(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(_translated(glob).pattern for glob in globs))


@cache
def _translated(glob: str) -> re.Pattern[str]:
    whole = glob.replace("/**", "/**/*") if glob.endswith("/**") else glob
    pieces = [p for p in re.split(r"(\*\*/)", whole) if p]
    parts = ["(?:.*/)?" if p == "**/" else re.sub(r"\.\*", "[^/]*", fnmatch.translate(p)[4:-3]) for p in pieces]
    return re.compile("".join(parts) + r"\Z")
