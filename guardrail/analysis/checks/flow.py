"""Where a value comes from and what becomes of it inside one definition: what several checks ask."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.naming import BUILTINS
from guardrail.analysis.scopes import dotted
from guardrail.analysis.strings import literalish
from guardrail.analysis.walk import children

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts, Located

FUNCTIONS = (cst.FunctionDef, cst.Lambda)
_CLOSED = (*FUNCTIONS, cst.ClassDef)
_PLAIN = frozenset("int float bool UUID Decimal date datetime Enum IntEnum StrEnum Literal".split())
_TEXT = re.compile(
    r"\b(str|bytes|Any|AnyStr|object|dict|list|tuple|set|Dict|List|Tuple|Set|Mapping|Sequence|Iterable|Collection)\b"
)
_FRAGMENT = re.compile(r"(^|_)(sql|where|clauses?|fragment|conditions?|expr|expression)$")
_DRESSING = frozenset("str strip lower upper lstrip rstrip replace format join encode decode get pop copy title".split())


def own_nodes(root: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The nodes below a node in order, those of functions nested in it left out."""
    waiting = [children(root)]
    while waiting:
        child = next(waiting[-1], None)
        if child is None:
            waiting.pop()
            continue
        yield child
        if not isinstance(child, _CLOSED):
            waiting.append(children(child))


def around(facts: Facts, node: cst.CSTNode) -> cst.CSTNode:
    """The innermost function that a node stands in, else the whole definition."""
    return facts.function(node) or facts.tree


def function_def(facts: Facts, node: cst.CSTNode) -> cst.FunctionDef | None:
    """The innermost `def` around a node."""
    return next((a for a in facts.ancestors(node) if isinstance(a, cst.FunctionDef)), None)


def within(facts: Facts, node: cst.CSTNode, root: cst.CSTNode, kind: type[cst.CSTNode]) -> bool:
    """Whether something of a kind stands around the node inside the root."""
    for outer in facts.ancestors(node):
        if outer is root:
            return False
        if isinstance(outer, kind):
            return True
    return False


def called(node: cst.CSTNode) -> str:
    """The last name of what is called: `b` of `a.b()`."""
    if not isinstance(node, cst.Call):
        return ""
    func = node.func
    return func.attr.value if isinstance(func, cst.Attribute) else func.value if isinstance(func, cst.Name) else ""


