"""Redis commands that wait on the server for longer than the client's socket does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.tracing import argument

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_DEFAULT = 5  # seconds: socket_timeout of redis-py from 8.0 on; before that there was none
_CLIENTS = frozenset(
    f"{package}.{name}"
    for package in ("redis", "redis.asyncio")
    for name in ("Redis", "from_url", "Redis.from_url", "RedisCluster", "cluster.RedisCluster", "RedisCluster.from_url")
)
# Where the time to wait stands, and in how many parts of a second it is given.
_WAITS: dict[str, tuple[int, str, int]] = {
    "blpop": (1, "timeout", 1),
    "brpop": (1, "timeout", 1),
    "brpoplpush": (2, "timeout", 1),
    "blmove": (2, "timeout", 1),
    "blmpop": (0, "timeout", 1),
    "bzpopmin": (1, "timeout", 1),
    "bzpopmax": (1, "timeout", 1),
    "bzmpop": (0, "timeout", 1),
    "xread": (2, "block", 1000),
    "xreadgroup": (4, "block", 1000),
    "wait": (1, "timeout", 1000),
}
_FROM_ZERO = frozenset("blpop brpop brpoplpush bzpopmin bzpopmax".split())  # no time given: for ever


def longer_than_set(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The client has a `socket_timeout` that is not longer than the command waits."""
    for call, seconds, limit in _outlasted(facts, matches):
        if limit is not None:
            yield facts.match(call, _message(facts, call, seconds, f"socket_timeout={limit:g}"))


def longer_than_default(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The client has the default of redis-py 8, five seconds, and the command waits as long or longer."""
    for call, seconds, limit in _outlasted(facts, matches):
        if limit is None:
            yield facts.match(call, _message(facts, call, seconds, "the 5 seconds that redis-py 8 gives every socket"))


def _message(facts: Facts, call: cst.Call, seconds: float, limit: str) -> str:
    long = "for ever" if seconds == 0 else f"for {seconds:g} seconds"
    return f"`{facts.code(call.func)}` waits {long}, and its client has {limit}."


def _outlasted(facts: Facts, matches: Iterable[Match]) -> Iterator[tuple[cst.Call, float, float | None]]:
    for match in matches:
        if not isinstance(match.node, cst.Call) or _handled(facts, match.node):
            continue
        seconds = _seconds(facts, match.node)
        limits = {_limit(owner, made) for owner, made in flow.makers(facts, flow.receiver(match.node))}
        if seconds is None or len(limits) != 1:
            continue
        known, limit = limits.pop()
        if known and (seconds == 0 or seconds >= (limit if limit is not None else _DEFAULT)):
            yield match.node, seconds, limit


def _seconds(facts: Facts, call: cst.Call) -> float | None:
    """How long the command waits, 0 for ever, None where it is not known or does not wait."""
    at, keyword, parts = _WAITS[flow.called(call)]
    if any(a.star for a in call.args):
        return None
    given = argument(call, at, keyword)
    if given is None:
        return 0 if flow.called(call) in _FROM_ZERO else None
    value = facts.constant(given)
    if value is None:
        return 0 if flow.called(call) in _FROM_ZERO else None
    return value / parts if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _limit(facts: Facts, made: cst.CSTNode) -> tuple[bool, float | None]:
    """Whether the client's socket timeout is known, and what it was set to (None: not set)."""
    if not isinstance(made, cst.Call) or not facts.names(made.func) & _CLIENTS:
        return False, None
    if any(a.star for a in made.args) or "socket_timeout" in facts.code(made.func):
        return False, None
    if flow.keyword(made, "connection_pool") is not None or flow.keyword(made, "single_connection_client") is not None:
        return False, None
    given = flow.keyword(made, "socket_timeout")
    if given is None:
        return not any("socket_timeout" in facts.code(a.value) for a in made.args), None
    value = facts.constant(given)
    return (True, float(value)) if isinstance(value, (int, float)) and not isinstance(value, bool) else (False, None)


def _handled(facts: Facts, call: cst.Call) -> bool:
    """Whether the code expects that the socket gives up first."""
    return any(
        isinstance(a, cst.Try) and any(h.type is not None and "Timeout" in facts.code(h.type) for h in a.handlers)
        for a in facts.ancestors(call)
    )
