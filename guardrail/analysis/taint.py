"""User input inside one function: from web requests, handler parameters, `input()` and the command line to where it is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.hints import annotated
from guardrail.analysis.scopes import dotted
from guardrail.analysis.walk import descendants

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.scopes import Bind

_CLIENT_SAYS = frozenset(
    "QUERY_STRING PATH_INFO PATH_TRANSLATED REQUEST_URI CONTENT_TYPE REMOTE_USER REMOTE_HOST wsgi.input".split()
)
_REQUEST_PARTS = ("Header", "Query", "Cookie", "Form", "Body", "Path", "File")


def tainted(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether user input may be in the value of the expression; what is not known is clean."""
    if isinstance(node, (cst.Name, cst.Attribute)) and facts.library.is_source(facts.names(node)):
        return True
    if isinstance(node, cst.Name):
        return any(_bound(origin, bind) for origin, bind in facts.origins(node))
    if isinstance(node, cst.Attribute):
        if dotted(node.value) in ("self", "cls"):
            return any(_bound(origin, bind) for origin, bind in facts.attribute_origins(node.attr.value) if bind.kind == "value")
        return facts.tainted(node.value)
    if isinstance(node, cst.Call):
        return _call(facts, node)
    if isinstance(node, cst.Comparison):
        return False
    if isinstance(node, cst.Subscript) and _of_environment(facts, node.value, [e.slice for e in node.slice]):
        return True
    if isinstance(node, cst.BinaryOperation):
        return facts.tainted(node.left) or facts.tainted(node.right)
    return any(facts.tainted(part) for part in _parts(node))


def _parts(node: cst.CSTNode) -> list[cst.BaseExpression]:
    """The expressions whose text ends up in the value."""
    if isinstance(node, cst.FormattedString):
        return [p.expression for p in node.parts if isinstance(p, cst.FormattedStringExpression)]
    if isinstance(node, cst.Subscript):
        return [node.value]
    if isinstance(node, (cst.Await,)):
        return [node.expression]
    if isinstance(node, cst.NamedExpr):
        return [node.value]
    if isinstance(node, cst.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, cst.BooleanOperation):
        return [node.left, node.right]
    if isinstance(node, cst.ConcatenatedString):
        return [node.left, node.right]
    if isinstance(node, (cst.List, cst.Tuple, cst.Set)):
        return [e.value for e in node.elements]
    if isinstance(node, cst.Dict):
        return [e.value for e in node.elements]
    if isinstance(node, (cst.ListComp, cst.SetComp, cst.GeneratorExp)):
        return [node.elt]
    if isinstance(node, cst.DictComp):
        return [node.key, node.value]
    return []


def _bound(facts: Facts, bind: Bind) -> bool:
    if bind.kind in ("value", "item", "grow", "fill", "with"):
        return facts.tainted(bind.node)
    if bind.kind == "annotated":
        value = getattr(bind.node, "value", None)
        return isinstance(value, cst.CSTNode) and facts.tainted(value)
    if bind.kind == "param" and isinstance(bind.node, cst.Param):
        return _handler_parameter(facts, bind.node)
    return False


def _call(facts: Facts, node: cst.Call) -> bool:
    library, names = facts.library, facts.names(node.func)
    method = node.func.attr.value if isinstance(node.func, cst.Attribute) else dotted(node.func)
    if library.is_sanitizer(names, method):
        return False
    if library.is_source(names) or library.is_source_method(method):
        return True
    if _of_environment(facts, node.func, node.args):
        return True
    if isinstance(node.func, cst.Attribute) and facts.tainted(node.func.value) and library.keeps_receiver(method):
        return True
    if library.passes_on(names, method):
        return any(facts.tainted(arg.value) for arg in node.args)
    return _through_helper(facts, node)


def _of_environment(facts: Facts, holder: cst.CSTNode, keys: Sequence[cst.CSTNode]) -> bool:
    """What a web server puts into the environment of a CGI or WSGI program for the client (RFC 3875, PEP 3333)."""
    read = holder.value if isinstance(holder, cst.Attribute) and holder.attr.value == "get" else holder
    names = facts.names(read)
    if not names & {"os.environ", "os.getenv"} and dotted(read) != "environ":
        return False
    first = getattr(keys[0], "value", None) if keys else None
    value = facts.constant(first) if isinstance(first, cst.CSTNode) else None
    return isinstance(value, str) and (value in _CLIENT_SAYS or value.startswith("HTTP_"))


