"""Work on many items, or in several steps: what is left, and who knows of it, when it stops in the middle?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.business_logic import weighty
from guardrail.analysis.checks.tracing import below, identifiers, loop_around, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.patterns.statements import statements_of

_LOGGING = frozenset("debug info warning warn error exception critical log print write".split())
_COMES_AGAIN = re.compile(
    r"(?i)pending|unsent|unpaid|unprocessed|overdue|\bdue\b|todo|backlog|failed|= ?False|__isnull|is_\(None\)|status|state|is None"
)
_PAYS = frozenset("charge capture transfer payout refund debit".split())
_PAYERS = re.compile(r"(?i)pay|gateway|stripe|billing|bank|psp|braintree|adyen|wallet|provider|processor|ledger|checkout")
_FULFILS = frozenset("ship create_shipment book reserve provision place_order dispatch create_order issue_ticket activate".split())
_RECORDS = frozenset(
    "save asave update commit flush add append execute create insert insert_one update_one mark record put_item".split()
)
_RECORD_WORDS = frozenset("mark record store persist status progress checkpoint done".split())
_MAKES_GOOD = frozenset("refund void cancel compensate rollback reverse saga outbox idempotency idempotent".split())


def _only_logs(handler: cst.ExceptHandler) -> bool:
    """Whether a handler writes a line, or nothing, and goes on to the next."""
    for statement in statements_of(handler.body):
        if isinstance(statement, cst.Expr):
            if flow.called(statement.value) not in _LOGGING:
                return False
        elif not isinstance(statement, (cst.Continue, cst.Pass)):
            return False
    return True


def _grown(facts: Facts, loop: cst.CSTNode) -> set[str]:
    """The names that a loop adds to or sets."""
    found = set()
    for node in flow.own_nodes(loop):
        if isinstance(node, cst.AugAssign) and isinstance(node.target, cst.Name):
            found.add(node.target.value)
        elif isinstance(node, cst.AssignTarget):
            found |= {n.value for n in below(node.target) if isinstance(n, cst.Name)}
        elif flow.called(node) in ("append", "add", "extend", "update", "setdefault"):
            of = flow.receiver(node)
            found |= {of.value} if isinstance(of, cst.Name) else set()
    return found


def _answers_as_if_done(facts: Facts, loop: cst.CSTNode) -> bool:
    """Whether the function ends with an answer in which nothing of the loop is to be seen."""
    root = flow.around(facts, loop)
    last = max(facts.order[id(n)] for n in below(loop) if id(n) in facts.order)
    answers = [n for n in flow.own_nodes(root) if isinstance(n, cst.Return) and n.value is not None and facts.order[id(n)] > last]
    told = {n.value for answer in answers for n in below(answer) if isinstance(n, cst.Name)}
    if any(isinstance(a.value, cst.Name) and a.value.value == "None" for a in answers) or told & _grown(facts, loop):
        return False
    return bool(answers)


def failures_not_told(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Items whose failure is only logged, in a function that then answers as if all were done."""
    for match in matches:
        attempt = facts.parent(match.node)
        loop = loop_around(facts, match.node)
        if not isinstance(match.node, cst.ExceptHandler) or not isinstance(attempt, cst.Try) or not isinstance(loop, cst.For):
            continue
        if _COMES_AGAIN.search(_source(facts, loop.iter)) or not _only_logs(match.node) or not weighty(facts, attempt.body):
            continue
        if any(isinstance(n, (cst.Return, cst.Break)) for n in flow.own_nodes(attempt.body)):
            continue  # one thing is tried again, until it works
        if _answers_as_if_done(facts, loop):
            yield match


def _source(facts: Facts, node: cst.CSTNode) -> str:
    """The code that the items come from, through one name."""
    target = facts.deref(node)
    return facts.code(node) + (" " + target[0].code(target[1]) if target is not None else "")


# ---- money ----


