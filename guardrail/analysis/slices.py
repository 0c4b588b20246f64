"""A definition cut out of its file, so that only what is judged is parsed."""

from __future__ import annotations

import libcst as cst

from guardrail.model import Definition, Unreadable

Lines = list[str]


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
    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        raise Unreadable(f"libcst cannot read it: {error.message}") from error
    except RecursionError as error:
        raise Unreadable("nested too deeply to be analysed") from error


def parse_lines(lines: Lines, first: int, last: int) -> cst.Module | None:
    """The tree of a few whole lines (a binding's statement); None where they cannot stand alone."""
    own = lines[first - 1 : last]
    text = "\n".join(own) + "\n"
    if indent_of(own[0]):
        text = "if 1:\n" + text
    try:
        return cst.parse_module(text)
    except (cst.ParserSyntaxError, RecursionError):
        return None
