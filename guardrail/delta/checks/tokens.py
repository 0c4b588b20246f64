"""What is asked of tokens and of answers of a login."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from guardrail.delta.align import align
from guardrail.delta.compare import Lost
from guardrail.delta.guards import Guard, guards, nodes_of
from guardrail.delta.weaker import weaker
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

_DECODE = frozenset({"jwt.decode", "jose.jwt.decode", "jwt.PyJWT.decode"})
_SYMMETRIC = re.compile(r"\bHS\d{3}\b")
_NONE = re.compile(r"(?i)[\"']none[\"']")
_CALLERS = re.compile(r"(?i)jku|header|claims|unverified|token|request|payload|query")


def algorithms(pair: Pair, rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Lists that are gone or longer, and those that name `none`, or a shared secret where a public key was meant."""
    held = list(losses)
    yield from held
    for old, new in _aligned(pair, rule) if not held else ():
        if "A" not in old.env or "A" not in new.env:
            continue
        was, now = (_spelled(g) for g in (old, new))
        if (_NONE.search(now) and not _NONE.search(was)) or (_SYMMETRIC.search(now) and not _SYMMETRIC.search(was)):
            yield Lost(old, new.facts, new.node, message=f"algorithms {was} → {now}.")


def _spelled(guard: Guard) -> str:
    facts, node = guard.env["A"]
    facts, node = facts.deref(node) or (facts, node)
    return facts.code(node)


def verified(pair: Pair, rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """`verify_…` options, and `verify` itself, that are false now."""
    for old, new in _aligned(pair, rule):
        before, after = _switched_off(old.facts, old.node), _switched_off(new.facts, new.node)
        for name in sorted(after - before):
            yield Lost(old, new.facts, new.node, message=f"`{new.facts.code(new.node.func)}` {name} True → False.")


def _aligned(pair: Pair, rule: Rule) -> Iterator[tuple[Guard, Guard]]:
    """The guards of base with what became of them."""
    base, head = guards(pair.base, rule.patterns, rule), [g for f in pair.heads for g in guards(f, rule.patterns, rule)]
    became = align([(g.facts, g.node) for g in base], [(g.facts, g.node) for g in head])
    by_node = {id(g.node): g for g in head}
    for guard in base:
        place = became.get(id(guard.node))
        if place is not None:
            yield guard, by_node[id(place[1])]


def _switched_off(facts: Facts, call: Any) -> frozenset[str]:
    """What a call of `decode` does not verify."""
    found = {a.keyword.value for a in call.args if a.keyword is not None and _is_false(facts, a.value)}
    options = next((a.value for a in call.args if a.keyword is not None and a.keyword.value == "options"), None)
    where, node = (facts.deref(options) or (facts, options)) if options is not None else (facts, None)
    for element in getattr(node, "elements", ()):
        if kind_of(element) == "DictElement" and _is_false(where, element.value):
            found.add(where.code(element.key).strip("\"'"))
    return frozenset(name for name in found if name.startswith("verify"))


def _is_false(facts: Facts, node: Any) -> bool:
    return facts.constants(node) == (False,)


def keys_from(pair: Pair, rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """Addresses of keys that the token or the caller names now, or that nothing encrypts."""
    for old, new in _aligned(pair, rule):
        (before, was), (after, now) = old.env["U"], new.env["U"]
        known, here = before.constants(was), after.constants(now)
        plain = (
            all(str(v).startswith("http://") for v in here) and bool(here) and not any(str(v).startswith("http://") for v in known)
        )
        asked = bool(known) and not here and (after.tainted(now) or _CALLERS.search(after.code(now)) is not None)
        if plain or asked:
            message = f"The keys come from `{after.code(now)}`; it was `{before.code(was)}`."
            yield Lost(old, new.facts, new.node, message=message)


def required_claims(pair: Pair, rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """`require` of the options that is gone while the token is still decoded, or shorter."""
    assert rule.delta is not None
    if any(guards(f, rule.patterns, rule) for f in pair.heads):
        for old, new in _aligned(pair, rule):
            if weaker(old.env["A"], new.env["A"], rule.delta.weakened["A"]):
                yield Lost(old, new.facts, new.node, new, "A")
        return
    held = list(losses)
    yield from held
    if held:
        return
    for guard in guards(pair.base, rule.patterns, rule):
        for facts in pair.heads:
            for node in nodes_of(facts):
                if type(node).__name__ == "Call" and facts.names(node.func) & _DECODE:
                    yield Lost(guard, facts, node)
                    return


def state_checks(pair: Pair, rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """One loss for a check, whichever of its parts was seen."""
    if any(guards(f, rule.patterns, rule) for f in pair.heads):
        return
    seen: set[int] = set()
    for lost in losses:
        if lost.guard.line not in seen:
            seen.add(lost.guard.line)
            yield lost
