"""Path globs as packs write them."""

from __future__ import annotations

import fnmatch
import re
from functools import cache


def matches(path: str, glob: str) -> bool:
    """Whether a path fits a glob in which `**/` is any number of folders; `*` and `?` stay inside of one."""
    return _translated(glob).match(path) is not None


@cache
def _translated(glob: str) -> re.Pattern[str]:
    whole = glob.replace("/**", "/**/*") if glob.endswith("/**") else glob
    pieces = [p for p in re.split(r"(\*\*/)", whole) if p]
    parts = ["(?:.*/)?" if p == "**/" else re.sub(r"\.\*", "[^/]*", fnmatch.translate(p)[4:-3]) for p in pieces]
    return re.compile("".join(parts) + r"\Z")
