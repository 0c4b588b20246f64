"""Does a stranger learn by the time that an answer takes who has an account here?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.tracing import below, inside, method, resolve, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.patterns.statements import statements_of

_VERIFIERS = frozenset(
    "check_password acheck_password check_password_hash checkpw verify_password verify_hash verify_and_update".split()
)
_HASHERS = _VERIFIERS | frozenset(
    "hashpw make_password set_password hash_password generate_password_hash get_password_hash hash pbkdf2_hmac scrypt derive"
    " hash_secret verify dummy_verify".split()
)
_HASHER_NAMES = re.compile(r"(?i)(pwd|passw|hasher|crypt|argon|context$|^ph$|_ph$)")
BY_IDENTITY = re.compile(r"(?i)user_?name|e_?mail|login|phone|account_?name|nick|handle")
_KNOWN_ALREADY = re.compile(r"(?i)current_user|request\.user|session\b.*\buser|user_?id|\bpk=|\bid=")
_DRESSING = frozenset("strip lower casefold str normalize normalize_email normalise get_json get_argument format".split())
_MISSING = re.compile(r"DoesNotExist|NoResultFound|NotFound|KeyError|NoRow")


# ---- who was looked up ----


def looked_up(facts: Facts, name: cst.Name) -> list[tuple[Facts, cst.CSTNode]]:
    """The calls that looked a user up by what a stranger types."""
    found: list[tuple[Facts, cst.CSTNode]] = []
    for owner, bind in facts.origins(name):
        call = bind.node.expression if isinstance(bind.node, cst.Await) else bind.node
        if bind.kind != "value" or not isinstance(call, cst.Call) or _reads_a_field(owner, call):
            continue
        code = owner.code(call)
        if BY_IDENTITY.search(code) and not _KNOWN_ALREADY.search(code):
            found.append((owner, bind.node))
    return found


def _reads_a_field(facts: Facts, call: cst.Call) -> bool:
    """`form.get("email")`, `email.strip()`: what the stranger typed, and not yet a user."""
    keys = [facts.constant(a.value) for a in call.args if a.keyword is None]
    return method(call) in _DRESSING or (method(call) in ("get", "pop", "getlist") and bool(keys) and isinstance(keys[0], str))


def _users(facts: Facts, call: cst.CSTNode) -> dict[str, cst.CSTNode]:
    """The names whose attributes go into a call and that stand for a user who was looked up, and the look-up."""
    found: dict[str, cst.CSTNode] = {}
    for part in below(call):
        owner, value = resolve(facts, part)
        for name in {id(n): n for root in (part, value) if owner is facts for n in [_holder(root)] if n is not None}.values():
            for where, made in looked_up(facts, name):
                if where is facts:
                    found[name.value] = made
    return found


def _holder(node: cst.CSTNode) -> cst.Name | None:
    """`user` of `user.password` and of `user["password"]`."""
    if not isinstance(node, (cst.Attribute, cst.Subscript)):
        return None
    while isinstance(node, (cst.Attribute, cst.Subscript)):
        node = node.value
    return node if isinstance(node, cst.Name) else None


def absent(node: cst.CSTNode, name: str) -> bool:
    """`not user`, `user is None`, alone or first among alternatives."""
    if isinstance(node, cst.BooleanOperation) and isinstance(node.operator, cst.Or):
        return absent(node.left, name)
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
        return isinstance(node.expression, cst.Name) and node.expression.value == name
    if isinstance(node, cst.Comparison) and isinstance(node.left, cst.Name) and node.left.value == name:
        target = node.comparisons[0]
        return isinstance(target.operator, (cst.Is, cst.Equal)) and _is_none(target.comparator)
    return False


def _present(node: cst.CSTNode, name: str) -> bool:
    """`user`, `user is not None`, alone or first among conditions."""
    if isinstance(node, cst.BooleanOperation) and isinstance(node.operator, cst.And):
        return _present(node.left, name)
    if isinstance(node, cst.Comparison) and isinstance(node.left, cst.Name) and node.left.value == name:
        target = node.comparisons[0]
        return isinstance(target.operator, (cst.IsNot, cst.NotEqual)) and _is_none(target.comparator)
    return isinstance(node, cst.Name) and node.value == name


def _is_none(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"


# ---- how long it takes ----


def _verifies(facts: Facts, node: cst.CSTNode) -> bool:
    if method(node) in _VERIFIERS:
        return True
    of = flow.receiver(node)
    return method(node) == "verify" and of is not None and _HASHER_NAMES.search(facts.code(of)) is not None


def _hashes(root: cst.CSTNode) -> bool:
    return any(isinstance(n, cst.Call) and (method(n) in _HASHERS or "dummy" in words_of(method(n))) for n in below(root))


def _leaves(block: cst.CSTNode) -> bool:
    """Whether a block ends the function."""
    body = statements_of(block)
    last = body[-1] if body else None
    return isinstance(last, (cst.Return, cst.Raise)) or (isinstance(last, cst.Expr) and method(last.value) in ("abort", "error"))


def _left_early(facts: Facts, call: cst.Call, name: str, made: cst.CSTNode, root: cst.CSTNode) -> cst.CSTNode | None:
    """Where the function answers for a user who is not there without hashing anything."""
    at = facts.order[id(call)]
    for node in flow.own_nodes(root):
        if isinstance(node, cst.If) and absent(node.test, name) and facts.order[id(node)] < at:
            if not inside(facts, call, node.body) and _leaves(node.body) and not _hashes(node.body):
                return node
        if isinstance(node, cst.ExceptHandler) and node.type is not None and _MISSING.search(facts.code(node.type)):
            attempt = facts.parent(node)
            tried = isinstance(attempt, cst.Try) and inside(facts, made, attempt.body)
            if tried and _leaves(node.body) and not _hashes(node.body) and not inside(facts, call, node):
                return node
    return _skipped(facts, call, name, root)


def _skipped(facts: Facts, call: cst.Call, name: str, root: cst.CSTNode) -> cst.CSTNode | None:
    """The condition on the user that the hashing stands behind, where nothing is hashed without it."""
    for around in facts.ancestors(call):
        if around is root:
            break
        whole: cst.CSTNode = around
        if isinstance(around, cst.BooleanOperation) and _present(around, name) and not _present(call, name):
            whole = facts.statement(around)
        elif not (isinstance(around, cst.If) and _present(around.test, name)):
            continue
        elsewhere = (n for n in flow.own_nodes(root) if isinstance(n, cst.Call) and n is not call and _verifies(facts, n))
        other = isinstance(whole, cst.If) and whole.orelse is not None and _hashes(whole.orelse)
        if not other and not any(True for _ in elsewhere) and not _hashes_after(facts, whole, root):
            return around if isinstance(around, cst.If) else whole
    return None


def _hashes_after(facts: Facts, node: cst.CSTNode, root: cst.CSTNode) -> bool:
    last = max(facts.order[id(n)] for n in below(node) if id(n) in facts.order)
    return any(facts.order[id(n)] > last and _hashes(n) for n in flow.own_nodes(root) if isinstance(n, cst.Call))


def answered_before_hash(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Functions that check a password, and that are done at once where there is no such user."""
    if not any(True for _ in matches):
        return
    seen: set[int] = set()
    for call in [n for n in facts.nodes if isinstance(n, cst.Call) and _verifies(facts, n)]:
        root = flow.around(facts, call)
        for name, made in _users(facts, call).items():
            at = _left_early(facts, call, name, made, root)
            if at is not None and id(at) not in seen:
                seen.add(id(at))
                yield facts.match(at)


def mails_for_known_only(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A message that is sent, and waited for, only where there is such a user."""
    for match in matches:
        for node in flow.own_nodes(match.node):
            if (
                not isinstance(node, cst.Call)
                or not words_of(method(node)) & {"mail", "email"}
                or "send" not in words_of(method(node))
            ):
                continue
            for around in facts.ancestors(node):
                test = around.test if isinstance(around, cst.If) else None
                if isinstance(test, cst.Name) and looked_up(facts, test):
                    yield facts.match(node)
                    break
