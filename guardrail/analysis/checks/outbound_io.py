"""Checks of the outbound-io pack: whose timeout counts, what a client is kept for, who chooses the host."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.walk import descendants

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_HOST_ENDS = re.compile(r"^[a-z][a-z0-9+.-]*://[^/{}\s]+/", re.IGNORECASE)
_HOST_WORDS = re.compile(r"hostname|netloc|\bhost\b|allowed|allow_list|whitelist|is_global|is_private|ip_address", re.IGNORECASE)
_STREAMS = frozenset(
    "stream aconnect_sse connect_sse iter_lines aiter_lines iter_content aiter_bytes iter_bytes subscribe listen".split()
)


def plain_session(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Calls of a session that has no timeout of its own: no subclass of the project, no adapter but the stock one."""
    for match in matches:
        session = flow.receiver(match.node)
        if session is None or _tamed(facts, session):
            continue
        yield match


def _tamed(facts: Facts, session: cst.BaseExpression) -> bool:
    """Whether the session's class or the place where it was made may have set a timeout."""
    module = facts.file.index.module + "."
    if any(t.startswith(module) for t in facts.types(session)):
        return True
    places = {id(facts): facts}
    for made, call in flow.makers(facts, session):
        places[id(made)] = made
        for name in made.names(call.func if isinstance(call, cst.Call) else None):
            symbol = made.file.local_symbol(name)
            definition = made.file.definition(symbol) if symbol else None
            if definition is not None:
                maker = made.file.facts(definition)
                places[id(maker)] = maker
    return any(_mounts(place) for place in places.values())


def _mounts(facts: Facts) -> bool:
    """Whether an adapter of the project's own is mounted, or a method of the session is replaced."""
    for node in facts.nodes:
        if flow.called(node) == "mount" and isinstance(node, cst.Call) and len(node.args) == 2:
            types = facts.types(node.args[1].value)
            if types != {"requests.adapters.HTTPAdapter"}:
                return True
        if isinstance(node, cst.AssignTarget) and isinstance(node.target, cst.Attribute):
            if node.target.attr.value in ("request", "send", "timeout"):
                return True
    return False


