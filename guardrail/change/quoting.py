"""File names as git and diff write them in the headers of a patch."""

from __future__ import annotations

import os
import re

_ESCAPES = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13, b'"': 34, b"\\": 92}
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)


def unquote(name: bytes) -> str:
    """A file name from a `---` or `+++` line: quotes, escapes and a time stamp after a tab taken off."""
    if name.startswith(b'"'):
        return os.fsdecode(split_quoted(name)[0])
    return os.fsdecode(name.partition(b"\t")[0])


def split_quoted(text: bytes) -> tuple[bytes, bytes]:
    """The name in quotes that a text begins with, escapes resolved, and what follows it."""
    closing = re.match(rb'"(?:[^"\\]|\\.)*"', text, re.DOTALL)
    if closing is None:
        return text, b""
    return _ESCAPE.sub(_resolved, text[1 : closing.end() - 1]), text[closing.end() :]


def _resolved(escape: re.Match[bytes]) -> bytes:
    code = escape[1]
    return bytes([int(code, 8) & 255 if code.isdigit() else _ESCAPES.get(code, code[0])])
