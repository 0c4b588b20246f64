"""Which argument of a call is which parameter of the function of the project that it calls."""

from __future__ import annotations

from collections.abc import Iterator

from guardrail.systemic.facts import Argument
from guardrail.systemic.graph import Edge, Node
from guardrail.systemic.refs import last_name

_OWNERS = ("self", "cls")


def bound(edge: Edge, node: Node, callee: Node) -> Iterator[tuple[str, Argument]]:
    """The parameters of a function of the project with what a call gives for them, where that is certain."""
    function, site = callee.function, edge.site
    names = [name for name, _, _ in function.parameters]
    first = int(bool(function.owner and names[:1] and names[0] in _OWNERS))
    if not _calls(edge, node, callee) or (first and _on_class(edge, node) and names[0] == "self"):
        return
    places = iter(names[first : function.positional])
    for argument in site.arguments:
        if argument.keyword == "*":
            places = iter(())
        elif argument.keyword in names[first:]:
            yield argument.keyword, argument
        elif not argument.keyword and (name := next(places, "")):
            yield name, argument


def _calls(edge: Edge, node: Node, callee: Node) -> bool:
    """Whether a call is written with the name of the function or of its class: not one that is handed over, or a partial."""
    function, word = callee.function, last_name(edge.site.ref)
    meant = node.module.imports.get(word, word).rpartition(".")[2]
    owner = function.owner.rpartition(".")[2] if function.name == "__init__" else ""
    return function.name in (word, meant) or (bool(owner) and owner in (word, meant))


def _on_class(edge: Edge, node: Node) -> bool:
    """Whether a method is called on its class: `Mailer.send(mailer, text)`."""
    ref = edge.site.ref
    if ref is None or ref[0] != "attr":
        return False
    project, resolver = node.graph.project, node.graph.resolver
    return any(project.klass(name) for name in resolver.names(ref[1], node.module, node.function))


__all__ = ["bound"]
