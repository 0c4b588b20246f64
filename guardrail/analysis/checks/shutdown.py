"""Processes that are told to end: what becomes of the message in hand, and of the lease?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks import flow, neighbours
from guardrail.analysis.checks.tracing import called, calls, loop_around, method, named
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.model import Unreadable

_STARTED_HERE = re.compile(r"""(?m)^if __name__ == ["']__main__["']""")
_HEARS = re.compile(r"SIGTERM|add_signal_handler|signal\.signal|graceful|systemd|Ctrl-?C handler")
_ACKNOWLEDGES = frozenset(
    "commit commit_sync basic_ack ack xack delete_message delete_message_batch acknowledge store_offsets complete_message".split()
)
_ENDLESS = frozenset({"start_consuming", "KafkaConsumer", "AIOKafkaConsumer"})
_REMOTE = re.compile(r"^(requests|httpx|urllib\.request|urllib3|aiohttp|redis|boto3|consul|kazoo|etcd3|grpc)\.")
_LETS_GO = re.compile(
    r"(?i)^(deregister|unregister_service|release_lock|unlock|revoke_lease|revoke|step_down|resign|release_lease)$"
)


def _deaf(facts: Facts) -> bool:
    """Whether the file says nothing about being told to end."""
    return _HEARS.search(facts.file.source.text) is None


def message_in_hand(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A consumer that acknowledges by itself, started by this very file, with no ear for SIGTERM."""
    if not _STARTED_HERE.search(facts.file.source.text) or not _deaf(facts):
        return
    if not _ACKNOWLEDGES & neighbours.words_of_file(facts):
        return
    for match in matches:
        loop = loop_around(facts, match.node)
        endless = isinstance(loop, cst.While) and facts.constant(loop.test) in (True, 1)
        if endless or method(match.node) in _ENDLESS:
            yield match


def _lets_go(facts: Facts) -> bool:
    """Whether a function calls another machine or gives a lease back."""
    return any(_LETS_GO.match(method(c)) or any(_REMOTE.match(n) for n in called(facts, c)) for c in calls(facts))


def let_go_at_exit(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`atexit` for what other machines wait for."""
    if not _deaf(facts):
        return
    for match in matches:
        if isinstance(match.node, cst.FunctionDef):
            if _lets_go(facts):
                yield match
            continue
        function = named(match, "F")
        if function is not None and _remote_work(*function):
            yield match


def _remote_work(facts: Facts, node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Attribute) and _LETS_GO.match(node.attr.value):
        return True
    if isinstance(node, cst.Lambda):
        return any(isinstance(n, cst.Call) and _LETS_GO.match(method(n)) for n in flow.own_nodes(node))
    if isinstance(node, cst.Attribute) and facts.owner and facts.code(node.value) == "self":
        names = frozenset({f"{facts.owner}.{node.attr.value}"})
    else:
        names = facts.names(node)
    for name in names:
        definition = facts.file.definition(facts.file.local_symbol(name) or "")
        try:
            if definition is not None and definition.kind == "function" and _lets_go(facts.file.facts(definition)):
                return True
        except Unreadable:
            continue
    return False
