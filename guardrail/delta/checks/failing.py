"""Handlers of errors, and codes that say that something failed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from guardrail.delta.align import align
from guardrail.delta.compare import Lost
from guardrail.delta.guards import Guard, inside, nodes_of
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

_READ = frozenset({"status_code", "returncode", "ok", "status", "check_returncode", "is_success", "is_error", "CalledProcessError"})
_BROAD = frozenset({"Exception", "BaseException", ""})
_CLOSES = frozenset("close aclose disconnect release shutdown terminate unlink cleanup stop quit".split())
_COLLECTS = re.compile(r"(?i)suppress|ignor|error|exception|catch|swallow|collect")


def status_unread(pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Losses in definitions that do not look at the status themselves now."""
    head = frozenset().union(*(f.definition.words for f in pair.heads if f.definition))
    if head & _READ - pair.old.words:
        return
    for lost in losses:
        if not (kind_of(lost.node) == "Call" and "check=True" in lost.facts.code(lost.node).replace(" ", "")):
            yield lost


def handlers(pair: Pair, _rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """Handlers of named errors that catch all of them now, and those that no longer raise."""
    before = [(pair.base, n) for n in nodes_of(pair.base) if kind_of(n) == "Try" and n.handlers]
    after = [(f, n) for f in pair.heads for n in nodes_of(f) if kind_of(n) == "Try" and n.handlers]
    became = align([(f, t.body) for f, t in before], [(f, t.body) for f, t in after])
    of_body = {id(t.body): (f, t) for f, t in after}
    for facts, old in before:
        place = became.get(id(old.body))
        if place is not None:
            yield from _compared(facts, old, *of_body[id(place[1])])


def _compared(base: Facts, old: Any, head: Facts, new: Any) -> Iterator[Lost]:
    known = {_caught(base, h): h for h in old.handlers}
    now = {_caught(head, h): h for h in new.handlers}
    was_broad = any(_BROAD & types for types in known)
    for types, handler in now.items():
        gone = [h for t, h in known.items() if t not in now and not t & _BROAD]
        if types & _BROAD and not was_broad and gone and not _raises(head, handler):
            was = ", ".join(sorted(_caught(base, gone[0])))
            message = f"The handler catches {_said(types)}; it was {was}."
            yield Lost(Guard(base, gone[0], {}, 0), head, handler, message=message)
            return
    for types, handler in now.items():
        before = known.get(types)
        if before is not None and _ends_raising(before) and not _raises(head, handler) and not _moved(before, handler):
            message = f"The handler of {_said(types)} raised; now it goes on as if nothing had happened."
            yield Lost(Guard(base, _raise_of(base, before), {}, 0), head, handler, message=message)


def _said(types: frozenset[str]) -> str:
    return ", ".join(sorted(types)) if types != {""} else "everything (a bare `except`)"


def _caught(facts: Facts, handler: Any) -> frozenset[str]:
    if handler.type is None:
        return frozenset({""})
    items = [e.value for e in handler.type.elements] if kind_of(handler.type) == "Tuple" else [handler.type]
    return frozenset(facts.code(i).rpartition(".")[2] for i in items)


def _raises(facts: Facts, handler: Any) -> bool:
    return _raise_of(facts, handler) is not None or any(
        kind_of(n) == "Call"
        and facts.code(n.func).rpartition(".")[2] in ("abort", "fail", "exit", "_exit", "skip", "set_exception")
        for n in nodes_of(facts)
        if inside(facts, n, handler)
    )


def _raise_of(facts: Facts, handler: Any) -> Any:
    return next((n for n in nodes_of(facts) if kind_of(n) == "Raise" and inside(facts, n, handler)), None)


def _ends_raising(handler: Any) -> bool:
    last = handler.body.body[-1] if handler.body.body else None
    small = last.body[-1] if kind_of(last) == "SimpleStatementLine" and last.body else last  # type: ignore[union-attr]
    return kind_of(small) == "Raise"


def _moved(_before: Any, handler: Any) -> bool:
    """Whether the handler returns an error of its own: a response, not silence."""
    last = handler.body.body[-1] if handler.body.body else None
    small = last.body[-1] if kind_of(last) == "SimpleStatementLine" and last.body else last  # type: ignore[union-attr]
    return kind_of(small) == "Return" and kind_of(getattr(small, "value", None)) in ("Call", "Tuple", "Await")


def cleaned_up(pair: Pair, _rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """`finally` blocks whose calls head makes outside of any `finally` and `with`."""
    for old in (n for n in nodes_of(pair.base) if kind_of(n) == "Try" and n.finalbody is not None):
        calls = [n for n in nodes_of(pair.base) if kind_of(n) == "Call" and inside(pair.base, n, old.finalbody)]
        wanted = {pair.base.code(n.func) for n in calls}
        for facts in pair.heads:
            node = next((n for n in nodes_of(facts) if kind_of(n) == "Call" and facts.code(n.func) in wanted), None)
            safe = any(_is_final(facts, n) for n in nodes_of(facts) if kind_of(n) == "Call" and facts.code(n.func) in wanted)
            if node is not None and not safe and _after(pair.base, old.body, facts, node):
                message = f"`{facts.code(node)[:60]}` was in a `finally`; an error now skips it."
                yield Lost(Guard(pair.base, calls[0], {}, 0), facts, node, message=message)


def _after(base: Facts, body: Any, head: Facts, node: Any) -> bool:
    """Whether head makes a call of the guarded block before the node, and its error would get as far as the node."""
    risky = {base.code(n.func) for n in nodes_of(base) if kind_of(n) == "Call" and inside(base, n, body)}
    around = {id(above) for above in head.ancestors(node)}
    before = (n for n in takewhile(lambda n: n is not node, nodes_of(head)) if kind_of(n) == "Call" and head.code(n.func) in risky)
    return any(not any(_stops(head, above) and id(above) not in around for above in head.ancestors(n)) for n in before)


def _stops(facts: Facts, block: Any) -> bool:
    """Whether an error of a block may end there: a `try` with handlers, a `with` that is about errors."""
    if kind_of(block) == "With":
        return any(_COLLECTS.search(facts.code(item.item)) is not None for item in block.items)
    return kind_of(block) == "Try" and bool(block.handlers)


def _is_final(facts: Facts, node: Any) -> bool:
    around: list[Any] = list(facts.ancestors(node))
    deferred = any(word in facts.code(a.func) for a in around if kind_of(a) == "Call" for word in ("defer", "callback"))
    return deferred or any(kind_of(a) in ("Finally", "ExceptHandler") for a in around)


def unasked(pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Questions for a status that raised or left, where what has the status is still there and nothing asks for it."""
    head = frozenset().union(*(f.definition.words for f in pair.heads if f.definition))
    for lost in losses:
        facts, node = lost.guard.itself
        asked = {
            n.value.value
            for n in nodes_of(facts)
            if kind_of(n) == "Attribute" and kind_of(n.value) == "Name" and inside(facts, n, node.test)
        }
        leaves = any(kind_of(n) in ("Raise", "Return") and inside(facts, n, node.body) for n in nodes_of(facts))
        if leaves and asked & head and not head & (_READ | {"exitcode", "raise_for_status", "check"}):
            yield lost


def left_open(pair: Pair, _rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """Things that a `finally` closed, made by head as before and closed nowhere."""
    for old in (n for n in nodes_of(pair.base) if kind_of(n) == "Try" and n.finalbody is not None):
        for call in (n for n in nodes_of(pair.base) if kind_of(n) == "Call" and inside(pair.base, n, old.finalbody)):
            name, _, method = pair.base.code(call.func).rpartition(".")
            made = _made(pair.base, name)
            if method not in _CLOSES or not made:
                continue
            for facts in pair.heads:
                node = next((n for n in _assigned(facts, name) if facts.normal(n.value) in made), None)
                if node is not None and not _given_on(facts, name):
                    message = f"`{name}` was closed in a `finally`; now nothing closes it."
                    yield Lost(Guard(pair.base, call, {}, 0), facts, node, message=message, movable=False)


def _assigned(facts: Facts, name: str) -> list[Any]:
    return [n for n in nodes_of(facts) if kind_of(n) == "Assign" and facts.code(n.targets[0].target) == name]


def _made(facts: Facts, name: str) -> set[str]:
    return {facts.normal(n.value) for n in _assigned(facts, name) if kind_of(n.value) in ("Call", "Await")} if name else set()


def _given_on(facts: Facts, name: str) -> bool:
    """Whether something else closes it: a call of its own, a `with`, whoever gets it."""
    for node in nodes_of(facts):
        kind = kind_of(node)
        code = facts.code(node.func) if kind == "Call" else ""
        if code in {f"{name}.{method}" for method in _CLOSES} or (
            kind == "Return" and node.value is not None and facts.code(node.value) == name
        ):
            return True
        if kind == "WithItem" and name in facts.code(node.item):
            return True
        if kind == "Call" and any(facts.code(a.value) in (name, f"{name}.close") for a in node.args):
            return True
    return False
