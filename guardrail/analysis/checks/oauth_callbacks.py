"""The way back from an OAuth provider: is the answer bound to the request that was made here?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks import flow, neighbours
from guardrail.analysis.checks.tracing import called, calls, key_read, method, named
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.words import split_words

_PROOF = frozenset("state csrf xsrf verifier pkce nonce".split())
_GOES_NOWHERE = frozenset(
    "redirect RedirectResponse HttpResponseRedirect HTTPFound debug info warning error exception log print".split()
)
_HOLDERS = frozenset("request req app application self".split())
_DRAWERS = frozenset("token_urlsafe token_hex token_bytes uuid4 generate_nonce generate_token get_random_string urandom".split())


def _speaks(text: str) -> bool:
    return bool(_PROOF.intersection(split_words(text)))


def _is_framework_state(node: cst.Attribute) -> bool:
    """`request.state`, `app.state`: where Starlette keeps things, not the `state` of OAuth."""
    base = node.value
    name = base.attr.value if isinstance(base, cst.Attribute) else base.value if isinstance(base, cst.Name) else ""
    return node.attr.value == "state" and name in _HOLDERS


def _only_read(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a key is that of `x = request.args.get("state")`: its reading proves nothing, its use may."""
    for around in facts.ancestors(node):
        read = key_read(facts, around)
        if read is not None:
            parent = facts.parent(around)
            return facts.tainted(around) and isinstance(parent, (cst.Assign, cst.AnnAssign))
        if isinstance(around, cst.BaseSmallStatement):
            break
    return False


def _goes_nowhere(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the value is only logged, or sent on as an address."""
    for around in facts.ancestors(node):
        if isinstance(around, cst.Call) and method(around) in _GOES_NOWHERE:
            return True
        if isinstance(around, (cst.BaseSmallStatement, cst.BaseCompoundStatement)):
            return False
    return False


def _asks(facts: Facts) -> bool:
    """Whether a function does anything with a state, a nonce or a verifier."""
    for node in facts.nodes:
        if isinstance(node, cst.Arg) and node.keyword is not None and _speaks(node.keyword.value):
            return True
        if isinstance(node, cst.Attribute) and _speaks(node.attr.value) and not _is_framework_state(node):
            return True
        parent = facts.parent(node)
        if isinstance(node, cst.Name) and _speaks(node.value):
            if not isinstance(parent, (cst.Param, cst.AssignTarget)) and not _goes_nowhere(facts, node):
                return True
        if isinstance(node, cst.SimpleString) and isinstance(node.evaluated_value, str) and len(node.evaluated_value) < 60:
            if _speaks(node.evaluated_value) and not _only_read(facts, node) and not _goes_nowhere(facts, node):
                return True
    return False


def _is_code(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the node is the code of a callback, or the whole address of one."""
    if isinstance(node, cst.Name):
        return node.value == "code" and facts.tainted(node)
    read = key_read(facts, node)
    if read is not None:
        return read[1] == "code" and facts.tainted(node)
    if method(node) in ("get_argument", "get_query_argument") and isinstance(node, cst.Call) and node.args:
        return facts.constant(node.args[0].value) == "code"
    named_so = isinstance(node, cst.Arg) and node.keyword is not None and node.keyword.value == "authorization_response"
    return named_so and isinstance(node, cst.Arg) and facts.tainted(node.value)


def _is_callback(facts: Facts) -> bool:
    return any(_is_code(facts, node) for node in facts.nodes)


def _session_knows(facts: Facts, match: Match) -> bool:
    """Whether the object that fetches was made elsewhere, by something that speaks of a state."""
    root = flow.receiver(match.node)
    made = [root, *(call for _, call in flow.makers(facts, root))] if root is not None else []
    if root is not None and facts.owner and facts.code(root).startswith("self."):
        return any(
            d.symbol.startswith(facts.owner + ".") and d is not facts.definition and any(map(_speaks, d.words))
            for d in facts.file.index.definitions
        )
    for node in made:
        for name in called(facts, node):
            maker = facts.file.definition(facts.file.local_symbol(name) or "")
            if maker is not None and any(map(_speaks, maker.words)):
                return True
    return False


def state_not_checked(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A code from a callback is exchanged, here or in a helper, and nobody looks at the state."""
    matches = list(matches)
    if not matches or _asks(facts):
        return
    careless = _is_callback(facts) or any(_is_callback(other) and not _asks(other) for other, _ in neighbours.callers(facts))
    if careless:
        yield from (m for m in matches if not _session_knows(facts, m))


def state_dropped(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`url, _ = session.authorization_url(…)` on a session that ends with the function: nothing is left to compare with."""
    if any(method(c) in ("fetch_token", "fetch_access_token") for c in calls(facts)):
        return
    for match in matches:
        name = flow.receiver(match.node)
        root = flow.around(facts, match.node)
        if not isinstance(match.node, cst.Call) or not isinstance(name, cst.Name) or flow.keyword(match.node, "state") is not None:
            continue
        made = flow.makers(facts, name)
        here = bool(made) and all(owner is facts and not _given_state(call) for owner, call in made)
        if here and not flow.escapes(facts, name.value, root) and not _passed_on(facts, name.value, root):
            if _second_unused(facts, match.node, root):
                yield match


def _given_state(call: cst.CSTNode) -> bool:
    return isinstance(call, cst.Call) and flow.keyword(call, "state") is not None


def _passed_on(facts: Facts, name: str, root: cst.CSTNode) -> bool:
    return any(isinstance(facts.parent(use), cst.Arg) for use in flow.uses(facts, name, root))


def _second_unused(facts: Facts, call: cst.Call, root: cst.CSTNode) -> bool:
    """Whether the second of the two that the call gives is thrown away."""
    parent = facts.parent(call)
    if isinstance(parent, cst.Subscript) and len(parent.slice) == 1:
        index = parent.slice[0].slice
        return isinstance(index, cst.Index) and facts.constant(index.value) == 0
    if not isinstance(parent, cst.Assign) or len(parent.targets) != 1:
        return False
    target = parent.targets[0].target
    if not isinstance(target, cst.Tuple) or len(target.elements) != 2:
        return False
    second = target.elements[1].value
    used = flow.uses(facts, second.value, root) if isinstance(second, cst.Name) else []
    outside = [u for u in used if not isinstance(facts.parent(u), (cst.Element, cst.AssignTarget)) and not _goes_nowhere(facts, u)]
    return isinstance(second, cst.Name) and not outside


def nonce_dropped(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A nonce that is drawn for the request and kept nowhere."""
    for match in matches:
        value = named(match, "N")
        if value is None:
            continue
        node = value[1]
        if isinstance(node, cst.Name):
            made = facts.origins(node)
            used = flow.uses(facts, node.value, flow.around(facts, node))
            if len(made) == 1 and len(used) == 1 and flow.assigned_name(made[0][0], made[0][1].node):
                if method(made[0][1].node) in _DRAWERS:
                    yield match
        elif method(node) in _DRAWERS:
            yield match


def without_pkce(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A session that was made here without `pkce`."""
    for match in matches:
        made = flow.makers(facts, flow.receiver(match.node))
        if made and all(isinstance(call, cst.Call) and flow.keyword(call, "pkce") is None for _, call in made):
            yield match