def receiver(node: cst.CSTNode) -> cst.BaseExpression | None:
    """`a` of `a.b()`."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        return node.func.value
    return None


def keyword(node: cst.Call, name: str) -> cst.BaseExpression | None:
    """The value of a keyword argument."""
    return next((a.value for a in node.args if a.keyword is not None and a.keyword.value == name), None)


def makers(facts: Facts, node: cst.CSTNode | None) -> list[Located]:
    """The calls that may have made the object: `X()` of `x = X()`, `with X() as x`, `self.x = X()`."""
    if isinstance(node, cst.Call):
        return [(facts, node)]
    if isinstance(node, cst.Await):
        return makers(facts, node.expression)
    origins = []
    if isinstance(node, cst.Name):
        origins = facts.origins(node)
    elif isinstance(node, cst.Attribute) and dotted(node.value) in ("self", "cls"):
        origins = facts.attribute_origins(node.attr.value)
    found: list[Located] = []
    for origin, bind in origins:
        value = bind.node if bind.kind in ("value", "with") else getattr(bind.node, "value", None)
        if bind.kind in ("value", "with", "annotated") and isinstance(value, (cst.Call, cst.Await)):
            found += makers(origin, value)
    return found


def uses(facts: Facts, name: str, root: cst.CSTNode) -> list[cst.Name]:
    """Where a local name is read, nested functions included."""
    nothing: dict[str, list[cst.Name]] = {}
    places = facts.once("mentions", facts.tree, lambda: _mentions(facts), nothing).get(name, [])
    return [n for n in places if root is facts.tree or n is root or any(a is root for a in facts.ancestors(n))]


def _mentions(facts: Facts) -> dict[str, list[cst.Name]]:
    """Where each name is read: found once for a slice, as it is asked for many names."""
    found: dict[str, list[cst.Name]] = {}
    for node in facts.nodes:
        if isinstance(node, cst.Name) and not _is_label(facts, node):
            found.setdefault(node.value, []).append(node)
    return found


def _is_label(facts: Facts, node: cst.Name) -> bool:
    """Whether a name is no reading of a variable: an attribute, a keyword, a target, a parameter."""
    parent = facts.parent(node)
    if isinstance(parent, cst.Attribute):
        return parent.attr is node
    if isinstance(parent, cst.Arg):
        return parent.keyword is node
    if isinstance(parent, (cst.AssignTarget, cst.AsName, cst.Param)):
        return not (isinstance(parent, cst.Param) and parent.default is node)
    return isinstance(parent, (cst.AnnAssign, cst.For, cst.CompFor, cst.NamedExpr)) and parent.target is node


def assigned_name(facts: Facts, node: cst.CSTNode) -> str:
    """The plain local name that the value of an expression is given to, "" where it goes elsewhere."""
    parent = facts.parent(node)
    if isinstance(parent, cst.Await):
        return assigned_name(facts, parent)
    if isinstance(parent, cst.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0].target, cst.Name):
        name = parent.targets[0].target.value
        return "" if name in facts.scopes.declared.get(id(around(facts, node)), ()) else name
    if isinstance(parent, cst.AnnAssign) and isinstance(parent.target, cst.Name):
        return parent.target.value
    return ""


def is_entered(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the expression is what a `with` enters."""
    return isinstance(facts.parent(node), cst.WithItem)


