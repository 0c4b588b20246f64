"""Keys of a cache, and what is thrown out of it after a write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from guardrail.delta import blocks
from guardrail.delta.compare import Lost
from guardrail.delta.guards import Guard, guards, nodes_of
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

_WRITES = frozenset("save create update delete add commit execute bulk_update bulk_create insert update_or_create asave".split())
_CACHE = re.compile(r"cache|redis|memcache", re.I)
_TELLING = re.compile(r"user|tenant|org|account|locale|lang|customer|version|site|currency|role|workspace|team", re.I)
_WORD = re.compile(r"[A-Za-z_]\w*")


def write_stays(pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Invalidations of definitions that still write what is stored: reported at the write."""
    before = {what for what, _ in blocks.effects(pair.base, nodes_of(pair.base))}
    for lost in losses:
        for facts in pair.heads:
            node = next((n for what, n in blocks.effects(facts, nodes_of(facts)) if what in before and _writes(what)), None)
            if node is not None:
                yield Lost(lost.guard, facts, node, movable=True)
                break


def _writes(what: str) -> bool:
    last = what.rpartition(".")[2]
    return not _CACHE.search(what) and (last in _WRITES or (what.endswith(" =") and "." in what))


def keys(pair: Pair, rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """Keys that name one thing less: the user, the tenant, the language."""
    head = [g for f in pair.heads for g in guards(f, rule.patterns, rule) if _is_key(g)]
    for guard in (g for g in guards(pair.base, rule.patterns, rule) if _is_key(g)):
        old = _parts(guard)
        twins = [g for g in head if g.pattern == guard.pattern and _place(g) == _place(guard)]
        if old and twins and all(_narrower(_parts(g), old) for g in twins):
            facts, node = twins[0].facts, twins[0].node
            missing = ", ".join(sorted(old - _parts(twins[0])))
            yield Lost(guard, facts, node, message=f"The key of the cache no longer has {missing} in it.")
            return


def _is_key(guard: Guard) -> bool:
    if kind_of(guard.node) != "Call":
        return (
            "key" in guard.facts.code(guard.env["K"][1]).lower() and _CACHE.search(guard.facts.code(guard.facts.tree)) is not None
        )
    return True


def _place(guard: Guard) -> str:
    return guard.facts.code(guard.node.func) if kind_of(guard.node) == "Call" else guard.facts.code(guard.env["K"][1])


def _parts(guard: Guard) -> frozenset[str]:
    """The telling words of a key: of what is put into it, not of its text."""
    facts, node = guard.env["K" if kind_of(guard.node) == "Call" else "V"]
    code = facts.code(node)
    if kind_of(node) == "FormattedString":
        code = " ".join(re.findall(r"\{([^{}]*)\}", code))
    elif kind_of(node) == "Name":
        return frozenset()
    return frozenset(w for w in _WORD.findall(code) if _TELLING.search(w) and w not in ("format", "version"))


def _narrower(new: frozenset[str], old: frozenset[str]) -> bool:
    return new < old
