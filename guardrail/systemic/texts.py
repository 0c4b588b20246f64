"""Text that others may have written, in the values of one function: from where it comes in to what is made of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ROW, TEXT = "row", "text"  # a record with such text in some of its fields; the text itself
_FREE = frozenset(
    "body text content description message comment comments note notes bio summary page_content html snippet review reply"
    " transcript feedback about markdown raw_content".split()
)
_READS = frozenset({"text", "read", "aread", "get_text", "getvalue", "decode", "get_payload", "get_content"})
_LOOKS = frozenset({"get", "pop", "getattr"})
_CARRIES = frozenset(  # of what they are called on, and of what they are given
    "json first one all scalars one_or_none scalar lower replace join splitlines split strip rstrip lstrip removeprefix prettify"
    " format"
    " BeautifulSoup str extract list tuple sorted reversed enumerate zip dict copy deepcopy loads html2text markdownify dedent"
    " shorten append_text get_results select select_one find find_all items values model_validate"
    " from_orm parse_obj model_dump model_copy asdict __dict__".split()
)
_WRITES = frozenset({"dumps", "str", "repr", "model_dump_json", "pformat", "format"})
_PARTS = re.compile(r"(Message|MessageParam|Part|TextBlock|TextContent|InputItem)$")  # classes of pieces of a prompt
_EXTRACTS = re.compile(r"^(get|extract|clean|to|parse|html|soup|convert|strip)(\w*_)?(text|content|markdown)")
_ADDS = frozenset({"append", "extend", "insert", "add", "appendleft", "update", "setdefault", "write"})
_ISOLATES = re.compile(
    r"sanit|escap|spotlight|delimit|untrusted|quarantin|fence|redact|neutrali|moderat|guard|classif|scan|safe|isolat|verif|(?<!model_)valid",
    re.I,
)
_OPENS = re.compile(r"(<[\w:-]+[^<>]*>|```\w*|\"\"\"|'''|<<<|\[\[|#{3,}|-{3,}|={3,})\s*$")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a text comes in: by a parameter of that name, or at a call (its line, 1-based in the file) of what has that name."""

    name: str
    line: int = 0
    callee: tuple[str, str] | None = None  # the function of the project that gives it


Values = dict[Origin, str]
Gives = Callable[[ast.Call, Callable[[ast.AST | None], Values]], Values | None]


