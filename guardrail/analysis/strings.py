"""Strings put together from parts: which of them hold text that is not literal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.scopes import dotted

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts

_PLAIN_CALLS = frozenset("int float len bool hex oct abs round ord id hash max min sum".split())  # give no text of the user's
_QUOTERS = frozenset("quote_name quote_ident quote_identifier Identifier quote escape_identifier".split())


def literalish(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the expression brings no text from outside: constants, numbers, quoted identifiers, ALL_CAPS names, placeholders."""
    if facts.constants(node):
        return True
    if facts.tainted(node):  # `request.POST` is in capitals, too
        return False
    if isinstance(node, (cst.Name, cst.Attribute)):
        name = node.value if isinstance(node, cst.Name) else node.attr.value
        if name.isupper() or name in ("db_table", "db_column", "__tablename__", "table_name", "__name__", "__class__"):
            return True
        target = facts.deref(node)
        return bool(target) and facts.once("literalish", node, lambda: literalish(*target), False)  # type: ignore[misc]
    if isinstance(node, cst.Call):
        name = dotted(node.func).rpartition(".")[2]
        if isinstance(node.func, cst.Attribute) and not name:
            name = node.func.attr.value
        if name in _PLAIN_CALLS or name in _QUOTERS:
            return True
        if name == "join" and isinstance(node.func, cst.Attribute) and len(node.args) == 1:
            return _joined_literal(facts, node.args[0].value)
    if isinstance(node, cst.BinaryOperation):
        if isinstance(node.operator, cst.Modulo) and not isinstance(facts.constant(node.left), str):
            return True
        return literalish(facts, node.left) and literalish(facts, node.right)
    if isinstance(node, cst.IfExp):
        return literalish(facts, node.body) and literalish(facts, node.orelse)
    if isinstance(node, cst.FormattedString):
        return not facts.dynamic(node)
    return False


def _joined_literal(facts: Facts, node: cst.CSTNode) -> bool:
    """`", ".join(["%s"] * n)`, `",".join("?" for _ in rows)`: the same literal many times."""
    if isinstance(node, (cst.GeneratorExp, cst.ListComp)):
        return literalish(facts, node.elt)
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Multiply):
        return bool(facts.constants(node.left) or facts.constants(node.right))
    return bool(facts.constants(node))


def dynamic(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the expression is a string put together from parts that are not all literal."""
    if isinstance(node, cst.FormattedString):
        return any(isinstance(p, cst.FormattedStringExpression) and not literalish(facts, p.expression) for p in node.parts)
    if isinstance(node, cst.ConcatenatedString):
        return facts.dynamic(node.left) or facts.dynamic(node.right)
    if isinstance(node, cst.BinaryOperation):
        return _dynamic_operation(facts, node)
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        method = node.func.attr.value
        if method == "format" and (_stringy(facts, node.func.value)):
            return not all(literalish(facts, a.value) for a in node.args)
        if method == "join" and isinstance(facts.constant(node.func.value), str) and node.args:
            value = node.args[0].value
            if isinstance(value, (cst.List, cst.Tuple)):
                return not all(literalish(facts, e.value) for e in value.elements)
            return not _joined_literal(facts, value)
        if method in ("strip", "lower", "upper", "encode", "rstrip", "lstrip", "replace"):
            return facts.dynamic(node.func.value)
        return False
    if isinstance(node, cst.IfExp):
        return facts.dynamic(node.body) or facts.dynamic(node.orelse)
    if isinstance(node, cst.NamedExpr):
        return facts.dynamic(node.value)
    if isinstance(node, cst.Name):
        return _dynamic_name(facts, node)
    target = facts.deref(node)
    return bool(target) and target[0].dynamic(target[1])  # type: ignore[index]


def _dynamic_operation(facts: Facts, node: cst.BinaryOperation) -> bool:
    if isinstance(node.operator, cst.Modulo) and _stringy(facts, node.left):
        values = node.right.elements if isinstance(node.right, cst.Tuple) else None
        if values is not None:
            return not all(literalish(facts, e.value) for e in values)
        if isinstance(node.right, cst.Dict):
            return not all(literalish(facts, e.value) for e in node.right.elements)
        return not literalish(facts, node.right)
    if isinstance(node.operator, cst.Add) and (_stringy(facts, node.left) or _stringy(facts, node.right)):
        return any(facts.dynamic(side) or not literalish(facts, side) for side in (node.left, node.right))
    return False


def _dynamic_name(facts: Facts, node: cst.Name) -> bool:
    grown = False
    for origin, bind in facts.origins(node):
        value = bind.node if bind.kind in ("value", "grow") else getattr(bind.node, "value", None)
        if bind.kind in ("value", "annotated", "grow") and isinstance(value, cst.CSTNode):
            if origin.dynamic(value):
                return True
            statement = origin.parent(value)
            if bind.kind == "grow" and isinstance(statement, cst.AugAssign) and not literalish(origin, value):
                grown = True
    return grown and "str" in facts.types(node)


def _stringy(facts: Facts, node: cst.CSTNode) -> bool:
    return bool(facts.types(node) & {"str", "bytes"}) or isinstance(facts.constant(node), (str, bytes)) or facts.dynamic(node)
