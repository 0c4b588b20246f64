"""Text that other people may have written and a program reads back: retrieved documents, pages, mail, rows, uploads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.model_output import asked_by_tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from guardrail.analysis.facts import Facts, Located

_SEARCHES = re.compile(
    r"^(a?similarity_search\w*|a?max_marginal_relevance_search\w*|get_relevant_documents|aget_relevant_documents|fetch_emails?)$"
)
_FETCHED = re.compile(
    r"^(requests|httpx|aiohttp|urllib\.request|playwright|trafilatura|feedparser|newspaper|imaplib|poplib|email)\b"
    r"|^langchain_community\.document_loaders\.\w+\.(a?load|lazy_load)$|^mcp\.ClientSession\.(call_tool|read_resource)$"
    r"|^llama_index\.(core|readers)\b.*\.(retrieve|aretrieve|load_data)$|^(fastapi|starlette\.datastructures)\.UploadFile\.read$"
    r"|^chromadb\b.*\.(query|get)$|^pinecone\b.*\.query$|^qdrant_client\b.*\.(search|query_points)$"
)
_ROWS = re.compile(
    r"^(get|first|one|one_or_none|scalar|scalars|all|filter|filter_by|fetchone|fetchall|fetchmany|get_object_or_404)$"
)
_FREE = frozenset(
    "body text content description message comment comments note notes subject bio summary page_content html snippet review reply"
    " transcript feedback about".split()
)
_CARRY = frozenset(
    "json read text strip lower replace join get decode splitlines split get_text get_payload BeautifulSoup str extract load fetch"
    " get_content prettify format scalars all first one".split()
)


def stored(facts: Facts, node: cst.CSTNode, depth: int = 0) -> bool:
    """Whether the value is text that came out of a store, a page or a mail."""
    if depth > 12:
        return False
    if isinstance(node, cst.Await):
        return stored(facts, node.expression, depth + 1)
    if isinstance(node, (cst.Attribute, cst.Subscript)):
        return stored(facts, node.value, depth + 1) or (_free(facts, node) and _row(facts, node.value))
    if isinstance(node, cst.Call):
        return _call(facts, node, depth)
    if isinstance(node, cst.Name):
        return any(stored(f, value, depth + 1) for f, value in _values(facts, node))
    return False


def _values(facts: Facts, node: cst.Name) -> Iterator[Located]:
    for origin, bind in facts.origins(node):
        value = bind.node if bind.kind in ("value", "item", "with") else getattr(bind.node, "value", None)
        if bind.kind in ("value", "item", "with", "annotated") and isinstance(value, cst.CSTNode):
            yield origin, value


def _call(facts: Facts, node: cst.Call, depth: int) -> bool:
    name, of = flow.called(node), flow.receiver(node)
    if _SEARCHES.match(name) or any(_FETCHED.match(n) for n in facts.names(node.func)):
        return True
    if name in ("invoke", "ainvoke", "retrieve", "aretrieve") and of is not None and _is_retriever(facts, of):
        return True
    parts = [*([of] if of is not None else []), *(a.value for a in node.args)] if name in _CARRY else []
    return any(stored(facts, part, depth + 1) for part in parts)


def _is_retriever(facts: Facts, node: cst.CSTNode) -> bool:
    made = [flow.called(call) for _, call in flow.makers(facts, node)]
    return "as_retriever" in made or any("retriever" in t.lower() for t in facts.types(node))


def _free(facts: Facts, node: cst.Attribute | cst.Subscript) -> bool:
    """Whether the field is one that people write what they like into."""
    if isinstance(node, cst.Attribute):
        return node.attr.value in _FREE
    keys = [facts.constant(e.slice.value) for e in node.slice if isinstance(e.slice, cst.Index)]
    return any(k in _FREE for k in keys if isinstance(k, str))


def _row(facts: Facts, node: cst.CSTNode, depth: int = 0) -> bool:
    """Whether the value is a row of a database, or one of several."""
    if depth > 8:
        return False
    if isinstance(node, cst.Await):
        return _row(facts, node.expression, depth + 1)
    if isinstance(node, cst.Subscript):
        return _row(facts, node.value, depth + 1)
    if isinstance(node, cst.Call):
        of = flow.receiver(node)
        if _ROWS.match(flow.called(node)) and of is not None:
            return _is_store(facts, of) or _row(facts, of, depth + 1)
        return flow.called(node) in ("get_object_or_404", "aget_object_or_404", "execute") or (
            flow.called(node) in ("order_by", "select_related", "aget", "afirst") and of is not None and _row(facts, of, depth + 1)
        )
    if isinstance(node, cst.Attribute):
        return node.attr.value == "objects"
    return isinstance(node, cst.Name) and any(_row(f, value, depth + 1) for f, value in _values(facts, node))


def _is_store(facts: Facts, node: cst.CSTNode) -> bool:
    text = facts.code(node)
    return re.search(r"\.objects$|\.objects\.|(^|\.|_)(session|db|cursor|cur|conn)$|\.query(\(|$)", text) is not None


def untrusted(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a part of a text was written by somebody else: in a request, for a tool, or into a store."""
    if flow.checked(facts, node):
        return False
    return facts.tainted(node) or asked_by_tool(facts, node) or stored(facts, node)
