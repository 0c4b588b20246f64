"""The fingerprint of the code that a waiver is for: it outlives moved lines and formatters, and no change of the code."""

from __future__ import annotations

import ast
import hashlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from guardrail.model import Finding, Unreadable
from guardrail.places import PYTHON
from guardrail.source import decode

_NOT_MEANT = frozenset({"ctx", "kind", "type_comment"})


@dataclass
class Codes:
    """Fingerprints of the code of findings; `read` gives the files of head. Files are parsed once."""

    read: Callable[[str], bytes | None]
    _files: dict[str, tuple[str, ast.Module | None]] = field(default_factory=dict)

    def __call__(self, finding: Finding) -> str:
        """Of the function that the finding is in, or of its statement where it is in none: `c1:` and 32 hexadecimal digits."""
        text, tree = self._file(finding.path)
        node = _enclosing(tree, finding) if tree else None
        lines = text.split("\n")[finding.line - 1 : finding.end_line]  # where there is no tree, the words of the lines
        words = _shape(node) if node else " ".join(lines).split()
        code = " ".join((finding.rule, finding.node, *words))
        return "c1:" + hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def _file(self, path: str) -> tuple[str, ast.Module | None]:
        if path not in self._files:
            self._files[path] = _parsed(self.read, path)
        return self._files[path]


def _parsed(read: Callable[[str], bytes | None], path: str) -> tuple[str, ast.Module | None]:
    text = ""
    try:
        text = decode(read(path) or b"")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return text, ast.parse(text) if path.endswith(PYTHON) else None
    except (Unreadable, SyntaxError, ValueError, RecursionError, MemoryError):
        return text, None


def _enclosing(tree: ast.Module, finding: Finding) -> ast.stmt | None:
    """The outermost function around the finding, else the smallest statement."""
    around = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and _holds(node, finding)]
    functions = [node for node in around if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return (functions or around[::-1] or [None])[0]  # the walk goes from the outside in


def _holds(node: ast.stmt, finding: Finding) -> bool:
    first: int = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    return first <= finding.line <= (node.end_lineno or 0)


def _shape(node: ast.AST) -> Iterator[str]:
    """What the code says, without places, comments and layout; the same in every version of Python."""
    waiting: list[object] = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, ast.AST):
            yield type(item).__name__
            values = [(name, getattr(item, name, None)) for name in item._fields if name not in _NOT_MEANT]
            for name, value in reversed(values):
                if value is not None and value != []:
                    waiting += [value, f".{name}"]
        elif isinstance(item, list):
            waiting += ["]", *reversed(item), "["]
        else:
            yield item if isinstance(item, str) else repr(item)
