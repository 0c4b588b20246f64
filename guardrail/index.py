"""Source → FileIndex: where definitions begin and end, what they import, bind and say. It judges nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from guardrail.model import Binding, Definition, FileIndex
from guardrail.profiling import timed
from guardrail.source import decode, first_line, header_line, normalise_newlines, parse, statements
from guardrail.words import words_in

__all__ = ["MODULE", "decode", "index_source", "module_name"]

MODULE = "<module>"
_PRESENCE = r"(?!\s+(?:not\s+)?(?:[\w.]{1,99}\s+is\s+(?:not\s+)?None|isinstance\([^()\n]{1,99}\)|hasattr\([^()\n]{1,99}\))\s*:)"
_CODE = r"(?=[^\n]*:|[^\n]*[(\[{\\][ \t]*\n)"  # and not a line of prose that begins with such a word
_BRANCH = re.compile(rf"\n[ \t\f]*(?:(?:if|elif)\b{_PRESENCE}|(?:case|for|while|except)\b){_CODE}")
_BRANCHING = frozenset({"if", "elif", "case", "for", "while", "except"})
_SELVES = ("self", "cls")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_WITHS = (ast.With, ast.AsyncWith)
_VALUES = (ast.Assign, ast.AnnAssign, ast.AugAssign, *_WITHS)
_TYPE_ALIAS: type[Any] | None = getattr(ast, "TypeAlias", None)  # Python 3.12


@timed("index (ast)")
def index_source(path: str, text: str) -> FileIndex:
    """Index one file by the running interpreter's ast, by libcst where its grammar is newer; else Unreadable."""
    text = normalise_newlines(text)
    tree = parse(text)
    lines = ["", *text.split("\n")]
    if len(lines) > 2 and not lines[-1]:
        lines.pop()
    starts = [0, 0]
    for line in lines[1:]:
        starts.append(starts[-1] + len(line) + 1)
    indexing = _Indexing(lines, "\n" + text, starts)
    indexing.define(MODULE, "module", (1, len(lines) - 1), 1, tree.body)
    module = module_name(path)
    imports, stars = _imports(tree, _package(path, module))
    return FileIndex(path, module, tuple(indexing.definitions), imports, stars, tuple(indexing.bindings))


def module_name(path: str) -> str:
    """The dotted name that imports know a file by: `src/pkg/auth/login.py` is pkg.auth.login."""
    parts = [part for part in PurePosixPath(path).parts if part != "/"]
    if parts:
        parts[-1] = PurePosixPath(parts[-1]).stem
    if len(parts) > 1 and parts[0] in ("src", "lib"):
        del parts[0]
    if len(parts) > 1 and parts[-1] == "__init__":
        del parts[-1]
    return ".".join(parts)


def _package(path: str, module: str) -> list[str]:
    """The parts of the package that a file's relative imports start from."""
    parts = module.split(".")
    return parts if PurePosixPath(path).stem == "__init__" and parts != ["__init__"] else parts[:-1]


def _imports(tree: ast.Module, package: list[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The names that the module's own imports bind; of those in `if` and `try` blocks, a name's first is its best."""
    names: dict[str, str] = {}
    stars: list[str] = []
    nested: set[str] = set()
    for node in statements(tree.body):
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        for local, qualified in _bound_by(node, package):
            if local == "*":
                stars.append(qualified)
            elif not node.col_offset:
                names[local] = qualified
            elif local not in nested:
                nested.add(local)
                names[local] = qualified
    return names, tuple(stars)


def _bound_by(node: ast.Import | ast.ImportFrom, package: list[str]) -> Iterator[tuple[str, str]]:
    """Local and qualified names of one import statement; a star comes as ("*", module)."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.split(".")[0]
            yield alias.asname or name, name
        return
    base = package[: max(0, len(package) - node.level + 1)] if node.level else []
    source = [*base, *([node.module] if node.module else [])]
    for alias in node.names:
        if alias.name == "*":
            yield "*", ".".join(source)
        else:
            yield alias.asname or alias.name, ".".join([*source, alias.name])


@dataclass(slots=True)
class _Indexing:
    """The definitions and bindings of one file while they are gathered."""

    lines: list[str]  # from 1
    text: str  # with one more newline in front
    starts: list[int]  # where in `text` the newline before each line is, from 1
    definitions: list[Definition] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)

    def define(self, symbol: str, kind: str, span: tuple[int, int], header: int, body: list[ast.stmt]) -> None:
        """Add a module or a class, and all that stands directly in it."""
        place = len(self.definitions)
        self.definitions.append(Definition(symbol, kind, *span, header))
        holes = []
        for node in statements(body):
            if isinstance(node, _DEFINITIONS):
                holes.append(self.enter(symbol, node))
            elif isinstance(node, _VALUES):
                self.bind(symbol, node, own=True)
            elif _TYPE_ALIAS and isinstance(node, _TYPE_ALIAS):
                self.bindings.append(Binding(node.name.id, symbol, "value", node.lineno, node.end_lineno))
        words, branches = self.words(span, holes)
        self.definitions[place] = Definition(symbol, kind, *span, header, tuple(holes), words, branches)

    def enter(self, outer: str, node: Any) -> tuple[int, int]:
        """Add a class or a function that stands in a module or a class; gives its span."""
        symbol = node.name if outer == MODULE else f"{outer}.{node.name}"
        span = first_line(node, self.lines), min(node.end_lineno, len(self.lines) - 1)
        header = header_line(node, self.lines)
        kind = "class" if isinstance(node, ast.ClassDef) else "function"
        self.bindings.append(Binding(node.name, outer, kind, span[0], header))
        if kind == "class":
            self.define(symbol, kind, span, header, node.body)
            return span
        words, branches = self.words(span)
        self.definitions.append(Definition(symbol, kind, *span, header, (), words, branches))
        if outer != MODULE and not words.isdisjoint(_SELVES):
            for statement in statements(node.body):
                if isinstance(statement, _VALUES):
                    self.bind(symbol, statement, own=False)
        return span

    def bind(self, scope: str, node: Any, own: bool) -> None:
        """Add what an assignment or a `with` gives a value: plain names (`own`), or attributes of self and cls."""
        if isinstance(node, _WITHS):
            targets = [item.optional_vars for item in node.items if item.optional_vars]
        else:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [name for name in _names(targets) if ("." in name) != own]
        if names:
            last = header_line(node, self.lines) if isinstance(node, _WITHS) else node.end_lineno
            self.bindings += [Binding(name, scope, "value", node.lineno, last) for name in names]

    def words(self, span: tuple[int, int], holes: Iterable[tuple[int, int]] = ()) -> tuple[frozenset[str], int]:
        """The words of a span outside its holes, and how many of its lines branch."""
        pieces, at = [], span[0]
        for first, last in holes:
            pieces.append(self.text[self.starts[at] : self.starts[first]])
            at = last + 1
        pieces.append(self.text[self.starts[at] : self.starts[span[1] + 1]])
        own = "".join(pieces)
        words = words_in(own)
        return words, 0 if words.isdisjoint(_BRANCHING) else len(_BRANCH.findall(own))


def _names(targets: list[ast.expr]) -> Iterator[str]:
    """The plain names and the attributes of self and cls among assignment targets."""
    stack = targets[::-1]
    while stack:
        target = stack.pop()
        if isinstance(target, (ast.Tuple, ast.List)):
            stack += target.elts[::-1]
        elif isinstance(target, ast.Starred):
            stack.append(target.value)
        elif isinstance(target, ast.Name):
            yield target.id
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id in _SELVES:
            yield f"{target.value.id}.{target.attr}"