def is_statement(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the value of the expression is dropped."""
    parent = facts.parent(node)
    return isinstance(parent, cst.Expr) or (isinstance(parent, cst.Await) and is_statement(facts, parent))


def escapes(facts: Facts, name: str, root: cst.CSTNode) -> bool:
    """Whether a local object is kept by something that outlives the function: returned, stored, or held by a closure."""
    for use in uses(facts, name, root):
        if facts.function(use) is not (root if isinstance(root, FUNCTIONS) else None):
            return True
        parent = facts.parent(use)
        if isinstance(parent, (cst.Return, cst.Yield, cst.Assign, cst.AnnAssign, cst.Element, cst.DictElement)):
            return True
        if isinstance(parent, cst.Arg) and _held_by(facts, facts.parent(parent), root):
            return True
    return False


def _held_by(facts: Facts, call: cst.CSTNode | None, root: cst.CSTNode) -> bool:
    """Whether what a constructor makes of the object is kept itself: `return Wrapper(client)`, `found.append(Node(client))`."""
    if not isinstance(call, cst.Call):
        return False
    if called(call)[:1].islower():
        return called(call) in ("append", "add", "setdefault", "push_async_exit", "enter_context")
    parent = facts.parent(call)
    if isinstance(parent, cst.Arg):
        return _held_by(facts, facts.parent(parent), root)
    name = assigned_name(facts, call)
    return isinstance(parent, (cst.Return, cst.Yield, cst.Element)) or bool(name and escapes(facts, name, root))


# ---- what a string is put together from ------------------------------------------------------------


def leaves(facts: Facts, node: cst.CSTNode, depth: int = 0) -> Iterator[Located]:
    """The expressions whose text ends up in a string, names followed to what they were given."""
    if depth > 8 or facts.constants(node):
        return
    if isinstance(node, cst.FormattedString):
        for piece in node.parts:
            if isinstance(piece, cst.FormattedStringExpression):
                yield from leaves(facts, piece.expression, depth + 1)
    elif isinstance(node, (cst.BinaryOperation, cst.ConcatenatedString, cst.BooleanOperation)):
        for side in (node.left, node.right):
            yield from leaves(facts, side, depth + 1)
    elif isinstance(node, cst.IfExp):
        for side in (node.body, node.orelse):
            yield from leaves(facts, side, depth + 1)
    elif isinstance(node, (cst.Tuple, cst.List, cst.Set)):
        for element in node.elements:
            yield from leaves(facts, element.value, depth + 1)
    elif isinstance(node, cst.Dict):
        for entry in node.elements:
            yield from leaves(facts, entry.value, depth + 1)
    elif isinstance(node, (cst.ListComp, cst.GeneratorExp, cst.SetComp)):
        yield from leaves(facts, node.elt, depth + 1)
    elif isinstance(node, cst.Call) and called(node) in _DRESSING and not literalish(facts, node):
        of = receiver(node)
        for part in [*([of] if of is not None else []), *(a.value for a in node.args)]:
            yield from leaves(facts, part, depth + 1)
    elif isinstance(node, cst.Name):
        yield from _of_name(facts, node, depth)
    else:
        yield facts, node


def _of_name(facts: Facts, node: cst.Name, depth: int) -> Iterator[Located]:
    origins = facts.origins(node)
    if checked(facts, node) or not origins:
        yield facts, node
        return
    for origin, bind in origins:
        value = bind.node if bind.kind in ("value", "grow", "fill", "item") else getattr(bind.node, "value", None)
        if bind.kind in ("value", "grow", "fill", "item", "annotated") and isinstance(value, cst.BaseExpression):
            yield from leaves(origin, value, depth + 1)
        else:
            yield facts, node


def from_outside(facts: Facts, node: cst.CSTNode) -> list[Located]:
    """The parts of a string that a caller or a user decides, those left out that are plain, quoted or checked."""
    return [(f, n) for f, n in leaves(facts, node) if _foreign(f, n) and not checked(facts, n)]


def _foreign(facts: Facts, node: cst.CSTNode) -> bool:
    if literalish(facts, node) or plain(facts, node):
        return False
    return facts.tainted(node) or _parameter(facts, node)


def plain(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the type lets no text through: numbers, dates, identifiers, enumerations."""
    return any(t.rpartition(".")[2] in _PLAIN for t in facts.types(node))


def _parameter(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the expression is a parameter of the function, or a part of one, that may hold any text."""
    while isinstance(node, (cst.Attribute, cst.Subscript)):
        node = node.value
    if not isinstance(node, cst.Name) or node.value in ("self", "cls") or _FRAGMENT.search(node.value):
        return False
    if not facts.origins(node):
        return facts.names(node) == {node.value} and node.value not in BUILTINS  # a name that nothing here defines
    for _, bind in facts.origins(node):
        if bind.kind == "param" and isinstance(bind.node, cst.Param):
            stated = facts.code(bind.node.annotation.annotation) if bind.node.annotation is not None else "str"
            if _TEXT.search(stated) and "Literal" not in stated:
                return True
    return False


def checked(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the definition compares the expression with a list (`x in ALLOWED`) or looks it up in a fixed table."""
    if isinstance(node, cst.Subscript) and facts.constants(node.value):
        return True
    text = facts.normal(node)
    for other in facts.nodes:
        if isinstance(other, cst.ComparisonTarget) and isinstance(other.operator, (cst.In, cst.NotIn)):
            comparison = facts.parent(other)
            if isinstance(comparison, cst.Comparison) and facts.normal(comparison.left) == text:
                return True
        if isinstance(other, cst.Call) and re.match(
            r"_*(validate|check(?!_output|_call)|ensure|assert|is_(safe|valid|allowed)|verify|fullmatch)", called(other)
        ):
            if any(facts.normal(a.value) == text for a in other.args):
                return True
        if isinstance(other, cst.Call) and called(other) in ("isidentifier", "isalnum", "isdigit", "isnumeric"):
            of = receiver(other)
            if of is not None and facts.normal(of) == text:
                return True
    return False
