"""Which lines belong together: those of a simple statement, and those of the header of a compound one or a clause."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from guardrail.source import colon_line, first_line, header_line

Extent = tuple[int, int]  # first and last line
_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def extents(tree: ast.Module, lines: list[str]) -> dict[int, Extent]:
    """Line → the smallest extent that has it; `lines` counts from 1."""
    found = {}
    for first, last in sorted(_extents(tree, lines), key=lambda extent: extent[0] - extent[1]):
        for line in range(first, last + 1):
            found[line] = first, last
    return found


def symbols(tree: ast.Module, lines: list[str]) -> dict[int, str]:
    """Line → the symbol of the class or function that has it; lines of the module's own code are left out."""
    found = {}
    waiting: list[tuple[str, Any]] = [("", node) for node in tree.body]
    while waiting:
        outer, node = waiting.pop()
        if isinstance(node, _DEFINITIONS):
            symbol = outer + node.name
            for line in range(first_line(node, lines), (node.end_lineno or 0) + 1):
                found[line] = symbol
            if isinstance(node, ast.ClassDef):
                waiting += [(f"{symbol}.", child) for child in node.body]
        else:
            waiting += [(outer, child) for _, block in _blocks(node) for child in block]
    return found


def _extents(tree: ast.Module, lines: list[str]) -> Iterator[Extent]:
    waiting: list[Any] = list(tree.body)
    while waiting:
        node = waiting.pop()
        blocks = _blocks(node)
        if isinstance(node, ast.match_case):
            first = _case_line(node, lines)
            yield first, header_line(node, lines)
        elif isinstance(node, ast.Match):
            first = node.lineno
            yield first, max(first, _code_above(_case_line(node.cases[0], lines), lines))
        else:
            first = first_line(node, lines)
            yield first, header_line(node, lines) if blocks else node.end_lineno
        for name, block in blocks:
            waiting += block
            if name == "finalbody" or (name == "orelse" and not _is_elif(block, lines)):
                keyword = colon_line(block, first, lines)
                yield keyword, keyword


def _blocks(node: Any) -> list[tuple[str, list[Any]]]:
    """The blocks of a statement or a clause that are not empty."""
    return [(name, block) for name in _BLOCKS if (block := getattr(node, name, None))]


def _case_line(case: Any, lines: list[str]) -> int:
    """The line of the keyword: ast gives the place of the pattern only."""
    first: int = getattr(case, "lineno", 0) or case.pattern.lineno
    while first > 1 and not lines[first].lstrip().startswith("case"):
        first -= 1
    return first


def _code_above(line: int, lines: list[str]) -> int:
    """The nearest line above that is neither blank nor a comment."""
    line -= 1
    while line > 1 and not lines[line].split("#")[0].strip():
        line -= 1
    return line


def _is_elif(block: list[Any], lines: list[str]) -> bool:
    return isinstance(block[0], ast.If) and lines[block[0].lineno].lstrip().startswith("elif")