class Texts:
    """What the names of a function hold; `gives` tells what a call gives, None where only its name tells that."""

    def __init__(self, function: ast.FunctionDef | ast.AsyncFunctionDef, given: Iterable[str], gives: Gives) -> None:
        self.gives = gives
        self.nodes = list(_own(function))
        self.names: dict[str, Values] = {name: {Origin(name): ROW} for name in given}
        self._known: dict[int, Values] = {}  # of the expressions of one statement
        bindings = list(self._bindings())
        clean = {name for targets, value in bindings if _is_isolated(value) for name in targets}
        for targets, value in (*bindings, *bindings):  # a second time for what a loop carries into its next turn
            found = self.of(value)
            for name in targets if found else ():
                self.names[name] = merged([self.names.get(name, {}), found]) if name not in clean else {}
            self._known.clear()

    def returned(self) -> Values:
        """What the function gives back."""
        return merged(self.of(n.value) for n in self.nodes if isinstance(n, (ast.Return, ast.Yield)))

    def calls(self) -> Iterator[ast.Call]:
        """The calls of the function itself."""
        yield from (n for n in self.nodes if isinstance(n, ast.Call))

    def _bindings(self) -> Iterator[tuple[list[str], ast.AST]]:
        """Names with what they are given, in the order of the text."""
        for node in self.nodes:
            if isinstance(node, ast.Assign):
                yield from ((_names(t), node.value) for t in node.targets)
            elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) and node.value is not None:
                yield _names(node.target), node.value
            elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
                yield _names(node.target), node.iter
            elif isinstance(node, ast.withitem) and node.optional_vars is not None:
                yield _names(node.optional_vars), node.context_expr
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _ADDS:
                yield from ((_names(node.func.value), each) for each in _given(node))

    # ---- expressions -----------------------------------------------------------------------------

    def of(self, node: ast.AST | None) -> Values:
        """The texts in the value of an expression."""
        if id(node) not in self._known:
            self._known[id(node)] = self._of(node)
        return self._known[id(node)]

    def _of(self, node: ast.AST | None) -> Values:
        if isinstance(node, ast.Name):
            return self.names.get(node.id, {})
        if isinstance(node, (ast.Await, ast.Starred, ast.NamedExpr, ast.FormattedValue, ast.YieldFrom)):
            return self.of(node.value)
        if isinstance(node, ast.Attribute):
            found = self.of(node.value)
            return self._field(found, node.attr) if node.attr in _FREE else {o: s for o, s in found.items() if s == ROW}
        if isinstance(node, ast.Subscript):
            key = node.slice.value if isinstance(node.slice, ast.Constant) else None
            return self._field(self.of(node.value), key)
        if isinstance(node, ast.Call):
            return self._called(node)
        return merged(self.of(part) for part in _parts(node))

    @staticmethod
    def _field(values: Values, key: object) -> Values:
        return dict.fromkeys(values, TEXT) if isinstance(key, str) and key in _FREE else values

    def _called(self, node: ast.Call) -> Values:
        name = called(node)
        if _ISOLATES.search(name):
            return {}
        own = self.of(node.func.value) if isinstance(node.func, ast.Attribute) else {}
        if name in _READS and own:
            return dict.fromkeys(own, TEXT)
        if name in _LOOKS and own and node.args:
            return self._field(own, getattr(node.args[0], "value", None))
        made = self.gives(node, self.of)
        parts: list[Values] = [made or {}]
        if _EXTRACTS.match(name) and not any(TEXT in v.values() for v in parts):
            parts += [dict.fromkeys(self.of(each), TEXT) for each in _given(node)[:1]]
        elif made is None and (name in _CARRIES | _WRITES or _PARTS.search(name)):
            parts += [own, *(self.of(each) for each in _given(node))]
        found = merged(parts)
        return dict.fromkeys(found, TEXT) if name in _WRITES and name != "format" else found


def merged(values: Iterable[Mapping[Origin, str]]) -> Values:
    """All of them; the text where one has the record only."""
    found: Values = {}
    for each in values:
        for origin, state in each.items():
            if found.get(origin) != TEXT:
                found[origin] = state
    return found


def called(node: ast.Call) -> str:
    """The last name of what is called."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _given(node: ast.Call) -> list[ast.expr]:
    return [*node.args, *(k.value for k in node.keywords)]


def _is_isolated(node: ast.AST) -> bool:
    """Whether a value comes from something that takes the harm out of it."""
    node = node.value if isinstance(node, ast.Await) else node
    return isinstance(node, ast.Call) and _ISOLATES.search(called(node)) is not None


def _names(target: ast.AST) -> list[str]:
    """The plain names that a target binds, or is a part of."""
    while isinstance(target, (ast.Subscript, ast.Starred)):
        target = target.value
    if isinstance(target, (ast.Tuple, ast.List)):
        return [name for each in target.elts for name in _names(each)]
    return [target.id] if isinstance(target, ast.Name) else []


def _parts(node: ast.AST | None) -> list[Any]:
    """The parts of which a text or a container is made, without those that it marks off as data."""
    if isinstance(node, ast.JoinedStr):
        before = ["", *(p.value if isinstance(p, ast.Constant) else "" for p in node.values)]
        return [p for p, text in zip(node.values, before, strict=False) if not _OPENS.search(str(text))]
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod, ast.BitOr)):
        return [node.left] if _OPENS.search(_end(node.left)) else [node.left, node.right]
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return node.elts
    if isinstance(node, ast.Dict):
        return node.values
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.BoolOp):
        return node.values
    return [node.elt] if isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.SetComp)) else []


def _end(node: ast.AST) -> str:
    """The literal text that an expression ends with."""
    node = node.right if isinstance(node, ast.BinOp) else node
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions in it, in the order of the text."""
    todo = list(ast.iter_child_nodes(function))[::-1]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, _SCOPES):
            todo += list(ast.iter_child_nodes(node))[::-1]


__all__ = ["ROW", "TEXT", "Gives", "Origin", "Texts", "Values", "called", "merged"]
