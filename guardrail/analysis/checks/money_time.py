"""Money that is counted in binary fractions, and clocks that are hours off."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow, order
from guardrail.analysis.walk import descendants
from guardrail.words import split_words

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_MONEY = frozenset(
    "price prices amount amounts balance cost costs fee fees tax vat salary wage payment refund payout invoice subtotal"
    " deposit".split()
)
_NO_MONEY = frozenset(
    "rate ratio percent percentage pct factor weight score count id ids name code date time type at index estimate estimated"
    " threshold loss function token tokens gpu cpu compute distance edge path noise blur gain volume sample per min max avg mean"
    " std predicted model unit size width".split()
)


def _about_money(name: str) -> bool:
    words = set(split_words(name))
    return bool(words & _MONEY) and not words & _NO_MONEY


def _name(node: cst.CSTNode) -> str:
    if isinstance(node, cst.Attribute):
        return node.attr.value
    if isinstance(node, cst.Name):
        return node.value
    key = node.slice[0].slice if isinstance(node, cst.Subscript) else None
    text = key.value if isinstance(key, cst.Index) else None
    return str(text.evaluated_value) if isinstance(text, cst.SimpleString) else ""


def float_column(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A column for money that is a binary fraction."""
    for match in matches:
        node = match.node
        target = (
            node.targets[0].target if isinstance(node, cst.Assign) else node.target if isinstance(node, cst.AnnAssign) else None
        )
        if isinstance(target, cst.Name) and _about_money(target.value):
            yield match


def mapped_float(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`price: Mapped[float]`, where the column names no exact type."""
    for match in matches:
        node = next((a for a in facts.ancestors(match.node) if isinstance(a, (cst.AnnAssign, cst.Param))), None)
        if isinstance(node, cst.AnnAssign) and isinstance(node.target, cst.Name) and _about_money(node.target.value):
            if not re.search(r"Numeric|DECIMAL", facts.code(node)):
                yield facts.match(node)


def inexact_literal(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`Decimal(0.1)`, which is 0.1000000000000000055; `Decimal(0.5)` is exact."""
    for match in matches:
        value = match.env["F"][1]
        sign = value.expression if isinstance(value, cst.UnaryOperation) else value
        if isinstance(sign, cst.Float) and Decimal(sign.evaluated_value) != Decimal(sign.value.replace("_", "")):
            yield match


def decimal_meets_float(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A `Decimal` and a float literal in one sum or product: TypeError."""
    if not list(matches):
        return
    for node in facts.nodes:
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, (cst.Add, cst.Subtract, cst.Multiply, cst.Divide)):
            for decimal, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(other, cst.Float) and facts.types(decimal) == {"decimal.Decimal"}:
                    what = f"`{facts.code(decimal)}` is a Decimal and `{facts.code(other)}` a float"
                    yield facts.match(node, f"{what}: Python refuses to compute with the two.")


def float_in_sum(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`float(price)` as a part of a sum or product."""
    for match in matches:
        name = _name(match.env["P"][1])
        parent = facts.parent(match.node)
        if not name or not _about_money(name) or not isinstance(parent, cst.BinaryOperation) or _shown(facts, parent):
            continue
        if isinstance(parent.operator, (cst.Add, cst.Subtract, cst.Multiply)):
            yield match


def _shown(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the result is only for eyes: in a string, a log, a chart."""
    for outer in facts.ancestors(node):
        if isinstance(outer, (cst.FormattedStringExpression, cst.FormattedString)):
            return True
        if isinstance(outer, cst.Call) and re.search(r"(?i)log|info|debug|format|print|plot|observe|chart", facts.code(outer.func)):
            return True
        if isinstance(outer, cst.BaseSmallStatement):
            return False
    return False


def rounded_product(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`round(price * 0.19, 2)`."""
    for match in matches:
        parts = descendants(match.env["E"][1])
        products = [p for p in parts if isinstance(p, cst.BinaryOperation) and isinstance(p.operator, (cst.Multiply, cst.Divide))]
        floats = any(isinstance(p, cst.Float) for product in products for p in (product.left, product.right))
        if floats and any(_about_money(_name(p)) for p in parts) and not _shown(facts, match.node):
            yield match


def remainder_lost(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`amount_cents // people`, where the function never asks for what is left over."""
    if any(isinstance(n, cst.Modulo) for n in facts.nodes) or order.says(
        facts, re.compile(r"divmod|remainder|leftover|left_over|rest\b")
    ):
        return
    for match in matches:
        amount, parts = match.env["A"][1], match.env["N"][1]
        words = set(split_words(_name(amount)))
        if words & {"cents", "amount", "pence", "minor"} and not words & _NO_MONEY and facts.constant(parts) is not None:
            if _counts(facts, parts):
                yield match


def _counts(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a divisor is a number of parts: `len(people)`, `members.count()`, `installments`."""
    if isinstance(node, cst.Call):
        return flow.called(node) in ("len", "count")
    words = set(split_words(_name(node)))
    return bool(
        words
        & set("people members users installments instalments parts shares months payments participants payers guests count".split())
    )


def outside_claims(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Time stamps that are no claim of a token: those are JWT009's."""
    for match in matches:
        entry = next((a for a in facts.ancestors(match.node) if isinstance(a, (cst.DictElement, cst.BaseSmallStatement))), None)
        if not isinstance(entry, cst.DictElement) or facts.constant(entry.key) not in ("exp", "nbf", "iat"):
            yield match


def thirty_day_month(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The end of a paid month, thirty days from its beginning."""
    for match in matches:
        for outer in facts.ancestors(match.node):
            if isinstance(outer, (cst.Assign, cst.AnnAssign, cst.AugAssign)):
                target = outer.targets[0].target if isinstance(outer, cst.Assign) else outer.target
                if re.search(
                    r"(?i)billing|renew|next_month|next_invoice|next_charge|next_payment|period_end|subscription_end|paid_until",
                    _name(target),
                ):
                    yield match
            if isinstance(outer, (cst.BaseSmallStatement, cst.BaseCompoundStatement)):
                break
