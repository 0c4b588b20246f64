"""Shapes of retries: loops that try again, pauses that grow, and circuit breakers made by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.tracing import identifiers, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.analysis.walk import descendants

_COUNTING = frozenset("attempt attempts retry retries retrying tries tried trial backoff delays delay failures".split())
_ASKS = frozenset(("input", "prompt", "getpass", "confirm"))
_PAUSES = frozenset(("sleep", "wait", "backoff"))
_FAILURES = re.compile(r"(^|[._])(consecutive_\w+|(fail|failure|error|exception)(s|ed)?(_(count|counter|total|times|seen))?)$")
_POLICY = frozenset("retry retries retrying retrier backoff breaker jitter".split())
_NO_POLICY = frozenset("warning test tests form view button details event kws hook serializer".split())
_LIBRARIES = tuple("tenacity. urllib3. pybreaker. circuitbreaker. aiobreaker. kazoo. redis. backoff. stamina. google.".split())
_PLAIN = frozenset(("__repr__", "__str__", "__eq__", "__hash__", "__len__"))
_SPEAKS = re.compile(r"\bfor _ in range\b|(?i:attempt|retr(?:y|ies)|tries|trial)")
_OFTEN = re.compile(r"(?i)^_?(max_|num_|n_|total_)?(attempts|retries|tries)$")
_STATE = re.compile(r"^retry_(call_)?(state|context|info)$")
_PAUSE = re.compile(r"(?i)(^|_)(wait|backoff|jitter|delay|delays|interval)(_|$)")
_EXITS = (cst.Return, cst.Break)
_LOOPS = (cst.For, cst.While)
_FEW = 12  # of a sort looked at in one place; more is no code that somebody wrote


def tries_again(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A loop around a `try` that success leaves, and that goes on after a failure: after a pause, or counting."""
    if any(True for _ in matches):
        yield from (facts.match(loop) for loop in facts.nodes if isinstance(loop, _LOOPS) and _retries(facts, loop))


