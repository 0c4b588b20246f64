"""Words of a hostile repository in the Markdown of GitHub and GitLab: they format nothing, link nowhere and call nobody.

Entities keep a character from being Markdown, but mentions, references and links are looked for once those are resolved.
Nothing is looked for inside of a code span, so whatever could be one of them goes there.
"""

from __future__ import annotations

import re
from itertools import pairwise

from guardrail.report.escape import one_line

_SPECIAL = re.compile(r"[^\w\s.,:;'\"/=%?()-]|_", re.ASCII)
_CALLS = re.compile(r"@|#|:/|www\.|[!$%&~^:*]\w", re.IGNORECASE)  # @name, #1, links, :emoji:, and what GitLab knows beside them
_COMMIT = re.compile(r"\b[0-9a-f]{7,40}\b")
_BLOCK = re.compile(r"^(\d*)([-=.)])")  # what begins a list or a line below a heading
_TICKS = re.compile(r"`+")
_CODE = re.compile(r"`([^`]+)`")


def code(text: str, table: bool = False) -> str:
    """The text as a code span; in a table a bar, which would end the cell, in its escaped form."""
    line = one_line(text)
    if table:
        line = line.replace("|", "\\x7c")
    fence = "`" * (max((len(run) for run in _TICKS.findall(line)), default=0) + 1)
    pad = " " if len(fence) > 1 or line.startswith(" ") else ""
    return f"{fence}{pad}{line}{pad}{fence}" if line.strip() else ""


def prose(text: str, table: bool = False) -> str:
    """A sentence: what stands between backticks as code, so does each word that could be a mention, a reference or a link."""
    parts = _CODE.split(one_line(text))
    pieces = [""]
    for number, part in enumerate(parts):
        pieces += [code(part, table)] if number % 2 else _words(part, table)
    apart = (f"{' ' * (a.endswith('`') and b.startswith('`'))}{b}" for a, b in pairwise(p for p in pieces if p or p is pieces[0]))
    return _BLOCK.sub(lambda m: f"{m[1]}&#{ord(m[2])};", "".join(apart))


def _words(text: str, table: bool) -> list[str]:
    """The words and the blanks between them."""
    words = re.split(r"(\s+)", text)
    return [code(word, table) if _CALLS.search(word) or _COMMIT.search(word) else _entities(word) for word in words]


def _entities(text: str) -> str:
    return _SPECIAL.sub(lambda m: f"&#{ord(m[0])};" if m[0].isascii() else m[0], text)
