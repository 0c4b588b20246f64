"""A definition cut out of its file, so that only what is judged is parsed."""

from __future__ import annotations

import libcst as cst

from guardrail.analysis.depth import TOO_DEEP, is_too_deep
from guardrail.model import Definition, Unreadable

Lines = list[str]
DEEP_FROM = 4000  # characters: shorter slices cannot nest deeply enough to matter, since ast has read the file


def split_lines(text: str) -> Lines:
    """The lines of a text as the parser counts them (form feeds and the like end no line)."""
    return text.split("\n")


def indent_of(line: str) -> str:
    """The white space that a line begins with."""
    return line[: len(line) - len(line.lstrip(" \t\f"))]


def cut(lines: Lines, definition: Definition) -> tuple[str, int]:
    """The definition's own text, and what to add to a line number of it to get the line in the file.

    Definitions inside it become `pass`; an indented one is put under `if 1:` so that columns stay true.
    """
    own = list(lines[definition.first - 1 : definition.last])
    for first, last in definition.holes:
        at = first - definition.first
        own[at] = indent_of(own[at]) + "pass"
        for i in range(at + 1, last - definition.first + 1):
            own[i] = ""
    text = "\n".join(own) + "\n"
    if indent_of(own[0]) and definition.kind != "module":
        return "if 1:\n" + text, definition.first - 2
    return text, definition.first - 1


def parse(text: str) -> cst.Module:
    """libcst's tree of a slice; Unreadable where libcst cannot read it."""
    if len(text) > DEEP_FROM and is_too_deep(text):  # libcst's parser would overflow its stack, and take the process with it
        raise Unreadable(TOO_DEEP)
    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        raise Unreadable(f"libcst cannot read it: {error.message}") from error
    except RecursionError as error:
        raise Unreadable(TOO_DEEP) from error


def parse_lines(lines: Lines, first: int, last: int) -> cst.Module | None:
    """The tree of a few whole lines (a binding's statement); None where they cannot stand alone."""
    own = lines[first - 1 : last]
    text = "\n".join(own) + "\n"
    try:
        return parse("if 1:\n" + text if indent_of(own[0]) else text)
    except Unreadable:
        return None
