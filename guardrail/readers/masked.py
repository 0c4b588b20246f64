"""The code of a page without its strings and comments, and what stands around a line of it."""

from __future__ import annotations

import re
from functools import lru_cache

from guardrail.comments import STRING_OR_COMMENT

_HANDLES = re.compile(r"\s*except\b.*\b(ImportError|ModuleNotFoundError|Exception|AttributeError)\b|\s*except\s*:")
_OPTIONAL = ("except", "with suppress", "with contextlib")


@lru_cache(maxsize=2)
def code_lines(text: str) -> list[str]:
    """The lines, with spaces for all that is in strings and comments."""
    return STRING_OR_COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text).split("\n")


def is_optional(lines: list[str], number: int) -> bool:
    """Whether a line (1-based) may fail or is not for everybody: in a `try` that expects it, for type checkers, by version."""
    indent = _indent(lines[number - 1])
    for at in range(number - 2, -1, -1):
        line = lines[at]
        if not indent:
            return False
        if line.strip() and _indent(line) < indent:
            indent = _indent(line)
            if line.lstrip().startswith("try:"):
                return any(_HANDLES.match(other) for other in lines[number : number + 200] if _indent(other) == indent)
            if line.lstrip().startswith((*_OPTIONAL, "if ", "elif ", "else:")):
                return True  # for some only: type checkers, a version, those who have it
    return False


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
