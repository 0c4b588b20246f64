"""What an expression's value is: constants through assignments, names of credentials."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.scopes import dotted
from guardrail.words import is_secret_name

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts

Values = tuple[object, ...]


class _Unknown:
    """Stands for a value that is not known."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()
_NAMED: dict[str, object] = {"True": True, "False": False, "None": None}
_READERS = frozenset("get getenv pop getlist get_secret_value config env getattr require read_secret".split())


def constants(facts: Facts, node: cst.CSTNode) -> Values:
    """The values that the expression may have; () where one of them is not known."""
    if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
        value = node.evaluated_value
        return () if value is None else (value,)
    if isinstance(node, (cst.Integer, cst.Float)):
        return (node.evaluated_value,)
    if isinstance(node, cst.Name):
        return (_NAMED[node.value],) if node.value in _NAMED else _through(facts, node)
    if isinstance(node, cst.Attribute):
        return _attribute(facts, node)
    if isinstance(node, cst.IfExp):
        one, other = facts.constants(node.body), facts.constants(node.orelse)
        return (*one, *other) if one and other else ()
    if isinstance(node, cst.UnaryOperation):
        return _unary(facts, node)
    if isinstance(node, cst.BinaryOperation):
        return _binary(facts, node)
    if isinstance(node, (cst.List, cst.Tuple, cst.Set)):
        return _sequence(facts, node)
    if isinstance(node, cst.Dict):
        return _mapping(facts, node)
    if isinstance(node, cst.FormattedString):
        return _formatted(facts, node)
    if isinstance(node, cst.Call):
        return _call(facts, node)
    return ()


def _through(facts: Facts, node: cst.Name) -> Values:
    found: list[object] = []
    for origin, bind in facts.origins(node):
        value = bind.node if bind.kind == "value" else getattr(bind.node, "value", None) if bind.kind == "annotated" else None
        known = origin.constants(value) if isinstance(value, cst.CSTNode) else ()
        if not known:
            return ()
        found.extend(known)
    return tuple(found)


def _attribute(facts: Facts, node: cst.Attribute) -> Values:
    if dotted(node.value) in ("self", "cls"):
        target = facts.deref(node)
        return target[0].constants(target[1]) if target else ()
    for name in facts.names(node.value):
        symbol = facts.file.local_symbol(name)
        if symbol:
            origins = facts.file.origins(symbol, node.attr.value)
            if len(origins) == 1 and origins[0][1].kind == "value":
                return origins[0][0].constants(origins[0][1].node)
    return ()


def _unary(facts: Facts, node: cst.UnaryOperation) -> Values:
    value = facts.constant(node.expression)
    if isinstance(node.operator, cst.Minus) and isinstance(value, (int, float)):
        return (-value,)
    if isinstance(node.operator, cst.Not) and value is not UNKNOWN:
        return (not value,)
    return ()


def _binary(facts: Facts, node: cst.BinaryOperation) -> Values:
    left, right = facts.constant(node.left), facts.constant(node.right)
    if UNKNOWN in (left, right) or left is UNKNOWN or right is UNKNOWN:
        return ()
    try:
        if isinstance(node.operator, cst.Add) and type(left) is type(right):
            return (left + right,)  # type: ignore[operator]
        if isinstance(left, (int, float)) and isinstance(right, (int, float)):
            if isinstance(node.operator, cst.Multiply):
                return (left * right,)
            if isinstance(node.operator, cst.Subtract):
                return (left - right,)
            if isinstance(node.operator, cst.LeftShift) and isinstance(left, int) and 0 <= right <= 64:
                return (left << int(right),)
            if isinstance(node.operator, cst.Power) and 0 <= right <= 64 and abs(left) <= 1024:
                return (left**right,)
        small = isinstance(right, int) and 0 <= right <= 4096
        if isinstance(node.operator, cst.Multiply) and isinstance(left, (str, bytes)) and small:
            return (left * right,)  # type: ignore[operator]
    except (TypeError, ValueError, OverflowError, ArithmeticError):
        return ()
    return ()


