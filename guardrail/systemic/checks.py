"""What a path must fulfil beyond its two ends: `check` of rules with `reaches`.

Each gives None where the path is none, a message, or "" for the message of the rule.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from guardrail.systemic.facts import Ref, Site
from guardrail.systemic.lasting import is_kept
from guardrail.systemic.refs import last_name
from guardrail.systemic.synthetic import WHOLE

if TYPE_CHECKING:
    from guardrail.packs import Rule
    from guardrail.systemic.findings import Judging
    from guardrail.systemic.walk import Hop, Path

_NEAR = 3  # functions between a handler and the error that it waits for
_UNTRIED = frozenset({"except", "last"})  # blocks that a retry does not come to again, whatever fails in them
_MOMENT = 0.01  # seconds that nobody notices
_TIMES = re.compile(r"×(\d+)\)")
_QUIET_METHODS = frozenset("get head options put delete".split())
_UNSAFE = frozenset(
    "post patch create charge capture refund transfer payout send publish submit book issue invite trigger start_workflow "
    "send_message sendmail send_mail delay apply_async kiq enqueue basic_publish produce send_task put_events enqueue_job".split()
)
_INSERTS = frozenset({"create", "bulk_create", "acreate"})
_KEYS = frozenset(
    "idempotency_key idempotencykey clienttoken clientrequesttoken client_token messagededuplicationid request_id dedupe_id "
    "job_id task_id _job_id workflow_id id".split()
)
_KEYED = re.compile(r"idempoten|dedup|client_?token|message_?dedup|\b(search|graphql|query)\b", re.I)
_LOCAL = re.compile(r"redis|memcache|^django\.core\.cache")
_MODEL_CALLS = re.compile(r"^(openai|anthropic|litellm|cohere|google\.genai)\.")
_REPLICA = re.compile(r"replica|read_?only", re.I)
_SERIAL = re.compile(
    r"connect|conn\b|session|client|socket|token|refresh|login|init|serial|send|write|io_|db|model|load|file|download|cache", re.I
)


def blocks(judging: Judging, rule: Rule, path: Path) -> str | None:
    """ASY001: a wait that can be long; one that is told not to wait is none."""
    site = path.deed.site
    if path.deed.effect.kind == "sleep" and any(_brief(a.value) for a in site.arguments):
        return None
    if any(last_name(a.ref) == "WNOHANG" for a in site.arguments) or is_kept(path):
        return None
    if path.deed.effect.name.startswith("concurrent.futures.Future.") and (site.arguments or not path.edges or _is_done(path)):
        return None  # who looks at it in the coroutine has mostly awaited it
    return ""


def _is_done(path: Path) -> bool:
    """Whether the function has asked before whether there is a result: `future.done() and future.result()`."""
    sites, ref = path.hops[-1].node.function.sites, path.deed.site.ref
    held = ref[1] if ref and ref[0] == "attr" else None
    return any(s.ref == ("attr", held, "done") and s.line <= path.deed.site.line for s in sites)


def computes(judging: Judging, rule: Rule, path: Path) -> str | None:
    """ASY002: work that is done each time."""
    return None if is_kept(path) else ""


def _brief(value: object) -> bool:
    """Whether a number of seconds is as good as none."""
    return isinstance(value, (int, float)) and value <= _MOMENT


def slow(judging: Judging, rule: Rule, path: Path) -> str | None:
    """TXN001, SQL008: not a cache beside the database, and no sleep of nothing."""
    effect = path.deed.effect
    if _LOCAL.search(effect.name) or any(_brief(a.value) for a in path.deed.site.arguments if effect.kind.startswith("sleep")):
        return None
    return ""


def before_commit(judging: Judging, rule: Rule, path: Path) -> str | None:
    """TXN002: not in a transaction of a replica, which holds nothing back."""
    around = path.context.around
    return None if around and _REPLICA.search(repr(around.ref)) else ""


def retries_the_database(judging: Judging, rule: Rule, path: Path) -> str | None:
    """TXN009: the retry covers a statement of the database, and no transaction of its own."""
    node = path.hops[-1].node
    whole = path.deed.site.kind == WHOLE
    if not path.edges and whole:
        return None
    kinds = judging.graph.effects.group(["query"])
    for deed in node.deeds:
        inside = whole or any(a.line == path.deed.site.line and a.kind == "retry" for a in deed.site.around)
        own = any(c.kind == "transaction" and c.around is not path.context.around for c in judging.contexts.at(node, deed.site))
        if inside and deed.effect.kind in kinds and not (own and node is not path.hops[0].node):
            return ""
    return None


def after_a_write(judging: Judging, rule: Rule, path: Path) -> str | None:
    """CCH007: the transaction has written something, or is about to."""
    node = path.hops[0].node
    kinds = judging.graph.effects.group(["change"])
    walk = judging.walk("transaction", kinds)
    line = path.context.line
    if path.deed.effect.name.startswith("redis") and not any(last_name(path.deed.site.ref) == w for w in ("delete", "unlink")):
        return None
    for deed in walk.deeds(node):
        if any(c.line == line and c.kind == "transaction" for c in judging.contexts.at(node, deed.site)):
            return ""
    for edge in walk.edges(node):
        if any(c.line == line and c.kind == "transaction" for c in judging.contexts.at(node, edge.site)) and walk.down(edge.callee):
            return ""
    return None


def multiplied(judging: Judging, rule: Rule, path: Path) -> str | None:
    """RTY004: two retries that are not the same, of which the product is told."""
    if not path.edges and (path.deed.site.kind == WHOLE or path.deed.site.line == path.context.line):
        return None
    if _is_untried(path):
        return None
    if path.context.sure is False and not path.deed.effect.name.startswith(("@", "a loop")):
        return None  # a queue's redelivery of a client that tries again is how both are meant
    inner = _TIMES.search(path.deed.effect.name)
    if path.context.attempts and inner:
        product = path.context.attempts * int(inner[1])
        return f"Retries inside of retries, {path.context.attempts} × {inner[1]} = {product} calls: $CHAIN."
    return ""


def _is_untried(path: Path) -> bool:
    """Whether a loop that retries does not come again to what is done there: it answers a failure, or leaves the loop behind it."""
    around = path.context.around
    if around is None:
        return False
    kinds: list[str] = []
    for block in (path.edges[0].site if path.edges else path.deed.site).around:
        if block == around:
            return bool(_UNTRIED & set(kinds))
        kinds = [] if block.kind == "try" else [*kinds, block.kind]  # what fails in a `try` goes on at its handlers
    return False


def repeats_an_effect(judging: Judging, rule: Rule, path: Path) -> str | None:
    """RTY005: an effect that is not the same when it happens twice, in a retry that somebody asked for."""
    if path.context.sure is False or not unsafe(path.deed.site, path.deed.effect.name, path.deed.effect.kind):
        return None
    return "" if not _keyed(judging, path) else None


def redelivered(judging: Judging, rule: Rule, path: Path) -> str | None:
    """RTY010: such an effect in a task that is delivered again after an error."""
    first = path.hops[0].node
    if not any(c.kind == "retry" and not c.sure for c in judging.contexts.of_function(first)):
        return None
    if not unsafe(path.deed.site, path.deed.effect.name, path.deed.effect.kind) or _keyed(judging, path):
        return None
    if path.deed.effect.name.startswith(f"{first.module.name}.{first.function.symbol}."):
        return None  # a task that puts itself into the queue tries again
    claims = ("select_for_update", "update", "get_or_create", "exists", "filter", "setnx", "set", "add", "lock")
    before = (s for s in first.function.sites if s.kind == "call" and s.line < path.hops[0].line)
    return None if any(last_name(s.ref) in claims for s in before) else ""


def unsafe(site: Site, name: str, kind: str) -> bool:
    """Whether an effect does more when it happens twice."""
    method = last_name(site.ref)
    if kind.startswith("write"):
        return method in _INSERTS
    if _LOCAL.search(name) or name.endswith("indices.create") or _MODEL_CALLS.match(name) or method in _QUIET_METHODS:
        return False
    if method == "send" and name.startswith(("httpx.", "requests.")):
        return False  # nobody knows which method the request has
    return method in _UNSAFE or kind in ("enqueue", "mail")


def _keyed(judging: Judging, path: Path) -> bool:
    """Whether a key goes along by which the other side knows the second attempt, or the call only asks."""
    if any(a.keyword.lower() in _KEYS for a in path.deed.site.arguments):
        return True
    return any(_KEYED.search(judging.graph.project.text_of(hop.node.key)) for hop in path.hops)


def lock_around_slow_work(judging: Judging, rule: Rule, path: Path) -> str | None:
    """LCK001: the lock that the coroutine waits for is held by somebody during slow work."""
    node, line = path.hops[-1].node, path.deed.site.line
    if any(hop.node.function.name == "__init__" and path.deed.effect.name.startswith(_class_of(hop)) for hop in path.hops):
        return None  # nobody else has this object yet
    walk = judging.walk("lock-thread", judging.graph.effects.group(["net", "proc", "sleep", "read", "write"]))
    for deed in walk.deeds(node):
        if any(a.line == line and a.kind == "with" for a in deed.site.around):
            return ""
    for edge in walk.edges(node):
        if any(a.line == line and a.kind == "with" for a in edge.site.around) and walk.down(edge.callee):
            return ""
    return None


def _class_of(hop: Hop) -> str:
    """The class of a method, with a dot behind it."""
    return f"{hop.node.module.name}.{hop.node.function.owner}."


def needless_under_lock(judging: Judging, rule: Rule, path: Path) -> str | None:
    """LCK002: not a lock that is there to put just this work into a row."""
    name = path.context.identity.rpartition(".")[2] or "lock"
    if _SERIAL.search(name):
        return None
    if path.deed.effect.kind == "sleep" and path.deed.effect.name.startswith("threading.Condition"):
        return None  # waiting gives the lock back
    return ""


def same_lock(judging: Judging, rule: Rule, path: Path) -> str | None:
    """LCK005: the lock at the end is the one at the beginning, of the same object, and cannot be taken twice."""
    same = path.context.identity and path.context.identity == path.deed.effect.name and not path.context.attempts
    if not same or (path.deed.site.line == path.context.line and not path.edges):
        return None
    return "" if all(_own(edge.site.ref, path.context.identity) for edge in path.edges) else None


def _own(ref: Ref, identity: str) -> bool:
    """Whether a call stays with the same object: a method of self, or a plain function."""
    return ref is not None and (
        ref[0] == "name"
        or (ref[0] == "attr" and ref[1] in (("name", "self"), ("name", "cls")))
        or (ref[0] == "attr" and ref[1] and ref[1][0] == "name" and ref[1][1] != "other")
    )


def other_order(judging: Judging, rule: Rule, path: Path) -> str | None:
    """LCK006: somebody takes the same two locks the other way round."""
    first, second = path.context.identity, path.deed.effect.name
    if not first or second in (first, "a lock"):
        return None
    graph = judging.graph
    walk = judging.walk(path.context.kind, frozenset({"lock"}))
    for module in graph.project.callers_of(second.rpartition(".")[2], second.rpartition(".")[0].rpartition(".")[2]):
        for symbol in module.functions:
            node = graph.node((module.path, symbol))
            for kind in ("lock-thread", "lock-async") if node else ():
                for other in walk.through(node, kind, upward=False):  # type: ignore[arg-type]
                    if other.context.identity == second and other.deed.effect.name == first:
                        where = f"{module.path}:{other.hops[0].line}"
                        return f"Two locks are taken in this order here, and in the other order at {where}: $CHAIN."
    return None


def hidden_error(judging: Judging, rule: Rule, path: Path) -> str | None:
    """RTY006: a handler around a call of what tenacity retries names errors, and not the one that arrives."""
    around, last = path.context.around, path.hops[-1].node
    if path.deed.site.kind != WHOLE or around is None or len(path.hops) > _NEAR or around.ref is None:
        return None
    caught = {last_name(ref) for ref in around.ref[1]}
    if caught & {"", "RetryError", "Exception", "BaseException"}:
        return None
    own = last.module.functions["<module>"]
    for ref, _, arguments in last.function.decorators:
        if "tenacity.retry" in judging.graph.resolver.names(ref, last.module, own):
            said = {a.keyword: a.value for a in arguments}
            return (
                None if said.get("reraise") or "retry_error_callback" in said or "**" in said or "retry_error_cls" in said else ""
            )
    return None