def _pays(facts: Facts, node: cst.CSTNode) -> bool:
    of = flow.receiver(node)
    if not isinstance(node, cst.Call) or of is None or flow.keyword(node, "idempotency_key") is not None:
        return False
    if flow.called(node) == "create":
        return re.search(r"(^|\.)(PaymentIntent|Charge|Refund|Transfer|Payout)$", facts.code(of)) is not None
    return flow.called(node) in _PAYS and _PAYERS.search(facts.code(of)) is not None


def _notes(facts: Facts, root: cst.CSTNode, first: int, last: int) -> bool:
    """Whether something between two places writes down how far it got."""
    for node in flow.own_nodes(root):
        if not first < facts.order.get(id(node), -1) < last:
            continue
        if isinstance(node, cst.Call) and not _pays(facts, node):
            if flow.called(node) in _RECORDS or words_of(flow.called(node)) & _RECORD_WORDS:
                return True
        if isinstance(node, cst.AssignTarget) and isinstance(node.target, (cst.Attribute, cst.Subscript)):
            return True
    return False


def paid_without_note(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Payments in a loop that keeps no account of which are made."""
    for match in matches:
        loop = loop_around(facts, match.node)
        if not isinstance(loop, cst.For) or not _pays(facts, match.node) or flow.within(facts, match.node, loop, cst.Try):
            continue
        last = max(facts.order[id(n)] for n in below(loop) if id(n) in facts.order)
        if not _notes(facts, loop, facts.order[id(loop)], last + 1) and not words_of(" ".join(identifiers(facts))) & {
            "idempotency"
        }:
            yield match


def paid_then_stuck(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A payment and then a second service, with no note between and nothing that makes good."""
    words = words_of(" ".join(identifiers(facts)))
    for match in matches:
        root = flow.around(facts, match.node)
        if not _pays(facts, match.node) or words & _MAKES_GOOD or loop_around(facts, match.node) is not None:
            continue
        paid = facts.order[id(match.node)]
        for node in flow.own_nodes(root):
            at, of = facts.order.get(id(node), -1), flow.receiver(node)
            if at <= paid or flow.called(node) not in _FULFILS or of is None or flow.within(facts, node, root, cst.Try):
                continue
            if facts.code(of) not in ("self", "cls") and not _notes(facts, root, paid, at):
                yield facts.match(node)
                break


# ---- results that no longer fit their items ----


def _filtered(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a list was made by leaving the failures of another one out."""
    owner, value = facts.deref(node) or (facts, node)
    if not isinstance(value, cst.ListComp) or not isinstance(value.elt, cst.Name):
        return False
    tests = " ".join(owner.code(test.test) for test in value.for_in.ifs)
    return re.search(r"isinstance\(.*(Exception|Error)|is not None$", tests) is not None and "zip(" not in owner.code(
        value.for_in.iter
    )


def misaligned(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`zip(items, results)` after the failed results were taken out of one of the two."""
    for match in matches:
        if not isinstance(match.node, cst.Call) or len(match.node.args) != 2:
            continue
        sides = [a.value for a in match.node.args]
        filtered = [_filtered(facts, side) for side in sides]
        other = sides[1] if filtered[0] else sides[0]
        if filtered[0] != filtered[1] and _was_asked_for(facts, other, sides[0] if filtered[0] else sides[1]):
            yield match


def _was_asked_for(facts: Facts, items: cst.CSTNode, results: cst.CSTNode) -> bool:
    """Whether the results were made from these very items: by `gather(*(f(i) for i in items))`, or item by item."""
    if not isinstance(items, cst.Name):
        return False
    owner, value = facts.deref(results) or (facts, results)
    if not isinstance(value, cst.ListComp):
        return False
    made = owner.deref(value.for_in.iter)
    used = [n for part in (made[1] if made else value.for_in.iter,) for n in below(part) if isinstance(n, cst.Name)]
    return any(n.value == items.value for n in used)
