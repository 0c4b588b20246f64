"""Shapes of caches: one that is filled here, and one that is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import named, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match


def filled_here(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A cache that the definition looks into and fills, and that outlives the call."""
    stores = {
        facts.normal(node.target.value)
        for node in facts.nodes
        if isinstance(node, cst.AssignTarget) and isinstance(node.target, cst.Subscript)
    }
    for match in matches:
        cache = named(match, "C")
        asked = not isinstance(facts.parent(match.node), (cst.AssignTarget, cst.Del))
        if asked and cache is not None and facts.normal(cache[1]) in stores and _outlives(facts, cache[1]):
            yield match


def outlives_the_call(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Uses of a cache that is no local dict."""
    for match in matches:
        cache = named(match, "C")
        if cache is None or _outlives(facts, cache[1]):
            yield match


def _outlives(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a value is there for the next call too: an attribute, a global, a parameter, something that a call gave."""
    if not isinstance(node, cst.Name):
        return True
    binds = [bind for owner, bind in facts.origins(node) if owner is facts and bind.kind == "value"]
    return not any(isinstance(bind.node, (cst.Dict, cst.DictComp)) or facts.types(bind.node) & {"dict"} for bind in binds)


def cache_class(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """What a class that is named for a cache knows of its entries, their number and their age."""
    if "cache" in words_of(facts.owner):
        yield from matches
