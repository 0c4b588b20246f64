"""Types that the code states: annotations, defaults, displays, elements of what is iterated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.scopes import dotted

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts, Names

_NOTHING: frozenset[str] = frozenset()
_WRAPPERS = frozenset("Optional Union Annotated Final ClassVar Required NotRequired ReadOnly".split())
_GENERATORS = frozenset("Iterator Generator AsyncIterator AsyncGenerator Awaitable Coroutine Iterable AsyncIterable".split())
_DISPLAYS = {
    cst.SimpleString: "str",
    cst.ConcatenatedString: "str",
    cst.FormattedString: "str",
    cst.Integer: "int",
    cst.Float: "float",
    cst.List: "list",
    cst.ListComp: "list",
    cst.Dict: "dict",
    cst.DictComp: "dict",
    cst.Set: "set",
    cst.SetComp: "set",
    cst.Tuple: "tuple",
}


def literal_types(node: cst.CSTNode) -> Names:
    """The builtin type of a literal or display."""
    found = _DISPLAYS.get(type(node))
    if found == "str" and isinstance(node, cst.SimpleString) and "b" in node.prefix:
        found = "bytes"
    return frozenset({found}) if found else _NOTHING


def annotated(facts: Facts, node: cst.CSTNode) -> Names:
    """The classes that an annotation names, bases included; unions give several."""
    if isinstance(node, cst.SimpleString):
        return _quoted(facts, node)
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.BitOr):
        return annotated(facts, node.left) | annotated(facts, node.right)
    if isinstance(node, cst.Subscript):
        head = dotted(node.value).rpartition(".")[2]
        parts = [e.slice.value for e in node.slice if isinstance(e.slice, cst.Index)]
        if head == "Annotated":
            return annotated(facts, parts[0]) if parts else _NOTHING
        if head in _WRAPPERS or head in _GENERATORS:
            return frozenset().union(*(annotated(facts, p) for p in parts), _NOTHING)
        return annotated(facts, node.value)
    if not isinstance(node, (cst.Name, cst.Attribute)):
        return _NOTHING
    found: set[str] = set()
    for name in facts.names(node):
        symbol = facts.file.local_symbol(name)
        if symbol and (definition := facts.file.definition(symbol)) and definition.kind == "class":
            found |= facts.class_types(symbol)
        elif name != "None":
            found |= facts.library.with_bases(name)
    alias = facts.deref(node)
    if alias is not None and isinstance(alias[1], cst.Subscript):
        where, value = alias
        found |= where.once("alias", value, lambda: annotated(where, value), _NOTHING)
    return frozenset(found)


def _quoted(facts: Facts, node: cst.SimpleString) -> Names:
    try:
        inner = cst.parse_expression(str(node.evaluated_value))
    except (cst.ParserSyntaxError, RecursionError):
        return _NOTHING
    name = dotted(inner)
    if not name:
        return _NOTHING
    root, _, rest = name.partition(".")
    full = facts.file.index.imports.get(root)
    if full is None:
        symbol = facts.file.local_symbol(name)
        return facts.class_types(symbol) if symbol else _NOTHING
    return facts.library.with_bases(facts.library.canonical(f"{full}.{rest}" if rest else full))


def param_types(facts: Facts, param: cst.Param) -> Names:
    """The type of a parameter: its annotation, the class for `self`, what its default makes, or a web request."""
    if param.annotation is not None:
        found = annotated(facts, param.annotation.annotation)
        if found:
            return found
    name = param.name.value
    if name in ("self", "cls") and facts.owner:
        return facts.class_types(facts.owner)
    if param.default is not None and not isinstance(param.default, cst.Name):
        found = facts.types(param.default)
        if found:
            return found
    if name in ("request", "req"):
        return facts.library.request_types(facts.file.index)
    return _NOTHING


def element_types(facts: Facts, node: cst.CSTNode) -> Names:
    """The type of the elements of what is iterated, where an annotation of a local name says it."""
    if not isinstance(node, cst.Name):
        return _NOTHING
    found: set[str] = set()
    for origin, bind in facts.origins(node):
        stated = getattr(bind.node, "annotation", None)
        inner = stated.annotation if isinstance(stated, cst.Annotation) else None
        if isinstance(inner, cst.Subscript) and len(inner.slice) == 1 and isinstance(inner.slice[0].slice, cst.Index):
            found |= annotated(origin, inner.slice[0].slice.value)
    return frozenset(found)
