"""Checks of the llm-boundary pack: whose documents a search may find, and whose conversation goes on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow, tracing
from guardrail.analysis.checks.model_output import asked_by_tool, identifiers_in, said_by_model

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_PRINCIPAL = frozenset(
    "user current_user user_id tenant tenant_id org org_id"
    " organization organization_id organisation organisation_id account account_id customer customer_id"
    " workspace workspace_id team team_id owner_id principal company_id project_id".split()
)
_PUBLIC = frozenset("public faq faqs help handbook manual catalog catalogue product products website docs documentation".split())
_NARROWS = re.compile(
    r"^(filter|filters|where|where_document|namespace|namespaces|tenant|expr|query_filter|partition_names?|partition_key|pre_filter"
    r"|partition|search_filter|metadata_filter|tenant_id|user_id|shard_key_selector|prefetch)$"
)
_POSITIONAL = {
    "similarity_search": 2,
    "asimilarity_search": 2,
    "similarity_search_with_score": 2,
    "max_marginal_relevance_search": 4,
}


def unfiltered(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Searches over everybody's documents in a definition that knows for whom it searches."""
    known = tracing.identifiers(facts) & _PRINCIPAL
    for match in matches:
        if isinstance(match.node, cst.Call) and known and not _narrowed(facts, match.node) and not _own_store(facts, match.node):
            yield match


def _narrowed(facts: Facts, call: cst.Call) -> bool:
    """Whether the call says what to leave out; what is not known counts as saying it."""
    if any(a.star for a in call.args) or any(a.keyword is not None and _NARROWS.match(a.keyword.value) for a in call.args):
        return True
    if tracing.argument(call, _POSITIONAL.get(flow.called(call), 99)) is not None:
        return True
    more = flow.keyword(call, "search_kwargs")
    return more is not None and (_keys(facts, more) is None or any(_NARROWS.match(k) for k in _keys(facts, more) or ()))


def _keys(facts: Facts, node: cst.CSTNode) -> list[str] | None:
    """The keys of a dict display, None where they are not all known."""
    owner, shown = tracing.resolve(facts, node)
    if not isinstance(shown, cst.Dict):
        return None
    keys = [owner.constant(e.key) for e in shown.elements if isinstance(e, cst.DictElement)]
    return [k for k in keys if isinstance(k, str)] if len(keys) == len(shown.elements) else None


def _own_store(facts: Facts, call: cst.Call) -> bool:
    """Whether the store itself is the principal's own, or is meant for all: its name, or what it was made of, says so."""
    of = flow.receiver(call)
    index = flow.keyword(call, "collection_name") or flow.keyword(call, "index_name")
    for start in (of, index):
        for owner, part in tracing.trace(facts, start) if start is not None else ():
            name = tracing.name_of(owner, part) if isinstance(part, (cst.Name, cst.Attribute)) else _said(owner, part)
            words = tracing.words_of(name)
            if name.lower() in _PRINCIPAL or words & _PUBLIC or "tenant" in words:
                return True
    return False


def _said(facts: Facts, node: cst.CSTNode) -> str:
    value = facts.constant(node) if isinstance(node, cst.SimpleString) else None
    return value if isinstance(value, str) else ""


def chosen_by_model(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Filters whose tenant or user is a tool argument or a model's answer."""
    for match in matches:
        for origin, part in tracing.trace(*match.env["X"]):
            if isinstance(part, cst.DictElement) and _is_principal(origin.constant(part.key)) and _models(origin, part.value):
                yield match
                break


def _is_principal(key: object) -> bool:
    return isinstance(key, str) and key.lower() in _PRINCIPAL


def _models(facts: Facts, node: cst.CSTNode) -> bool:
    leaves = list(flow.leaves(facts, node))
    return any((asked_by_tool(f, leaf) or said_by_model(f, leaf)) and not flow.checked(f, leaf) for f, leaf in leaves)


def anybodys_thread(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Conversations that go on under an id of the client's, which nothing here compares or looks up."""
    for match in matches:
        origin, value = match.env["X"]
        leaves = [(f, leaf) for f, leaf in flow.leaves(origin, value) if f.tainted(leaf)]
        names = tracing.identifiers(facts) & _PRINCIPAL
        mixed = any(identifiers_in(leaf) & _PRINCIPAL for _, leaf in flow.leaves(origin, value))
        if names and leaves and not mixed and not any(_looked_up(facts, origin, part) for part in (value, *(n for _, n in leaves))):
            yield match


def _looked_up(facts: Facts, owner: Facts, node: cst.CSTNode) -> bool:
    """Whether some other call gets the id, or a comparison holds it against something."""
    text = owner.normal(node)
    for other in facts.nodes:
        if isinstance(other, cst.Arg) and facts.normal(other.value) == text and other.value is not node:
            return True
        if isinstance(other, cst.Comparison) and text in (
            facts.normal(other.left),
            *(facts.normal(c.comparator) for c in other.comparisons),
        ):
            return True
    return False
