"""NET008: bodies that are read in one piece, of requests, of uploads, and of answers from an address that the client names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from guardrail.systemic.binding import bound
from guardrail.systemic.effects import Effect
from guardrail.systemic.facts import Argument, Ref, Site
from guardrail.systemic.graph import Deed, Node
from guardrail.systemic.refs import last_name, shown

if TYPE_CHECKING:
    from guardrail.packs import Rule
    from guardrail.systemic.findings import Judging
    from guardrail.systemic.walk import Path

_LIMITED = re.compile(
    r"content[-_]?length|\bsize\b|_size\b|max_?(body|bytes|upload|length|content)|_limit\b|MAX_|too_?large|\b413\b|iter_content|aiter_|iter_bytes"
    r"|islice|RequestBodyLimit",
    re.IGNORECASE,
)
_GUARDS = (
    "middleware",
    "BaseHTTPMiddleware",
    "add_middleware",
    "before_request",
    "MAX_CONTENT_LENGTH",
    "MAX_UPLOAD_SIZE",
    "max_body_size",
)
_SIGNED = re.compile(r"hmac|signature|construct_event|webhook", re.IGNORECASE)  # what is signed has to be read whole
_UPLOADS = frozenset({"files", "FILES"})
_ASKED = frozenset({"args", "form", "GET", "POST", "query_params", "data", "json", "values"})
_ADDRESS = re.compile(r"ur[li]s?$|link|href|address|src$|callback|webhook", re.IGNORECASE)
_OWN = ("self", "cls", "request")


def bodies(node: Node) -> Iterator[Deed]:
    """The calls of a function that read all there is: of something known, of a parameter, or from an address in a parameter."""
    for site in node.function.sites:
        if site.kind == "call" and site.ref and (what := _reads(node, site)[0]):
            yield Deed(site, Effect("whole-body", what))


def _reads(node: Node, site: Site) -> tuple[str, str]:
    """What is read whole, "" where nothing is, and the parameter that decides what it is, "" where none does."""
    own = {name for name, _, _ in node.function.parameters} - set(node.function.values)
    if site.ref and site.ref[0] == "attr" and site.ref[2] == "read" and not site.arguments and site.ref[1][0] == "name":
        if site.ref[1][1] in own and not _typed(node, site.ref[1][1]):
            return shown(site.ref), site.ref[1][1]
    listed = node.graph.effects.listed("systemic", "body")
    fetches = node.graph.effects.listed("systemic", "body-of-address")
    if last_name(site.ref) not in {name.rpartition(".")[2] for name in listed | fetches}:
        return "", ""
    names = node.graph.names(site, node.module, node.function)
    if names & listed and not site.arguments:
        return sorted(names & listed)[0], ""
    address = site.arguments[0].ref if site.arguments else None
    if (
        names & fetches
        and address
        and address[0] == "name"
        and address[1] in own
        and not any(a.keyword == "stream" for a in site.arguments)
    ):
        return sorted(names & fetches)[0], address[1]
    return "", ""


def _typed(node: Node, name: str) -> bool:
    """Whether a parameter says what it is."""
    return any(hint is not None for parameter, hint, _ in node.function.parameters if parameter == name)


def unbounded(judging: Judging, rule: Rule, path: Path) -> str | None:
    """NET008: the client decides how much it is, and neither the path nor what stands before all handlers limits that."""
    what, name = _reads(path.hops[-1].node, path.deed.site)
    project = judging.graph.project
    if not path.edges or any(_LIMITED.search(project.text_of(hop.node.key)) for hop in path.hops):
        return None
    if not what.endswith(".read") and not name and any(_SIGNED.search(project.text_of(hop.node.key)) for hop in path.hops):
        return None
    if (name and not _from_client(path, name)) or judging.graph.resolver.once(("limited bodies",), lambda: _limits(judging)):
        return None
    return f"`{what}` takes all that the client sends, or has sent, into memory: $CHAIN."


def _from_client(path: Path, name: str) -> bool:
    """Whether the value of a parameter at the end of a path comes from the request at its beginning."""
    for hop, following, edge in list(zip(path.hops, path.hops[1:], path.edges, strict=False))[::-1]:
        given = next((a for p, a in bound(edge, hop.node, following.node) if p == name), None)
        if given is None or given.ref is None:
            return False
        if hop is path.hops[0]:
            return _is_asked(hop.node, given, path.deed.effect.name)
        if given.ref[0] != "name" or given.ref[1] in hop.node.function.values:
            return False
        name = str(given.ref[1])
    return False


def _is_asked(node: Node, argument: Argument, effect: str) -> bool:
    """Whether an argument of a handler is a part of the request: an upload where it is read, else anything that is asked for."""
    ref = argument.ref
    if ref and ref[0] == "name" and len(values := node.function.values.get(ref[1], ())) == 1:
        ref = values[0]
    root, names = _root(ref)
    if effect.endswith(".read"):
        return bool(names & _UPLOADS)
    asked = {parameter for parameter, _, default in node.function.parameters if default is None and parameter not in _OWN}
    if root in asked:
        return ref == ("name", root) or any(_ADDRESS.search(name) for name in names)
    return root in _OWN and bool(names & _ASKED)


def _root(ref: Ref) -> tuple[str, set[str]]:
    """The first name of a chain, and all names in it."""
    names: set[str] = set()
    while ref is not None and ref[0] in ("attr", "call", "of", "item"):
        names |= {str(ref[2])} if ref[0] == "attr" else set()
        ref = ref[1]
    return (str(ref[1]) if ref and ref[0] == "name" else ""), names


def _limits(judging: Judging) -> list[str]:
    """The files in which something limits all bodies of the project."""
    project = judging.graph.project
    found = dict.fromkeys(path for word in _GUARDS for path in project.files_with(word))
    return [path for path in found if _LIMITED.search(project.read(path).decode("utf-8", "replace"))][:1]


__all__ = ["bodies", "unbounded"]
