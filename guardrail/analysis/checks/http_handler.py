"""Checks of the http-handler pack: what leaves with an error, what comes in unchecked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.walk import descendants
from guardrail.words import split_words

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_INTERNAL = frozenset(
    "Exception BaseException OSError IOError RuntimeError KeyError TypeError AttributeError ConnectionError IndexError".split()
)
_LIBRARIES = frozenset(
    "sqlalchemy psycopg psycopg2 asyncpg pymysql MySQLdb sqlite3 requests"
    " httpx aiohttp urllib3 botocore redis subprocess pymongo smtplib socket"
    " ssl paramiko grpc kafka elasticsearch".split()
)
_SINKS = frozenset(
    "HTTPException JsonResponse JSONResponse ORJSONResponse"
    " jsonify Response HttpResponse HttpResponseBadRequest HttpResponseServerError"
    " PlainTextResponse HTMLResponse abort make_response set_details json_response flash".split()
)
_SIZE_NAMES = frozenset(
    {
        "per_page",
        "page_size",
        "limit",
        "size",
        "count",
        "n",
        "days",
        "depth",
        "rows",
        "top",
        "top_k",
        "max_results",
        "batch_size",
    }
)
_REQUEST_PARTS = re.compile(r"\.(args|GET|POST|query_params|form|values|match_info|json|data)\b")
_VALIDATES = frozenset(
    "is_valid validate model_validate model_validate_json parse_obj"
    " validate_json validate_python full_clean cleaned_data convert".split()
)


# ---- ERR003 ----------------------------------------------------------------------------------------


def text_of_exception(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Answers that carry the text of an internal exception, or a trace."""
    for match in matches:
        if any(_exposes(facts, n) and not _for_developers(facts, n) for n in descendants(match.node)):
            yield match


