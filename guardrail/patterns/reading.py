"""Pattern text → Pattern. Read with the standard library's ast, so that packs load without libcst."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from guardrail.patterns.calls import CallOf
from guardrail.patterns.displays import Comprehended, Display, Item, Mapped
from guardrail.patterns.kinds import Anything, Constant, Member, Named, Pattern
from guardrail.patterns.operations import Awaited, Chosen, Compared, Operation
from guardrail.patterns.spelling import PREFIX, REST, BadPattern, parse, spell_rests
from guardrail.patterns.statements import Assigned, Body, Defined, Finished, Grown, Handled, Repeated, Simple, Within


def read_pattern(text: str) -> Pattern:
    """The pattern that the text stands for; BadPattern with the reason else."""
    try:
        body = parse(spell_rests(text, "**"))
    except BadPattern:
        if "{" not in text:
            raise
        body = parse(spell_rests(text, "*"))  # a set, not a dict
    if len(body) != 1:
        raise BadPattern("one expression or statement is wanted")
    if isinstance(body[0], ast.Expr):
        return _expression(body[0].value)
    return _statement(body[0])


def _variable(node: ast.AST) -> Anything | None:
    if isinstance(node, ast.Name) and node.id.startswith(PREFIX):
        name = node.id[len(PREFIX) :]
        return Anything("" if name == "_" else name)
    return None


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name) and not node.id.startswith(PREFIX):
        return node.id
    if isinstance(node, ast.Attribute):
        left = _dotted(node.value)
        return f"{left}.{node.attr}" if left else ""
    return ""


def _rest(node: ast.AST) -> bool:
    return isinstance(node, ast.Starred) and isinstance(node.value, ast.Name) and node.value.id == REST


def _expression(node: ast.expr) -> Pattern:
    found = _variable(node)
    if found is not None:
        return found
    if isinstance(node, ast.Constant):
        if node.value is Ellipsis:
            return Anything()
        return Constant(node.value)
    name = _dotted(node)
    if name:
        return Named(name)
    reader = _EXPRESSIONS.get(type(node))
    if reader is None:
        raise BadPattern(f"a pattern cannot hold {type(node).__name__}")
    return reader(node)


def _items(nodes: list[ast.expr]) -> tuple[Pattern | None, ...]:
    return tuple(None if _rest(n) else _expression(n) for n in nodes)


def _call(node: ast.Call) -> Pattern:
    keywords = [(keyword.arg or "**", _expression(keyword.value)) for keyword in node.keywords]
    args = _items(node.args)
    opened = any(_rest(a) for a in node.args)
    return CallOf(_expression(node.func), args, tuple(keywords), opened)


def _dict(node: ast.Dict) -> Pattern:
    entries, opened = [], False
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            opened = True
        else:
            entries.append((_expression(key), _expression(value)))
    return Mapped(tuple(entries), opened)


def _compare(node: ast.Compare) -> Pattern:
    if len(node.ops) != 1:
        raise BadPattern("one comparison at a time")
    return Compared(_expression(node.left), type(node.ops[0]).__name__, _expression(node.comparators[0]))


_BINARY = {
    "Add": "Add",
    "Sub": "Subtract",
    "Mult": "Multiply",
    "Div": "Divide",
    "Mod": "Modulo",
    "Pow": "Power",
    "BitXor": "BitXor",
    "BitAnd": "BitAnd",
    "BitOr": "BitOr",
    "LShift": "LeftShift",
    "RShift": "RightShift",
    "FloorDiv": "FloorDivide",
}
_UNARY = {"Not": "Not", "USub": "Minus", "UAdd": "Plus", "Invert": "BitInvert"}


def _binary(node: ast.BinOp) -> Pattern:
    operator = _BINARY.get(type(node.op).__name__)
    if operator is None:
        raise BadPattern(f"a pattern cannot hold {type(node.op).__name__}")
    return Operation("BinaryOperation", operator, (_expression(node.left), _expression(node.right)))


def _unary(node: ast.UnaryOp) -> Pattern:
    if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return Constant(-node.operand.value)  # type: ignore[operator]
    return Operation("UnaryOperation", _UNARY[type(node.op).__name__], (_expression(node.operand),))


def _boolean(node: ast.BoolOp) -> Pattern:
    left = _expression(node.values[0])
    for value in node.values[1:]:
        left = Operation("BooleanOperation", type(node.op).__name__, (left, _expression(value)))
    return left


def _comprehension(node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Pattern:
    if len(node.generators) != 1 or node.generators[0].ifs:
        raise BadPattern("a comprehension pattern has one `for` and no `if`")
    loop = node.generators[0]
    return Comprehended(_expression(node.elt), _expression(loop.target), _expression(loop.iter))


def _chosen(node: ast.IfExp) -> Pattern:
    return Chosen(tuple((name, _expression(getattr(node, name))) for name in ("test", "body", "orelse")))


_EXPRESSIONS: dict[type, Callable[[Any], Pattern]] = {
    ast.IfExp: _chosen,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.Call: _call,
    ast.Attribute: lambda n: Member(_expression(n.value), n.attr),
    ast.List: lambda n: Display(_items(n.elts)),
    ast.Tuple: lambda n: Display(_items(n.elts)),
    ast.Set: lambda n: Display(_items(n.elts)),
    ast.Dict: _dict,
    ast.Compare: _compare,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Subscript: lambda n: Item(_expression(n.value), _expression(n.slice)),
    ast.Await: lambda n: Awaited(_expression(n.value)),
}


# ---- statements ----


def _body(nodes: list[ast.stmt]) -> Body:
    found: list[Pattern | None] = []
    for node in nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is Ellipsis:
            found.append(None)
        elif isinstance(node, ast.Expr):
            found.append(Simple("Expr", "value", _expression(node.value)))
        else:
            found.append(_statement(node))
    return tuple(found)


def _statement(node: ast.stmt) -> Pattern:
    reader = _STATEMENTS.get(type(node))
    if reader is None:
        raise BadPattern(f"a pattern cannot be {type(node).__name__}")
    return reader(node)


def _optional(kind: str, field: str, value: ast.expr | None) -> Pattern:
    return Simple(kind, field, _expression(value) if value is not None else None)


def _assign(node: ast.Assign) -> Pattern:
    return Assigned(_expression(node.targets[0]), _expression(node.value))


def _grown(node: ast.AugAssign) -> Pattern:
    operator = _BINARY.get(type(node.op).__name__)
    if operator is None:
        raise BadPattern(f"a pattern cannot hold {type(node.op).__name__}")
    return Grown(operator, _expression(node.target), _expression(node.value))


def _annotated(node: ast.AnnAssign) -> Pattern:
    if node.value is None:
        raise BadPattern("an annotated name needs a value")
    return Assigned(_expression(node.target), _expression(node.value))


def _with(node: ast.With | ast.AsyncWith) -> Pattern:
    items = tuple(_expression(i.context_expr) for i in node.items)
    return Within(items, _body(node.body), isinstance(node, ast.AsyncWith))


def _try(node: ast.Try) -> Pattern:
    if node.finalbody and not node.handlers:
        return Finished(_body(node.finalbody))
    if len(node.handlers) != 1 or node.finalbody:
        raise BadPattern("a try pattern has one handler, or only a finally")
    handler = node.handlers[0]
    return Handled(_expression(handler.type) if handler.type else None, _body(handler.body))


def _for(node: ast.For | ast.AsyncFor) -> Pattern:
    return Repeated("For", (("iter", _expression(node.iter)), ("target", _expression(node.target))), _body(node.body))


def _name_of(name: str) -> Pattern:
    return _expression(ast.Name(name)) if name.startswith(PREFIX) else Named(name)


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Pattern:
    decorators = tuple(_expression(d) for d in node.decorator_list)
    awaits = isinstance(node, ast.AsyncFunctionDef)
    return Defined("FunctionDef", _name_of(node.name), decorators, (), _body(node.body), awaits)


def _class(node: ast.ClassDef) -> Pattern:
    bases = tuple(_expression(b) for b in node.bases if not _rest(b))
    decorators = tuple(_expression(d) for d in node.decorator_list)
    return Defined("ClassDef", _name_of(node.name), decorators, bases, _body(node.body))


_STATEMENTS: dict[type, Callable[[Any], Pattern]] = {
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _grown,
    ast.Return: lambda n: _optional("Return", "value", n.value),
    ast.Raise: lambda n: _optional("Raise", "exc", n.exc),
    ast.Assert: lambda n: Simple("Assert", "test", _expression(n.test)),
    ast.Global: lambda n: Simple("Global"),  # `global _`, whatever the names
    ast.Delete: lambda n: Simple("Del", "target", _expression(n.targets[0])),
    ast.Pass: lambda n: Simple("Pass"),
    ast.Continue: lambda n: Simple("Continue"),
    ast.Break: lambda n: Simple("Break"),
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: lambda n: Repeated("While", (("test", _expression(n.test)),), _body(n.body)),
    ast.If: lambda n: Repeated("If", (("test", _expression(n.test)),), _body(n.body)),
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
}