def _sequence(facts: Facts, node: cst.List | cst.Tuple | cst.Set) -> Values:
    items = [UNKNOWN if isinstance(e, cst.StarredElement) else facts.constant(e.value) for e in node.elements]
    return () if any(item is UNKNOWN for item in items) else (tuple(items),)


def _mapping(facts: Facts, node: cst.Dict) -> Values:
    pairs = []
    for e in node.elements:
        if not isinstance(e, cst.DictElement):
            return ()
        key, value = facts.constant(e.key), facts.constant(e.value)
        if key is UNKNOWN or value is UNKNOWN:
            return ()
        pairs.append((key, value))
    return (tuple(pairs),)


def _formatted(facts: Facts, node: cst.FormattedString) -> Values:
    text = ""
    for part in node.parts:
        if isinstance(part, cst.FormattedStringText):
            text += part.value
        elif isinstance(part, cst.FormattedStringExpression):
            value = facts.constant(part.expression)
            if not isinstance(value, (str, int)) or part.format_spec:
                return ()
            text += str(value)
    return (text,)


def _call(facts: Facts, node: cst.Call) -> Values:
    """Calls that only dress a constant: `"…".encode()`, `bytes(16)`, `tuple([…])`."""
    func = node.func
    if isinstance(func, cst.Attribute) and func.attr.value in ("encode", "decode", "strip", "lower", "upper"):
        value = facts.constant(func.value)
        if isinstance(value, str) and func.attr.value == "encode":
            return (value.encode("utf-8", "replace"),)
        if isinstance(value, bytes) and func.attr.value == "decode":
            return (value.decode("utf-8", "replace"),)
        if isinstance(value, str) and not node.args:
            return (getattr(value, func.attr.value)(),)
        return ()
    if not isinstance(func, cst.Name) or not node.args or node.args[0].star:
        return ()
    value = facts.constant(node.args[0].value)
    if func.value in ("bytes", "bytearray") and isinstance(value, int) and 0 <= value <= 4096:
        return (bytes(value),)
    if func.value in ("bytes", "bytearray") and isinstance(value, bytes):
        return (value,)
    if func.value in ("list", "tuple", "set", "frozenset") and isinstance(value, tuple):
        return (value,)
    return ()


_SPEAKS = re.compile(r"(?i)(messages?|labels?|texts?|errors?|fields?|forms?|widgets?|placeholders?|help\w{0,10})$")


def secret(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the expression is named like a credential, directly or through one assignment."""
    if isinstance(node, cst.Name):
        if is_secret_name(node.value):
            return True
        target = facts.deref(node)
        return bool(target) and not isinstance(target[1], cst.BaseString) and target[0].secret(target[1])  # type: ignore[index]
    if isinstance(node, cst.Attribute):
        return is_secret_name(node.attr.value)
    if isinstance(node, cst.Subscript):
        if _SPEAKS.search(facts.code(node.value)):
            return False  # what is said of it, not the thing itself
        keys = [facts.constant(e.slice.value) for e in node.slice if isinstance(e.slice, cst.Index)]
        return any(isinstance(k, str) and is_secret_name(k) for k in keys)
    if isinstance(node, cst.Call):
        return _secret_call(facts, node)
    if isinstance(node, cst.Await):
        return facts.secret(node.expression)
    if isinstance(node, cst.FormattedString):
        exprs = [p.expression for p in node.parts if isinstance(p, cst.FormattedStringExpression)]
        return any(facts.secret(e) for e in exprs)
    return False


def _secret_call(facts: Facts, node: cst.Call) -> bool:
    name = dotted(node.func).rpartition(".")[2]
    if isinstance(node.func, cst.Attribute):
        name = node.func.attr.value
        if name in ("encode", "strip", "decode", "get_secret_value"):
            return facts.secret(node.func.value)
    if name in _READERS:
        keys = [facts.constant(a.value) for a in node.args if a.keyword is None]
        return any(isinstance(k, str) and is_secret_name(k) for k in keys[:2])
    return False