def _for_developers(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a test of a DEBUG setting stands in front of it."""
    return any(isinstance(a, (cst.If, cst.IfExp)) and "DEBUG" in facts.code(a.test) for a in facts.ancestors(node))


def returned_exception(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The text of an internal exception in what a handler returns by itself, in no response object."""
    for match in matches:
        outer = next((a for a in facts.ancestors(match.node) if isinstance(a, (cst.Return, cst.BaseCompoundStatement))), None)
        if not isinstance(outer, cst.Return) or outer.value is None or "handler" not in facts.contexts(outer):
            continue
        if not _holds_sink(outer.value) and any(_exposes(facts, n) for n in descendants(outer.value)):
            yield facts.match(outer)


def _holds_sink(value: cst.CSTNode) -> bool:
    return any(flow.called(n) in _SINKS for n in descendants(value))


def _exposes(facts: Facts, node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Call):
        names = facts.names(node.func)
        if names & {"traceback.format_exc", "traceback.format_exception", "traceback.format_tb"}:
            return True
    if not isinstance(node, cst.Name) or not _internal_error(facts, node):
        return False
    parent = facts.parent(node)
    if isinstance(parent, cst.Attribute):
        return parent.attr.value in (
            "args",
            "message",
            "orig",
            "__traceback__",
            "stderr",
            "stdout",
            "output",
            "strerror",
        )
    call = facts.parent(parent) if isinstance(parent, cst.Arg) else None
    shown = isinstance(parent, (cst.FormattedStringExpression, cst.DictElement, cst.BinaryOperation))
    return shown or (call is not None and flow.called(call) in ("str", "repr", "format", *_SINKS))


def _internal_error(facts: Facts, node: cst.Name) -> bool:
    """Whether a name is an exception whose text was not written for the caller."""
    for outer in facts.ancestors(node):
        if isinstance(outer, cst.ExceptHandler) and outer.name is not None and outer.type is not None:
            if isinstance(outer.name.name, cst.Name) and outer.name.name.value == node.value:
                parts = [e.value for e in outer.type.elements] if isinstance(outer.type, cst.Tuple) else [outer.type]
                return any(_is_internal(name) for part in parts for name in facts.names(part))
        if isinstance(outer, cst.FunctionDef):
            stated = [p.annotation for p in outer.params.params if p.name.value == node.value and p.annotation is not None]
            broad = [facts.code(a.annotation) in ("Exception", "BaseException") for a in stated]
            return bool(broad) and broad[0] and _handles_errors(outer, facts)
    return False


def _is_internal(name: str) -> bool:
    return name in _INTERNAL or (name.split(".")[0] in _LIBRARIES and "." in name) or name.startswith("django.db.")


def _handles_errors(function: cst.FunctionDef, facts: Facts) -> bool:
    marks = [facts.code(d.decorator) for d in function.decorators]
    return any(re.search(r"\b(exception_handler|errorhandler|app_errorhandler)\b", mark) for mark in marks)


# ---- VAL001, VAL002 ----------------------------------------------------------------------------------


def unguarded(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Conversions that no `try` around them catches."""
    for match in matches:
        if not _in_try(facts, match.node):
            yield match


def _in_try(facts: Facts, node: cst.CSTNode) -> bool:
    child = node
    for outer in facts.ancestors(node):
        if isinstance(outer, cst.FunctionDef):
            return False
        if isinstance(outer, cst.Try) and child is outer.body and outer.handlers:
            return True
        child = outer
    return False


def raw_fields(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Rows made of request fields as they came, in a function that validates nothing."""
    validates = any(flow.called(n) in _VALIDATES for n in facts.nodes) or any(
        isinstance(n, cst.Attribute) and n.attr.value in ("cleaned_data", "validated_data") for n in facts.nodes
    )
    if validates:
        return
    for match in matches:
        if isinstance(match.node, cst.Call) and any(
            a.keyword is not None and _raw(facts, a.value) and _matters(a.keyword.value) for a in match.node.args
        ):
            yield match


def _matters(field: str) -> bool:
    """Whether a wrong value in the field costs money or moves goods."""
    words = (
        "amount quantity qty price total balance credit credits points discount stock seats currency role status owner user tenant"
    ).split()
    return bool(set(words).intersection(split_words(field)))


def _raw(facts: Facts, node: cst.BaseExpression) -> bool:
    """`request.POST["x"]`, `request.data.get("x")`, or a name for one that nothing looks at before."""
    if isinstance(node, cst.Name):
        target = facts.deref(node)
        if target is None or flow.checked(facts, node) or _compared(facts, node):
            return False
        return target[1] is not node and isinstance(target[1], cst.BaseExpression) and _raw(target[0], target[1])
    if isinstance(node, cst.Call) and flow.called(node) not in ("get", "pop"):
        return False
    return (
        isinstance(node, (cst.Subscript, cst.Call))
        and facts.tainted(node)
        and _REQUEST_PARTS.search(_source(facts, node)) is not None
    )


def _source(facts: Facts, node: cst.CSTNode) -> str:
    """The code of an expression, and of what its first name stands for."""
    text = facts.code(node)
    base: cst.CSTNode = node
    while isinstance(base, (cst.Subscript, cst.Attribute, cst.Call)):
        base = base.func if isinstance(base, cst.Call) else base.value
    target = facts.deref(base) if isinstance(base, cst.Name) else None
    return text + " " + (target[0].code(target[1]) if target is not None else "")


def _compared(facts: Facts, node: cst.Name) -> bool:
    return any(
        isinstance(n, cst.Comparison) and any(isinstance(d, cst.Name) and d.value == node.value for d in descendants(n))
        for n in facts.nodes
    )


def size_parameter(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`Query(…)` without an upper bound, as the default or annotation of a size."""
    for match in matches:
        param = next((a for a in facts.ancestors(match.node) if isinstance(a, cst.Param)), None)
        if param is None or param.name.value not in _SIZE_NAMES:
            continue
        stated = facts.code(param.annotation.annotation) if param.annotation is not None else ""
        if re.search(r"\bint\b", stated) and not _capped(facts, param.name.value):
            yield match


def _capped(facts: Facts, name: str) -> bool:
    """Whether the definition takes `min(name, …)` or compares the name."""
    for node in facts.nodes:
        if flow.called(node) in ("min", "clamp") and any(isinstance(d, cst.Name) and d.value == name for d in descendants(node)):
            return True
        if isinstance(node, cst.Comparison) and any(isinstance(d, cst.Name) and d.value == name for d in descendants(node)):
            return True
    return False


def size_from_query(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`int(request.args.get("limit"))` that nothing caps."""
    for match in matches:
        if any(flow.called(a) in ("min", "clamp") for a in facts.ancestors(match.node)):
            continue
        name = flow.assigned_name(facts, match.node)
        if not name or not _capped(facts, name):
            yield match


def no_page_cap(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A paginator whose page size the client sets, without a maximum."""
    for match in matches:
        if isinstance(match.node, cst.ClassDef):
            fields = {
                t.target.value: n.value
                for n in descendants(match.node.body)
                if isinstance(n, cst.Assign)
                for t in n.targets
                if isinstance(t.target, cst.Name)
            }
            asked = fields.get("page_size_query_param")
            most = fields.get("max_page_size")
            if asked is not None and facts.code(asked) != "None" and (most is None or facts.code(most) == "None"):
                yield match
