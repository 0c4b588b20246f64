"""One plain walk over a libcst tree: meaningful fields only, in the order in which the code runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

_TRIVIA = frozenset(
    "lpar rpar comma semicolon leading_lines lines_after_decorators lbracket rbracket lbrace rbrace equal colon header footer"
    " trailing_whitespace first_colon second_colon posonly_ind indent dot start end separator"
    " default_indent default_newline encoding has_trailing_newline".split()
)
# Where the fields of a node do not stand in the order in which they are evaluated.
_ORDER = {
    "FunctionDef": ("decorators", "name", "params", "returns", "body"),
    "ClassDef": ("decorators", "name", "bases", "keywords", "body"),
    "For": ("iter", "target", "body", "orelse"),
    "Assign": ("value", "targets"),
    "AnnAssign": ("annotation", "value", "target"),
    "AugAssign": ("value", "target", "operator"),
    "NamedExpr": ("value", "target"),
    "ExceptHandler": ("type", "name", "body"),
    "ListComp": ("for_in", "elt"),
    "SetComp": ("for_in", "elt"),
    "GeneratorExp": ("for_in", "elt"),
    "DictComp": ("for_in", "key", "value"),
    "CompFor": ("iter", "target", "ifs", "inner_for_in"),
    "IfExp": ("test", "body", "orelse"),
    "Param": ("annotation", "default", "name", "star"),
    "Call": ("func", "args"),
    "Attribute": ("value", "attr"),
}
# Names that are no expressions: nothing is looked up for them.
_LABELS = {("Arg", "keyword"), ("Attribute", "attr"), ("FunctionDef", "name"), ("ClassDef", "name")}
_FIELDS: dict[type, tuple[str, ...]] = {}
_BELOW: dict[type, tuple[str, ...]] = {}


def fields(kind: type) -> tuple[str, ...]:
    """The fields of a node type that carry meaning, in order of evaluation."""
    found = _FIELDS.get(kind)
    if found is None:
        names = _ORDER.get(kind.__name__) or tuple(
            name
            for name in kind.__dataclass_fields__  # type: ignore[attr-defined]
            if name not in _TRIVIA and not name.startswith(("whitespace", "__"))
        )
        found = _FIELDS[kind] = names
    return found


_NODES: dict[type, bool] = {}


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The nodes directly below, trivia left out."""
    kind = type(node)
    names = _BELOW.get(kind)
    if names is None:
        names = _BELOW[kind] = tuple(n for n in fields(kind) if (kind.__name__, n) not in _LABELS)
    if isinstance(node, (cst.ImportAlias, cst.ImportFrom)):
        return
    for name in names:
        value = getattr(node, name)
        kind = type(value)
        if kind is tuple or kind is list:
            yield from (item for item in value if _is_node(item))
        elif _is_node(value):
            yield value


def _is_node(value: object) -> bool:
    """Quicker than isinstance, which asks an abstract class each time."""
    kind = type(value)
    found = _NODES.get(kind)
    if found is None:
        found = _NODES[kind] = issubclass(kind, cst.CSTNode)
    return found


def walk(root: cst.CSTNode) -> tuple[list[cst.CSTNode], dict[int, cst.CSTNode]]:
    """All meaningful nodes in order of evaluation, and each node's parent by id."""
    nodes: list[cst.CSTNode] = []
    parents: dict[int, cst.CSTNode] = {}
    stack = [root]
    while stack:
        node = stack.pop()
        nodes.append(node)
        below = list(children(node))
        for child in below:
            parents[id(child)] = node
        below.reverse()
        stack.extend(below)
    return nodes, parents


def descendants(root: cst.CSTNode) -> list[cst.CSTNode]:
    """The node and all that is below it."""
    return walk(root)[0]


def normal(node: Any) -> str:
    """The code as one line that formatting, quotes, parentheses and commas do not change."""
    if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
        return repr(node.evaluated_value)
    if isinstance(node, (cst.Integer, cst.Float, cst.Imaginary)):
        return repr(node.evaluated_value)
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.CSTNode):
        parts = [normal(getattr(node, name)) for name in fields(type(node))]
        return f"{type(node).__name__}({' '.join(p for p in parts if p)})"
    if isinstance(node, (tuple, list)):
        return "[" + " ".join(normal(item) for item in node) + "]" if node else ""
    return node if isinstance(node, str) else ""