def _through_helper(facts: Facts, node: cst.Call) -> bool:
    """A local helper that returns what it was given: one level, by the parameters that its `return` names."""
    for name in facts.names(node.func):
        symbol = facts.file.local_symbol(name)
        definition = facts.file.definition(symbol) if symbol else None
        if definition is None or definition.kind != "function":
            continue
        inner = facts.file.facts(definition)
        given = _arguments(inner, node, facts)
        returned = [n.value for n in inner.nodes if isinstance(n, cst.Return) and n.value is not None]
        if given and any(_mentions(inner, value, given) for value in returned):
            return True
    return False


def _arguments(inner: Facts, node: cst.Call, outer: Facts) -> frozenset[str]:
    """The parameters of the helper that get user input in this call."""
    defs = [n for n in inner.nodes if isinstance(n, cst.FunctionDef)]
    if not defs:
        return frozenset()
    params = [p.name.value for p in (*defs[0].params.posonly_params, *defs[0].params.params)]
    if params[:1] in (["self"], ["cls"]):
        params = params[1:]
    found = set()
    for i, arg in enumerate(node.args):
        if outer.tainted(arg.value):
            found.add(arg.keyword.value if arg.keyword else params[i] if i < len(params) else "")
    return frozenset(found)


def _mentions(inner: Facts, value: cst.CSTNode, given: frozenset[str]) -> bool:
    if isinstance(value, cst.Name):
        if value.value in given:
            return True
        target = inner.deref(value)
        return bool(target) and target[1] is not value and _mentions(inner, target[1], given)  # type: ignore[index]
    if isinstance(value, cst.Call):
        method = value.func.attr.value if isinstance(value.func, cst.Attribute) else dotted(value.func)
        if inner.library.is_sanitizer(inner.names(value.func), method):
            return False
        receiver = isinstance(value.func, cst.Attribute) and _mentions(inner, value.func.value, given)
        passed = inner.library.passes_on(inner.names(value.func), method)
        return receiver or (passed and any(_mentions(inner, a.value, given) for a in value.args))
    if isinstance(value, cst.BinaryOperation):
        return _mentions(inner, value.left, given) or _mentions(inner, value.right, given)
    return any(_mentions(inner, part, given) for part in _parts(value))


def _handler_parameter(facts: Facts, param: cst.Param) -> bool:
    """A parameter that a web framework fills with text of the user's."""
    if param.name.value in ("self", "cls", "request"):
        return False
    function = facts.parent(facts.parent(param))  # type: ignore[arg-type]
    if not isinstance(function, cst.FunctionDef):
        return False
    marks = _markers(facts, param)
    if not marks.isdisjoint(("Depends", "Security")):
        return False
    if "handler" not in facts.library.roles(facts, function) and marks.isdisjoint(_REQUEST_PARTS):
        return False
    if param.annotation is None:
        return True
    text = facts.code(param.annotation.annotation)
    words = {w for w in text.replace("[", " ").replace("]", " ").replace("|", " ").replace(",", " ").split() if w}
    return bool(words & {"str", "bytes", "list", "dict", "Any", "List", "Dict"}) or _is_model(facts, param)


def _markers(facts: Facts, param: cst.Param) -> frozenset[str]:
    """FastAPI's words for where a parameter comes from, in its default or inside `Annotated`."""
    holders = [param.default, param.annotation.annotation if param.annotation else None]
    calls = [n for holder in holders if holder is not None for n in descendants(holder) if isinstance(n, cst.Call)]
    names = frozenset().union(*(facts.names(call.func) for call in calls))
    return frozenset(name.rpartition(".")[2] for name in names if name.startswith("fastapi."))


def _is_model(facts: Facts, param: cst.Param) -> bool:
    assert param.annotation is not None
    types = annotated(facts, param.annotation.annotation)
    return "pydantic.BaseModel" in types