def client_without_timeout(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Calls whose client is known to have been made, and made without a timeout (or that have no client)."""
    for match in matches:
        client = flow.receiver(match.node)
        made = flow.makers(facts, client)
        module_function = client is not None and facts.names(client) == {"urllib3"}
        if module_function or (made and not any(_mentions_timeout(call) for _, call in made)):
            yield match


def _mentions_timeout(call: cst.CSTNode) -> bool:
    if not isinstance(call, cst.Call):
        return True
    return any(a.star == "**" or (a.keyword is not None and a.keyword.value == "timeout") for a in call.args)


def not_streamed(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Not where the same definition reads a stream, which may be silent for as long as it likes."""
    streams = any(flow.called(n) in _STREAMS for n in facts.nodes)
    for match in matches:
        asked = isinstance(match.node, cst.Call) and flow.keyword(match.node, "stream") is not None
        if not streams and not asked:
            yield match


def thrown_away(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Clients that nothing keeps beyond the function: entered by `with`, held by a local name, or used on the spot."""
    for match in matches:
        if "smtplib" in facts.code(match.node) and "loop" not in facts.contexts(match.node):
            continue
        if _kept(facts, match.node):
            continue
        yield match


def _kept(facts: Facts, node: cst.CSTNode) -> bool:
    root = flow.around(facts, node)
    name = flow.assigned_name(facts, node)
    if name:
        return flow.escapes(facts, name, root)
    if flow.is_entered(facts, node):
        return any(isinstance(n, cst.Yield) for n in flow.own_nodes(root))
    parent = facts.parent(node)
    if isinstance(parent, cst.Await):
        return _kept(facts, parent)
    return not (isinstance(parent, cst.Attribute) and isinstance(facts.parent(parent), cst.Call))


def host_from_user(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Calls in which user input stands where the scheme or the host is, unchecked."""
    for match in matches:
        origin, url = match.env["U"]
        if _decides_host(origin, url) and not _host_checked(facts):
            yield match


def _decides_host(facts: Facts, node: cst.CSTNode, depth: int = 0) -> bool:
    """Whether what the string begins with is user input."""
    if depth > 8 or not facts.tainted(node):
        return False
    if isinstance(node, cst.FormattedString):
        return _first_part(facts, node, depth)
    if isinstance(node, cst.BinaryOperation):
        return _leading(facts, node.left, node.right, depth)
    if isinstance(node, cst.Call):
        return _call_decides(facts, node, depth)
    if isinstance(node, cst.Name):
        found = False
        for origin, bind in facts.origins(node):
            value = bind.node if bind.kind == "value" else getattr(bind.node, "value", None)
            if bind.kind == "param" or bind.kind == "item":
                found = True
            elif isinstance(value, cst.BaseExpression) and value is not node:
                found = found or _decides_host(origin, value, depth + 1)
        return found
    if isinstance(node, (cst.BooleanOperation,)):
        return _decides_host(facts, node.left, depth + 1) or _decides_host(facts, node.right, depth + 1)
    return True


def _call_decides(facts: Facts, node: cst.Call, depth: int) -> bool:
    method = flow.called(node)
    of = flow.receiver(node)
    text = facts.constant(of) if of is not None else None
    if method == "format" and isinstance(text, str):
        return not _HOST_ENDS.match(text) and text.startswith(("{", "http://{", "https://{"))
    if method == "urljoin" and len(node.args) == 2:
        return any(_decides_host(facts, a.value, depth + 1) for a in node.args)
    if method in ("str", "unquote", "cast"):
        return bool(node.args) and _decides_host(facts, node.args[-1].value, depth + 1)
    if method in ("strip", "lower", "replace", "rstrip", "lstrip") and of is not None:
        return _decides_host(facts, of, depth + 1)
    return facts.library.is_source(facts.names(node.func)) or method in ("get", "pop", "get_json", "json", "getlist")


def _leading(facts: Facts, left: cst.CSTNode, right: cst.CSTNode, depth: int) -> bool:
    text = facts.constant(left)
    if isinstance(text, str):
        return re.fullmatch(r"(https?://)?|https?:", text) is not None and _decides_host(facts, right, depth + 1)
    return _decides_host(facts, left, depth + 1)


def _first_part(facts: Facts, node: cst.FormattedString, depth: int) -> bool:
    text = ""
    for part in node.parts:
        if isinstance(part, cst.FormattedStringText):
            text += part.value
        elif isinstance(part, cst.FormattedStringExpression):
            known = facts.constant(part.expression)
            if isinstance(known, str):
                text += known
            elif "://" in text and "/" in text.split("://", 1)[1]:
                return False
            elif facts.tainted(part.expression):
                return not text or "://" in text
            elif not text:
                return False
            else:
                text += "x"
    return False


def _host_checked(facts: Facts) -> bool:
    """Whether the definition compares a host with something, or hands the address to a checker."""
    for node in facts.nodes:
        if isinstance(node, cst.Comparison) and any(
            isinstance(n, (cst.Name, cst.Attribute)) and _HOST_WORDS.search(n.value if isinstance(n, cst.Name) else n.attr.value)
            for n in descendants(node)
        ):
            return True
        if re.match(r"_*(validate|check|ensure|assert|verify|require|is_safe|is_allowed|is_public|safe)", flow.called(node)):
            return True
    return False


def not_asked_for(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Not in a branch that the caller chose (`if not verify:`), and not what a class of contexts says of itself."""
    for match in matches:
        of = match.env["C"][1]
        if isinstance(of, cst.Name) and of.value == "self":
            continue
        if not any(isinstance(around, cst.If) and _is_choice(facts, around.test) for around in facts.ancestors(match.node)):
            yield match


def _is_choice(facts: Facts, test: cst.CSTNode) -> bool:
    """Whether a condition asks for something that the function was given, or for an attribute of its object."""
    function = flow.function_def(facts, test)
    params = function.params if function is not None else cst.Parameters()
    given = {p.name.value for p in (*params.posonly_params, *params.params, *params.kwonly_params)}
    return any(isinstance(n, cst.Name) and n.value in given | {"self"} for n in (test, *flow.own_nodes(test)))