def tries_again_by_name(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The same without a pause, in a definition that speaks of attempts, or whose turns are not looked at."""
    own = facts.definition
    if own is not None and _SPEAKS.search("\n".join(facts.file.lines[own.first - 1 : own.last])):
        yield from tries_again(facts, matches)


def _retries(facts: Facts, loop: cst.For | cst.While) -> bool:
    own = list(flow.own_nodes(loop.body))
    tries = [n for n in own if isinstance(n, cst.Try) and n.handlers and _innermost(facts, n) is loop]
    if not tries or any(flow.called(n) in _ASKS for n in own):
        return False
    paused, counted = any(flow.called(n) in _PAUSES for n in own), _counts(loop, own)
    for attempt in tries[:_FEW]:
        sure, perhaps = _succeeds(facts, loop, attempt, own)
        on = any(not _leaves(handler.body) for handler in attempt.handlers)
        if on and ((sure and (paused or counted or _same_again(loop, attempt))) or (perhaps and paused and counted)):
            return True
    return False


def _innermost(facts: Facts, node: cst.CSTNode) -> cst.CSTNode | None:
    """The loop whose turn runs the node."""
    return next((a for a in facts.ancestors(node) if isinstance(a, _LOOPS)), None)


def _counts(loop: cst.For | cst.While, own: list[cst.CSTNode]) -> bool:
    """Whether the loop speaks of attempts: in its header, or in a counter that it moves."""
    head: list[cst.CSTNode] = [loop.target, loop.iter] if isinstance(loop, cst.For) else [loop.test]
    head += [n.target for n in own if isinstance(n, cst.AugAssign)]
    return any(words_of(n.value) & _COUNTING for part in head for n in descendants(part) if isinstance(n, cst.Name))


def _same_again(loop: cst.For | cst.While, attempt: cst.Try) -> bool:
    """`for _ in range(3)`: each turn does the very same."""
    if not isinstance(loop, cst.For) or flow.called(loop.iter) != "range" or not isinstance(loop.target, cst.Name):
        return False
    return not any(isinstance(n, cst.Name) and n.value == loop.target.value for n in descendants(attempt.body))


def _succeeds(facts: Facts, loop: cst.For | cst.While, attempt: cst.Try, own: list[cst.CSTNode]) -> tuple[bool, bool]:
    """Whether the loop is left when nothing fails: surely, and perhaps."""
    after = [s for s in loop.body.body if facts.order[id(s)] > facts.order[id(attempt)]]
    blocks = [attempt.body, *([attempt.orelse.body] if attempt.orelse is not None else [])]
    sure = any(_leaves(block) for block in blocks) or any(_exit(s) for s in after)
    asked = {n.value for n in descendants(loop.test) if isinstance(n, cst.Name)} if isinstance(loop, cst.While) else set()
    given = {n.target.value for n in own if isinstance(n, cst.AssignTarget) and isinstance(n.target, cst.Name)}
    tested = bool(asked & given & {n.value for n in descendants(attempt.body) if isinstance(n, cst.Name)})
    below = [n for part in (*blocks, *after) for n in (part, *flow.own_nodes(part))]
    grown = [n.target.value for n in own if isinstance(n, cst.AugAssign) and isinstance(n.target, cst.Name)]
    moved = any(words_of(name) & _COUNTING for name in grown)
    return sure or tested, moved or any(isinstance(n, _EXITS) for n in below)


def _leaves(block: cst.BaseSuite) -> bool:
    """Whether a block ends in leaving the loop."""
    return bool(block.body) and _exit(block.body[-1])


def _exit(statement: cst.CSTNode) -> bool:
    """`return`, `break`, `raise`, also inside of a `with`, and where both ways of an `if` leave."""
    if isinstance(statement, cst.SimpleStatementLine):
        return any(isinstance(s, (*_EXITS, cst.Raise)) for s in statement.body)
    if isinstance(statement, cst.With):
        return _leaves(statement.body)
    if isinstance(statement, cst.If) and isinstance(statement.orelse, cst.Else):
        return _leaves(statement.body) and _leaves(statement.orelse.body)
    return isinstance(statement, (*_EXITS, cst.Raise))


def pause_grows(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A pause in a loop that doubles, by a power or by a delay that the loop multiplies."""
    for match in islice(matches, _FEW):
        loop = _innermost(facts, match.node)
        if loop is None or not isinstance(match.node, cst.Call) or not match.node.args:
            continue
        parts = descendants(match.node.args[0].value)
        names = {n.value for n in parts if isinstance(n, cst.Name)}
        if any(isinstance(n, (cst.Power, cst.LeftShift)) for n in parts) or _multiplied(loop, names):
            yield match


def _multiplied(loop: cst.CSTNode, names: set[str]) -> bool:
    """`delay *= 2`, `delay = min(delay * 2, cap)`."""
    for node in flow.own_nodes(loop):
        if isinstance(node, cst.AugAssign) and isinstance(node.operator, cst.MultiplyAssign):
            if isinstance(node.target, cst.Name) and node.target.value in names:
                return True
        if isinstance(node, cst.Assign) and isinstance(node.targets[0].target, cst.Name):
            name = node.targets[0].target.value
            below = descendants(node.value)
            again = any(isinstance(n, cst.Name) and n.value == name for n in below)
            if name in names and again and any(isinstance(n, (cst.Multiply, cst.Power)) for n in below):
                return True
    return False


def breaks_circuit(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The time at which something was given up, in a class or function that also counts failures."""
    own = (facts.owner, f"{facts.owner}.")
    bindings = facts.file.index.bindings if facts.owner else ()
    fields = {b.name.lower() for b in bindings if b.scope == own[0] or b.scope.startswith(own[1])}
    if any(_FAILURES.search(name) for name in (*fields, *identifiers(facts))):
        yield from matches


def takes_terms(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A function that is told how often to try and how long to wait, or the state of the attempts so far."""
    for match in matches:
        given = match.node.params if isinstance(match.node, cst.FunctionDef) else None
        names = [p.name.value for p in (*given.posonly_params, *given.params, *given.kwonly_params)] if given else []
        often = [name for name in names if _OFTEN.search(name)]
        if any(map(_STATE.search, names)) or (often and any(map(_PAUSE.search, names))):
            yield match


def own_policy(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A class that is a breaker or a retry policy by its name, and not by a library's; and its methods."""
    words = words_of(facts.owner.rpartition(".")[2])
    if not words & _POLICY or words & _NO_POLICY or any(_of_library(facts, base) for base in facts.class_types(facts.owner)):
        return
    owner = facts.file.definition(facts.owner)
    header = "\n".join(facts.file.lines[owner.first - 1 : owner.header]) if owner is not None else ""
    if not re.search(r"\([^)]*(Error|Exception|Enum|Listener|Warning)\b", header):
        yield from (m for m in matches if isinstance(m.node, (cst.ClassDef, cst.FunctionDef)) and m.node.name.value not in _PLAIN)


def _of_library(facts: Facts, base: str) -> bool:
    """Whether a base is a policy of a library; to the library itself, its policies are its own."""
    return base.startswith(_LIBRARIES) and base.split(".")[0] != facts.file.index.module.split(".")[0]
