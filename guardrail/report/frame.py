"""The code that a finding is about: the line before, its own lines, an underline; highlighted by Pygments."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from io import StringIO

from pygments.formatters.terminal import TerminalFormatter
from pygments.lexers.python import PythonLexer

from guardrail.model import Finding
from guardrail.report.escape import characters
from guardrail.report.paint import coloured

SHOWN = 4  # lines of a long finding
WIDTH = 140  # characters of a long line


def frame(lines: Sequence[str], f: Finding) -> list[str]:
    """The frame, line by line; nothing where the finding lies outside the file."""
    if not 1 <= f.line <= len(lines):
        return []
    last = max(f.line, min(f.end_line, len(lines), f.line + SHOWN - 1))
    start = max(0, f.column - WIDTH // 2) if any(len(line) > WIDTH for line in lines[f.line - 1 : last]) else 0
    before = [_numbered(f.line - 1, _highlighted(_clip(lines[f.line - 2], start))[0])] if f.line > 1 else []
    own = [_clip(line, start) for line in lines[f.line - 1 : last]]
    for number, code, shown in zip(range(f.line, last + 1), own, _highlighted("\n".join(own)), strict=True):
        begin = f.column - 1 - start if number == f.line else len(code) - len(code.lstrip())
        end = f.end_column - 1 - start if number == f.end_line else len(code)
        before += [_numbered(number, shown), _gutter("") + coloured(f.severity, _underline(code, begin, end))]
    return before + ([_gutter("") + "…"] if last < min(f.end_line, len(lines)) else [])


def _clip(line: str, start: int) -> str:
    """A window of a long line; its cut ends end in `…`."""
    if len(line) <= WIDTH:
        return line[start:]
    part = line[start : start + WIDTH]
    left = "…" + part[1:] if start and part else part
    return left + "…" if start + WIDTH < len(line) else left


def _highlighted(code: str) -> list[str]:
    tokens = PythonLexer().get_tokens_unprocessed(code)  # the other way changes newlines and so the line numbers
    out = StringIO()
    TerminalFormatter(bg="dark").format(((kind, _shown(text)) for _, kind, text in tokens), out)
    return out.getvalue().split("\n")


def _shown(code: str) -> str:
    return "\n".join(characters(line.replace("\t", "    ")) for line in code.split("\n"))


def _underline(code: str, begin: int, end: int) -> str:
    return " " * _width(code[: max(begin, 0)]) + "‾" * max(1, _width(code[max(begin, 0) : max(end, 0)]))


def _width(code: str) -> int:
    """How many cells of a terminal the code takes."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in _shown(code))


def _numbered(number: int, code: str) -> str:
    return _gutter(str(number)) + code


def _gutter(number: str) -> str:
    return coloured("aside", f"{number:>4} │ ")
