"""Modules and names of the standard library that are gone, or were never there (DEP004, DEP005)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from packaging.version import Version

from guardrail.readers.masked import code_lines, is_optional
from guardrail.texts import Page, Spot

# Module → the first Python without it (PEP 594, PEP 632 and the release notes).
GONE = {
    **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), "3.12"),
    **dict.fromkeys(
        "aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap msilib nis nntplib ossaudiodev pipes"
        " sndhdr spwd sunau telnetlib uu xdrlib".split(),
        "3.13",
    ),
}
# Modules whose names are asked for; plain data and functions, quick to import, the same on every platform.
ASKED = frozenset(
    "base64 bisect collections contextlib copy datetime functools hashlib heapq hmac html itertools json math operator random re"
    " secrets shutil statistics string textwrap time urllib.parse uuid".split()
)
# Names of them that came after Python 3.11, the oldest that guardrail runs on.
_LATER = frozenset(
    "itertools.batched math.sumprod random.binomialvariate copy.replace math.fma uuid.uuid6 uuid.uuid7 uuid.uuid8"
    " uuid.NIL uuid.MAX operator.is_none operator.is_not_none functools.Placeholder re.PatternError re.prefixmatch"
    " statistics.kde statistics.kde_random statistics.fmean math.integer base64.z85encode base64.z85decode"
    " heapq.heapify_max heapq.heappop_max heapq.heappush_max heapq.heappushpop_max heapq.heapreplace_max"
    " string.templatelib shutil.UnpackError math.isnormal math.issubnormal math.fmax math.fmin math.signbit".split()
)
_FROM = re.compile(r"^\s*from\s+(?P<module>[a-z0-9_.]+)\s+import\s+(?P<names>[^#(]+|\([^)#]*\))")
_PLAIN = re.compile(r"^\s*import\s+(?P<names>[^#]+)")


def gone_from_python(page: Page) -> Iterator[Spot]:
    """Imports of modules that the oldest Python of the project no longer has."""
    python = page.project.python
    if python is None or page.index is None:
        return
    lines = code_lines(page.text)
    for number, line in enumerate(lines, 1):
        for module in _modules(line):
            since = GONE.get(module.partition(".")[0])
            if since and python >= Version(since) and not is_optional(lines, number) and module not in page.project.declared:
                column = line.index(module) + 1
                yield Spot(number, column, column + len(module), f"`{module}` is gone since Python {since}.")


def _modules(line: str) -> list[str]:
    found = _FROM.match(line)
    if found:
        return [found["module"]]
    plain = _PLAIN.match(line)
    return [part.split(" as ")[0].strip() for part in plain["names"].split(",")] if plain else []


def not_in_module(page: Page) -> Iterator[Spot]:
    """Names that a module of the standard library does not have, imported or used as `module.name`."""
    if page.index is None:
        return
    lines = code_lines(page.text)
    used = {local: module for local, module in page.index.imports.items() if module in ASKED}
    uses = re.compile(rf"(?<![\w.])(?P<local>{'|'.join(map(re.escape, sorted(used)))})\.(?P<name>[A-Za-z_]\w*)") if used else None
    shadowed = {b.name for b in page.index.bindings if b.name in used}
    for number, line in enumerate(lines, 1):
        found = _FROM.match(line)
        if found and found["module"] in ASKED:
            names = [part.split(" as ")[0].strip(" ()\n") for part in found["names"].split(",")]
            yield from _absent(number, line, found["module"], names, found.start("names"), lines)
        for use in uses.finditer(line) if uses else ():
            if use["local"] not in shadowed:
                yield from _absent(number, line, used[use["local"]], [use["name"]], use.start("name"), lines)


def _absent(number: int, line: str, module: str, names: list[str], start: int, lines: list[str]) -> Iterator[Spot]:
    for name in names:
        known = (
            _is_submodule(module, name)
            or not name.isidentifier()
            or name.startswith("__")
            or name in _names(module)
            or f"{module}.{name}" in _LATER
        )
        if not known and not is_optional(lines, number):
            column = line.index(name, start) + 1
            yield Spot(number, column, column + len(name), f"`{module}` has no `{name}`.")


@cache
def _is_submodule(module: str, name: str) -> bool:
    """Whether `html.parser` is a module of its own; asked of modules of the standard library only."""
    return name.isidentifier() and hasattr(import_module(module), "__path__") and find_spec(f"{module}.{name}") is not None


@cache
def _names(module: str) -> frozenset[str]:
    """What a module of the standard library defines; never one of the code under review."""
    return frozenset(dir(import_module(module)))
