"""Bytes → text → statements: how a source file is decoded and parsed, and where its statements begin."""

from __future__ import annotations

import ast
import codecs
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from guardrail.model import Unreadable

_COOKIE = re.compile(rb"\A(?:\xef\xbb\xbf)?(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))??[ \t\f]*#[^\r\n]*?coding[:=][ \t]*([-\w.]+)")
_NO_SOURCE_CODECS = {"idna", "punycode"}  # quadratic, and no file is written in them
_FILLER = re.compile(r"[ \t\f]*(?:#.*|\\)?\Z")  # a line between a header and its body
_PYTHON_2 = re.compile(
    r"^\s*(?:print\s+[^\s=(.,\[]|print\s*>>|exec\s+[\"'\w]|raise\s+[\w.]+\s*,|except\s+[\w.()]+\s*,\s*\w+\s*:)"
    r"|<>|`|\b0\d+\b|\b\d+[lL]\b|\bur[\"']|\bdef\s+\w+\(.*\(\w+\s*,.*:\s*$"
)
_BLOCKS: dict[type, tuple[str, ...]] = {  # compound statements that open no definition, and where their statements are
    ast.If: ("body", "orelse"),
    ast.For: ("body", "orelse"),
    ast.AsyncFor: ("body", "orelse"),
    ast.While: ("body", "orelse"),
    ast.With: ("body",),
    ast.AsyncWith: ("body",),
    ast.Try: ("body", "handlers", "orelse", "finalbody"),
    ast.TryStar: ("body", "handlers", "orelse", "finalbody"),
    ast.ExceptHandler: ("body",),
    ast.Match: ("cases",),
    ast.match_case: ("body",),
}


def decode(data: bytes) -> str:
    """The text of a source file: no BOM, newlines as \\n; Unreadable with the reason where there is none."""
    if b"\0" in data:
        raise Unreadable("contains NUL bytes, so it is no Python source")
    name = _encoding(data)
    try:
        with warnings.catch_warnings():  # unicode_escape warns of what it decodes all the same
            warnings.simplefilter("ignore")
            text = data.decode("utf-8-sig" if name == "utf-8" else name)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        label = "UTF-8" if name == "utf-8" else name
        raise Unreadable(f"not valid {label}: byte 0x{data[error.start]:02x} at line {line}") from None
    except (LookupError, ValueError) as error:
        raise Unreadable(f"cannot be decoded as {name}: {error}") from None
    return normalise_newlines(text)


def _encoding(data: bytes) -> str:
    """The codec that the BOM and the coding cookie ask for."""
    cookie = _COOKIE.match(data)
    if not cookie:
        return "utf-8"
    asked = cookie[1].decode("ascii")
    try:
        name = codecs.lookup(asked).name
    except (LookupError, ValueError):
        name = ""
    if not name or name in _NO_SOURCE_CODECS:
        raise Unreadable(f"unknown encoding {asked[:40]!r} in the coding cookie")
    if data.startswith(codecs.BOM_UTF8) and name not in ("utf-8", "utf-8-sig"):
        raise Unreadable(f"the coding cookie says {asked[:40]!r}, but the file begins with a UTF-8 byte order mark")
    return name


def normalise_newlines(text: str) -> str:
    """The text with \\r\\n and \\r as \\n, the only line ends that Python knows."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def parse(text: str) -> ast.Module:
    """The statements of a file as ast nodes; where libcst had to read it, they are stand-ins with the same places."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        reason = _reason(error, text)
    except (RecursionError, MemoryError):
        raise Unreadable("too deeply nested") from None
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"no Python source: {error}") from None
    if reason.startswith("too deeply nested"):
        raise Unreadable(reason)
    from guardrail.analysis.newsyntax import read_statements  # late: libcst is slow to import and seldom needed

    return read_statements(text, reason)


def _reason(error: SyntaxError, text: str) -> str:
    """The sentence for a file that ast cannot read."""
    number = error.lineno or 1
    message = error.msg or "invalid syntax"
    if "too many nested" in message or "too many levels of indentation" in message:
        return f"too deeply nested at line {number}"
    lines = text.split("\n")
    line = lines[number - 1] if 0 < number <= len(lines) else ""
    where = f"invalid syntax at line {number}"
    if _PYTHON_2.search(line[:300]):
        return f"Python 2 syntax? {where}: {line.strip()[:80]}"
    return where if message == "invalid syntax" else f"{where}: {message}"


def statements(body: Iterable[ast.AST]) -> Iterator[Any]:
    """The statements of a block and of the blocks in it, in file order; functions and classes stay shut."""
    stack = list(body)[::-1]
    while stack:
        node = stack.pop()
        yield node
        for name in _BLOCKS.get(type(node), ())[::-1]:
            stack += getattr(node, name)[::-1]


def first_line(node: Any, lines: list[str]) -> int:
    """The line on which a statement begins, decorators included; `lines` counts from 1."""
    decorators = getattr(node, "decorator_list", None)
    first: int = decorators[0].lineno if decorators else node.lineno
    while decorators and first > 1 and not lines[first].lstrip().startswith("@"):
        first -= 1
    return first


def header_line(node: Any, lines: list[str]) -> int:
    """The line on which the `:` of a compound statement's header stands; `lines` counts from 1."""
    return colon_line(node.body, getattr(node, "lineno", 1), lines)


def colon_line(body: list[Any], floor: int, lines: list[str]) -> int:
    """The line of the `:` that opens a block, which is not above `floor`; `lines` counts from 1."""
    first = first_line(body[0], lines)
    if body[0].lineno == first and lines[first][: body[0].col_offset].strip():
        return first
    first -= 1
    while first > floor and _FILLER.match(lines[first]):
        first -= 1
    return max(first, floor)
