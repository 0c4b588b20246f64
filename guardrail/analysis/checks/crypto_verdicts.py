"""Verification: is the verdict heard, and is the tag looked at?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import (
    below,
    calls,
    in_loop,
    inside,
    method,
)
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.patterns.statements import statements_of

_LOGGING = frozenset("debug info warning warn error exception log print critical".split())
_LIBRARIES = frozenset(
    "cryptography jwt jose authlib joserfc itsdangerous django nacl argon2 Crypto ecdsa rest_framework_simplejwt OpenSSL".split()
)


# ---- verdicts ----


def _drops(statement: cst.CSTNode) -> bool:
    if isinstance(statement, cst.Pass):
        return True
    if isinstance(statement, cst.Expr):
        return isinstance(statement.value, cst.Ellipsis) or method(statement.value) in _LOGGING
    return False


def _approves(facts: Facts, statement: cst.CSTNode, handler: cst.ExceptHandler) -> bool:
    """`return True`, or the return of what was to be verified."""
    value = statement.value if isinstance(statement, cst.Return) else None
    if not isinstance(value, cst.Name) or value.value in ("None", "False"):
        return False
    block = facts.parent(handler)
    tried = block.body if isinstance(block, cst.Try) else handler
    checked = {n.value for n in below(tried) if isinstance(n, cst.Name)}
    return value.value == "True" or value.value in checked


def _of_a_library(facts: Facts, error: cst.CSTNode) -> bool:
    parts = [e.value for e in error.elements] if isinstance(error, cst.Tuple) else [error]
    return any(name.split(".")[0] in _LIBRARIES for part in parts for name in facts.names(part))


def failure_is_swallowed(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A handler that lets forged data through: it only logs, or returns the data."""
    for match in matches:
        handler = match.node
        if not isinstance(handler, cst.ExceptHandler) or handler.type is None or not _of_a_library(facts, handler.type):
            continue
        body = statements_of(handler.body)
        if (body and all(_drops(s) for s in body[:-1]) and _approves(facts, body[-1], handler)) or (
            body and all(_drops(s) for s in body) and not _success_leaves(facts, handler)
        ):
            yield match


def _success_leaves(facts: Facts, handler: cst.ExceptHandler) -> bool:
    """Whether what follows the `try` is for the failure only, or sees that the value was never set."""
    block = facts.parent(handler)
    if not isinstance(block, cst.Try) or block.orelse is not None or in_loop(facts, handler):
        return True
    body = statements_of(block.body)
    for statement in body:
        if isinstance(statement, (cst.Return, cst.Break, cst.Continue)):
            return True
        if isinstance(statement, cst.Assign) and isinstance(statement.targets[0].target, cst.Name):
            name = statement.targets[0].target
            earlier = [b for o, b in facts.origins(name) if o is facts and not inside(facts, b.node, block)]
            if earlier or _set_before(facts, name, block):
                return True
    return False


def _set_before(facts: Facts, name: cst.Name, block: cst.CSTNode) -> bool:
    for node in facts.nodes:
        if node is block:
            return False
        if isinstance(node, (cst.Assign, cst.AnnAssign)):
            targets = [t.target for t in node.targets] if isinstance(node, cst.Assign) else [node.target]
            if any(isinstance(t, cst.Name) and t.value == name.value for t in targets):
                return True
    return False


def decrypts_without_tag(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A definition that decrypts and verifies nothing."""
    methods = {method(c) for c in calls(facts)}
    if "decrypt" in methods and not methods & {"decrypt_and_verify", "verify", "hexverify"}:
        yield from matches


def decryptor_never_finalized(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A decryptor that is updated and never finalized."""
    methods = {method(c) for c in calls(facts)}
    if {"decryptor", "update"} <= methods and not methods & {"finalize", "finalize_with_tag"}:
        yield from matches
