"""Shapes of retries: a loop that tries again, and the state of a circuit breaker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import below, loop_around, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_LEAVES = (cst.Raise, cst.Return, cst.Break)
_PAGES = frozenset("page pages cursor offset next_page".split())
_RETRIES = frozenset("retry retries retrying retrier backoff retryable".split())
_TROUBLE = frozenset("error exception test form view".split())
_FAILURES = frozenset("failure failures failed fails fail errors".split())
_OPENING = frozenset("opened open half threshold reset recovery tripped".split())


def tries_again(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Loops whose body is a `try` that ends the loop when it succeeds and goes on when it fails."""
    seen: set[int] = set()
    for match in matches:
        loop = match.node if isinstance(match.node, (cst.For, cst.While)) else loop_around(facts, match.node)
        if isinstance(loop, (cst.For, cst.While)) and id(loop) not in seen:
            seen.add(id(loop))
            if is_retry(facts, loop):
                yield facts.match(loop)


def is_retry(facts: Facts, loop: cst.For | cst.While) -> bool:
    """Whether a loop is about doing one thing until it works; workers that go on for ever and pages that follow are not."""
    if not isinstance(loop.body, cst.IndentedBlock):
        return False
    about = words_of(facts.code(loop.target)) if isinstance(loop, cst.For) else words_of(facts.code(loop.test))
    tries = [s for s in loop.body.body if isinstance(s, cst.Try)]
    tries += [s for o in loop.body.body if isinstance(o, (cst.With, cst.If)) for s in o.body.body if isinstance(s, cst.Try)]
    if about & _PAGES:
        return False
    return any(_goes_on(attempt) and _ends(loop, attempt) for attempt in tries)


def _goes_on(attempt: cst.Try) -> bool:
    """Whether a handler lets the loop turn again."""
    return any(not _always_leaves(handler.body) for handler in attempt.handlers)


def _always_leaves(block: cst.BaseSuite) -> bool:
    last = block.body[-1] if block.body else None
    return isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], _LEAVES)


def _ends(loop: cst.For | cst.While, attempt: cst.Try) -> bool:
    """Whether success leaves the loop: from the `try` or its `else`, or from what follows it in the loop."""
    after = loop.body.body[loop.body.body.index(attempt) + 1 :] if attempt in loop.body.body else ()
    blocks: list[cst.CSTNode] = [attempt.body, *([attempt.orelse] if attempt.orelse else []), *after]
    leaves = any(isinstance(node, (cst.Return, cst.Break)) for block in blocks for node in below(block))
    flag = isinstance(loop, cst.While) and not isinstance(loop.test, cst.Name)
    return leaves or (flag and any(isinstance(node, cst.Assign) for node in below(attempt.body)) and not _is_endless(loop))


def _is_endless(loop: cst.For | cst.While) -> bool:
    return isinstance(loop, cst.While) and isinstance(loop.test, (cst.Name, cst.Integer))


def retry_class(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """What a class that is named for retries knows of its attempts and pauses."""
    if words_of(facts.owner) & _RETRIES and not words_of(facts.owner) & _TROUBLE:
        yield from matches


def breaker_state(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The first use of the state of a class that counts failures and remembers when it opened."""
    first = next(iter(matches), None)
    if first is None or not facts.owner:
        return
    prefix = facts.owner + "."
    own = [b for b in facts.file.index.bindings if b.scope == facts.owner or b.scope.startswith(prefix)]
    fields = [words_of(b.name.rpartition(".")[2]) for b in own if b.name.startswith("self.") or b.scope == facts.owner]
    named = words_of(facts.owner) & {"breaker", "circuit"}
    counts = any(words & _FAILURES for words in fields)
    opens = any(words & _OPENING for words in fields)
    if counts and opens and (named or sum(bool(words & (_FAILURES | _OPENING)) for words in fields) > 2):
        yield first
