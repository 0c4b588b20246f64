"""Locks that live in another system: are they locks, and does the holder release only his own?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import argument, calls, function_name, method, named, resolve, symbol, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_LOCKS = frozenset("lock locks locked locking mutex lease leader leadership semaphore".split())
_RELEASES = frozenset("release unlock exit aexit unlocks releases".split())
_ATOMIC = frozenset("eval evalsha register_script script watch delex transaction".split())


def _speaks_of_lock(facts: Facts, node: cst.CSTNode | None) -> bool:
    words = words_of(symbol(facts))
    if node is not None:
        owner, found = resolve(facts, node)
        words |= words_of(facts.code(node)) | words_of(owner.code(found))
    return bool(words & _LOCKS)


def about_a_lock(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The key, or what the code around it is called, says that this is a lock."""
    for match in matches:
        key = named(match, "K")
        if key is not None and _speaks_of_lock(*key):
            yield match


def _takes(call: cst.Call) -> bool:
    """Whether a call takes a key only where nobody has it."""
    if method(call) in ("setnx", "add"):
        return method(call) == "setnx" or len(call.args) > 1
    return method(call) == "set" and any(a.keyword is not None and a.keyword.value == "nx" for a in call.args)


def deletes_a_lock_it_may_not_own(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A plain delete of a lock key that this function takes, or of the one that its class takes."""
    own = facts.definition.words if facts.definition is not None else frozenset()
    if _ATOMIC & own:
        return
    taken = [call for call in calls(facts) if _takes(call)]
    firsts = [argument(call, 0, "key") or argument(call, 0, "name") for call in taken]
    keys = {facts.normal(first) for first in firsts if first is not None}
    for match in matches:
        key = named(match, "K")
        if key is None or not _speaks_of_lock(*key):
            continue
        if facts.normal(key[1]) in keys or (_releases(facts, match) and _taken_by_class(facts)):
            yield match


def _releases(facts: Facts, match: Match) -> bool:
    return bool(words_of(function_name(facts, match.node)) & _RELEASES)


def _taken_by_class(facts: Facts) -> bool:
    """Whether a sibling (or, outside of classes, another function of the file) takes a key with `nx`, without a script."""
    prefix = facts.owner + "." if facts.owner else ""
    siblings = [d for d in facts.file.index.definitions if d.kind == "function" and d.symbol.startswith(prefix)]
    return any({"setnx", "nx"} & d.words for d in siblings)
