"""ast expression → Ref, and what else is read off an expression."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from guardrail.systemic.facts import Argument, Ref

DEEP = 40  # parts of a chain that are followed
_FIELDS = 8  # values of a dict that are remembered
_PLAIN = (ast.Name, ast.Attribute, ast.Call)


def ref(node: ast.AST | None, depth: int = 0) -> Ref:
    """What an expression refers to; None where it refers to nothing that has a name."""
    if node is None or depth > DEEP:
        return None
    if isinstance(node, ast.Name):
        return ("name", node.id)
    if isinstance(node, ast.Attribute):
        inner = ref(node.value, depth + 1)
        return ("attr", inner, node.attr) if inner else None
    if isinstance(node, ast.Call):
        inner = ref(node.func, depth + 1)
        return ("call", inner, _refs(_values(node), depth)) if inner else None
    if isinstance(node, (ast.Await, ast.Starred, ast.NamedExpr)):
        return ref(node.value, depth + 1)
    if isinstance(node, ast.Subscript):
        return _subscript(node, depth)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _either((node.left, node.right), depth)
    if isinstance(node, ast.IfExp):
        return _either((node.body, node.orelse), depth)
    if isinstance(node, ast.BoolOp):
        return _either(node.values, depth)
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, int)
        and not isinstance(node.value, bool)
        and abs(node.value) < 10**6
    ):
        return ("text", str(node.value))
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 300:
        return ("text", node.value)
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
        return ("many", ref(node.elt, depth + 1) if isinstance(node.elt, ast.Call) else None)
    return None


def _values(call: ast.Call) -> list[ast.expr]:
    """The arguments of a call whose meaning may depend on them, at most four."""
    return [*call.args, *(k.value for k in call.keywords if k.arg)][:4]


def _refs(nodes: Iterable[ast.AST], depth: int) -> tuple[Ref, ...]:
    wanted = (ast.Name, ast.Attribute, ast.Constant, ast.Call)
    return tuple(ref(node, depth + 10) if isinstance(node, wanted) else held(node, depth + 10) for node in nodes)


def held(node: ast.AST, depth: int = 0) -> Ref:
    """A dict that is written in place, as the values in it; None of anything else."""
    if not isinstance(node, ast.Dict) or depth > DEEP:
        return None
    return ("held", tuple(ref(value, depth + 10) for value in node.values[:_FIELDS]))


def _either(nodes: Iterable[ast.AST], depth: int) -> Ref:
    found = tuple(r for r in (ref(n, depth + 1) for n in nodes) if r is not None)
    return ("any", found) if len(found) > 1 else (found[0] if found else None)


def _subscript(node: ast.Subscript, depth: int) -> Ref:
    """`x[y]`: a type with its arguments, or an element."""
    inner = ref(node.value, depth + 1)
    if inner is None:
        return None
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return ("of", inner, tuple(annotation(p, depth + 1) for p in parts[:6]), isinstance(node.slice, ast.Slice))


def annotation(node: ast.AST | None, depth: int = 0) -> Ref:
    """What an annotation refers to; one in quotes is read."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 300 and depth < DEEP:
        try:
            return ref(ast.parse(node.value.strip(), mode="eval").body, depth + 1) if _is_type(node.value) else ("text", node.value)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return ("text", node.value)
    return ref(node, depth)


def _is_type(text: str) -> bool:
    return all(c.isalnum() or c in "_.[], |" for c in text)


def pairs(target: ast.expr, value: ast.expr | None) -> list[tuple[ast.expr, ast.expr | None]]:
    """Each target with its own value in `self.a, self.b = a, b`; anything else as it is."""
    holders = (ast.Tuple, ast.List)
    if isinstance(target, holders) and isinstance(value, holders) and len(target.elts) == len(value.elts):
        if not any(isinstance(each, ast.Starred) for each in (*target.elts, *value.elts)):
            return list(zip(target.elts, value.elts, strict=True))
    return [(target, value)]


