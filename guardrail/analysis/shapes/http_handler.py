"""Shapes of request handlers: what a route names, views whose base another file defines, and HTTP spoken by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import below, calls, method
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_ROUTES = frozenset(
    "path re_path url add_url_rule add_api_route add_api_websocket_route add_route add_websocket_route Route WebSocketRoute"
    " add_view add_get add_post add_put add_patch add_delete add_resource".split()
)
_FRAMEWORKS = frozenset(
    "django rest_framework flask flask_restful flask_restx fastapi starlette aiohttp tornado litestar sanic falcon ninja quart"
    " webob pyramid bottle wagtail connexion robyn".split()
)
_VIEW = re.compile(r"(View|ViewSet|ViewMixin|Resource|RequestHandler|WebSocketHandler|HTTPEndpoint)\Z")


def routed(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A function or class that the module's own code gives to a route."""
    definition = facts.definition
    if definition is not None and definition.kind != "module" and definition.symbol in _named_in_routes(facts):
        yield from _first(matches)


def _named_in_routes(facts: Facts) -> frozenset[str]:
    """The names among the arguments of `path(…)`, `add_url_rule(…)`, `Route(…)` in the module's own code."""
    module = facts.file.definition("<module>")
    if module is None:
        return frozenset()
    own = facts.file.facts(module)
    return own.once("routed", own.tree, lambda: frozenset(_names(own)), frozenset())


def _names(module: Facts) -> Iterator[str]:
    for call in calls(module):
        if method(call) in _ROUTES:
            for arg in call.args:
                yield from (part.value for part in below(arg.value) if isinstance(part, cst.Name))


def served(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A class, or a method of one, whose base is called a view in a file that imports a web framework."""
    if facts.owner and _web(facts) and any(_VIEW.search(name.rpartition(".")[2]) for name in _bases(facts)):
        yield from _first(matches)


def _bases(facts: Facts) -> frozenset[str]:
    return facts.class_types(facts.owner) - {f"{facts.file.index.module}.{facts.owner}"}


def _web(facts: Facts) -> bool:
    """Whether the file imports a web framework."""
    index = facts.file.index
    return any(name.split(".")[0] in _FRAMEWORKS for name in (*index.imports.values(), *index.stars))


def _first(matches: Iterable[Match]) -> Iterator[Match]:
    """The outermost match, which comes first; functions nested in it are not what is named."""
    for match in matches:
        yield match
        return
