"""Calls that store one more row each time: `create`, an INSERT statement, a new object that a session commits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from guardrail.systemic.effects import Effect
from guardrail.systemic.facts import Ref, Site
from guardrail.systemic.graph import Deed, Graph, Node
from guardrail.systemic.refs import last_name, names_called

_MANAGER = re.compile(r"^django\.db\.models\.QuerySet\.(create|bulk_create|acreate|abulk_create)$")
_AT_ONCE = ("asyncpg.", "databases.")  # each statement commits by itself
_STATEMENT = re.compile(r"\s*insert\s+into\b", re.I)
_ONCE_ONLY = re.compile(r"\bon\s+(conflict|duplicate)\b|\bnot\s+exists\b", re.I)
_TELLS_APART = frozenset(
    {"on_conflict_do_nothing", "on_conflict_do_update", "on_duplicate_key_update", "prefix_with", "from_select"}
)
_CONFLICTS = frozenset({"ignore_conflicts", "update_conflicts"})
_UNIQUE = re.compile(r"\bunique\s*=\s*True|\bUniqueConstraint\b|\bunique_together\b|\bOneToOneField\b")
_OWN_KEY = re.compile(
    r"^(id|pk|uuid|guid|slug|token|code|key|reference|\w+_(uuid|key|token|ref|reference))$|idempoten|dedup|external", re.I
)
_RECORDS = re.compile(
    r"(log|audit|attempt|history|metric|trace|heartbeat|snapshot|run|stat)s?$", re.I
)  # one for each attempt is meant


def inserts(graph: Graph, node: Node) -> Iterator[Deed]:
    """The effects of kind `insert` of a function, at the call that makes the row stay."""
    for deed in node.deeds:
        if _stores(graph, node, deed):
            yield replace(deed, effect=Effect("insert", deed.effect.name))


def _stores(graph: Graph, node: Node, deed: Deed) -> bool:
    """Whether an effect leaves one more row behind each time."""
    name, site = deed.effect.name, deed.site
    if _MANAGER.match(name):
        return not _is_told_apart(site) and not _is_unique(graph, node, site.ref)
    if deed.effect.kind.startswith("write"):
        return name.startswith(_AT_ONCE) and _is_insert(site)
    return deed.effect.kind.startswith("commit") and name.endswith(".commit") and _commits_new(graph, node, site)


def _is_told_apart(site: Site) -> bool:
    """Whether a row carries a key, by which the second is known or refused."""
    return any(a.keyword in _CONFLICTS or _OWN_KEY.search(a.keyword) or a.keyword == "**" for a in site.arguments)


def _is_unique(graph: Graph, node: Node, ref: Ref) -> bool:
    """Whether the table of a manager refuses a second row, keeps one for each attempt on purpose, or is not known."""
    kinds = graph.resolver.types(ref[1], node.module, node.function) if ref and ref[0] == "attr" else frozenset()
    names = {kind.partition("[")[2].rstrip("]") for kind in kinds} - {""}
    return not names or any(_is_kept_single(graph, name) for name in names)


def _is_kept_single(graph: Graph, name: str) -> bool:
    """The same of a class, found out once."""
    return bool(graph.resolver.once(("kept single", name), lambda: [name] if _refuses(graph, name) else []))


def _refuses(graph: Graph, name: str) -> bool:
    found = graph.project.locate(name)
    if found is None or found[1] not in found[0].classes or _RECORDS.search(name):
        return True
    return _UNIQUE.search(_text_of_class(graph, found[0].path, found[0].classes[found[1]].line)) is not None


def _text_of_class(graph: Graph, path: str, line: int) -> str:
    """The lines of a class, from its header to the next line that is not indented deeper."""
    lines = graph.project.read(path).decode("utf-8", "replace").split("\n")[line - 1 :]
    indent = len(lines[0]) - len(lines[0].lstrip())
    for number, text in enumerate(lines[1:], 1):
        if text.strip() and not text.lstrip().startswith((")", "#")) and len(text) - len(text.lstrip()) <= indent:
            return "\n".join(lines[:number])
    return "\n".join(lines)


def _is_insert(site: Site) -> bool:
    """Whether the first argument is an INSERT that adds a row whatever is there already."""
    first = site.arguments[0] if site.arguments else None
    if first is None:
        return False
    text = first.value if isinstance(first.value, str) else _text(first.ref)
    if text:
        return _STATEMENT.match(text) is not None and _ONCE_ONLY.search(text) is None
    called = names_called(first.ref)
    return "insert" in called and not called & _TELLS_APART


def _text(ref: Ref) -> str:
    """The text in `text("insert …")`."""
    inner = ref[2][0] if ref and ref[0] == "call" and ref[2] else None
    return str(inner[1]) if inner and inner[0] == "text" and last_name(ref[1] if ref else None) == "text" else ""


def _commits_new(graph: Graph, node: Node, commit: Site) -> bool:
    """Whether a session or connection has been given a new row in the same function before it commits."""
    for site in node.function.sites:
        if site.kind == "call" and site.line <= commit.line and site.ref and site.ref[0] == "attr":
            if site.ref[2] in ("execute", "add") and any(a.kind == "except" for a in site.around):
                continue
            if site.ref[2] == "execute" and _is_insert(site):
                return True
            if site.ref[2] == "add" and commit.ref and site.ref[1] == commit.ref[1] and _is_new(graph, node, site):
                return True
    return False


def _is_new(graph: Graph, node: Node, site: Site) -> bool:
    """Whether what is added to a session is made in this function, of a table that takes it twice."""
    given = site.arguments[0].ref if site.arguments else None
    values = node.function.values.get(str(given[1]), ()) if given and given[0] == "name" else (given,)
    if not values or not all(value and value[0] == "call" for value in values):
        return False
    made = {n for value in values if value for n in graph.resolver.names(value[1], node.module, node.function)}
    rows = [n for n in made if graph.project.klass(n)]
    return bool(rows) and not any(_is_kept_single(graph, name) for name in rows) and not _has_key(node, values)


def _has_key(node: Node, values: tuple[Ref, ...]) -> bool:
    """Whether the call that makes the row gives it a key of its own."""
    return any(
        _is_told_apart(site)
        for site in node.function.sites
        for value in values
        if value and site.kind == "call" and site.ref == value[1]
    )


__all__ = ["inserts"]