def arguments(call: ast.Call) -> tuple[Argument, ...]:
    """The arguments of a call; those after `**` and `*` have no value."""
    pairs = [("*" if isinstance(a, ast.Starred) else "", a) for a in call.args] + [(k.arg or "**", k.value) for k in call.keywords]
    return tuple(Argument(word, ref(value), constant(value), names_in(value), tuple(shown_in(value))) for word, value in pairs)


def shown_in(node: ast.AST, depth: int = 0) -> Iterator[Ref]:
    """The names, attributes and elements whose whole text stands in a text, or in a container, that is written down in place."""
    if depth > DEEP:
        return
    parts: Sequence[ast.AST | None] = ()
    if isinstance(node, ast.JoinedStr):
        parts = [p.value for p in node.values if isinstance(p, ast.FormattedValue) and p.format_spec is None]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mod, ast.Add)):
        parts = [node.left, node.right] if isinstance(node.op, ast.Add) or isinstance(node.left, ast.Constant) else []
    elif isinstance(node, (ast.Tuple, ast.List)):
        parts = node.elts
    elif isinstance(node, ast.Dict):
        parts = node.values
    elif isinstance(node, ast.Call) and _is_written(node):
        parts = [*node.args, *(k.value for k in node.keywords)]
    for part in parts:
        if isinstance(part, (ast.Name, ast.Attribute, ast.Subscript)):
            yield from [found] if (found := ref(part)) else []
        elif part is not None:
            yield from shown_in(part, depth + 1)


def _is_written(call: ast.Call) -> bool:
    """`"…".format(x)`, `str(x)`, `repr(x)`."""
    func = call.func
    if isinstance(func, ast.Attribute):
        return func.attr == "format" and isinstance(func.value, ast.Constant)
    return isinstance(func, ast.Name) and func.id in ("str", "repr")


def constant(node: ast.AST) -> object:
    """The literal value of a number, a text or a flag; a dict of such; None where there is none."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, (int, float, str, bool)) else None
    if isinstance(node, ast.Dict):
        return tuple(sorted(str(k.value) for k in node.keys if isinstance(k, ast.Constant)))
    return None


def names_in(node: ast.AST) -> frozenset[str]:
    """The plain names that an expression reads."""
    if isinstance(node, (ast.Constant, ast.Name)):
        return frozenset({node.id}) if isinstance(node, ast.Name) else frozenset()
    return frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))


def first_name(of: Ref) -> str:
    """The name that a chain of attributes and calls begins with: of `order.lines.filter(…)` it is `order`."""
    while of is not None and of[0] in ("attr", "call"):
        of = of[1]
    return str(of[1]) if of is not None and of[0] == "name" else ""


def last_name(of: Ref) -> str:
    """The last part of a dotted name, of what is called in a call."""
    if of is None:
        return ""
    if of[0] == "name":
        return str(of[1])
    if of[0] == "attr":
        return str(of[2])
    return last_name(of[1]) if of[0] in ("call", "of") else ""


def roots(ref: Ref) -> set[str]:
    """The plain names in a Ref."""
    found: set[str] = set()
    todo: list[object] = [ref]
    while todo:
        part = todo.pop()
        if not isinstance(part, tuple) or not part:
            continue
        if part[0] == "name":
            found.add(str(part[1]))
        else:
            todo += part[1:] if isinstance(part[0], str) else part
    return found


def words(of: object) -> Iterator[str]:
    """All names and literal texts in a Ref."""
    todo: list[object] = [of]
    while todo:
        part = todo.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, tuple):
            todo += part[1:] if part and isinstance(part[0], str) else part


def names_called(of: Ref) -> set[str]:
    """The last names of what is called in a chain of calls."""
    found = set()
    while of is not None and of[0] in ("call", "attr"):
        if of[0] == "call":
            found.add(last_name(of[1]))
        of = of[1]
    return found


def shown(of: Ref) -> str:
    """A Ref as a person would write it."""
    if of is None:
        return "…"
    if of[0] == "name":
        return str(of[1])
    if of[0] == "attr":
        return f"{shown(of[1])}.{of[2]}"
    if of[0] == "call":
        return f"{shown(of[1])}()"
    if of[0] == "of":
        return f"{shown(of[1])}[…]"
    return "…"
