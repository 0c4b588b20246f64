"""The comments of Python source, told from the strings that look like them."""

from __future__ import annotations

import re
from collections.abc import Iterator

STRING_OR_COMMENT = re.compile(
    r"\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*+(?:\"\"\")?|'''(?:[^'\\]|\\.|'(?!''))*+(?:''')?"
    r"|\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?|(?P<comment>#[^\n]*)",
    re.S,
)


def comments(text: str) -> Iterator[tuple[int, int, str]]:
    """Line and column (1-based) and text of every comment, up to the end of its line; newlines are those of normalised text."""
    line, at = 1, 0
    for found in STRING_OR_COMMENT.finditer(text):
        if found["comment"]:
            start = found.start()
            line, at = line + text.count("\n", at, start), start
            yield line, start - text.rfind("\n", 0, start), found["comment"]
