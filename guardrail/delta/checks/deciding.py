"""What a definition decides by: comparisons, `and` and `or`, rates, rounding, order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from guardrail import places
from guardrail.delta.compare import Lost
from guardrail.delta.guards import Guard, inside, nodes_of
from guardrail.patterns.kinds import kind_of
from guardrail.words import split_words

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

LOGIC = "business-logic"
_MONEY = frozenset(
    "price prices pricing amount balance stock discount tax vat fee fees rate refund credit credits salary invoice premium"
    " commission payout payment permission permissions allowed access role".split()
)
_TURNED = {"GreaterThan": "LessThan", "GreaterThanEqual": "LessThanEqual"}
_OPPOSITE = {
    "LessThan": "GreaterThanEqual", "LessThanEqual": "GreaterThan", "GreaterThan": "LessThanEqual",
    "GreaterThanEqual": "LessThan",
    "Equal": "NotEqual", "NotEqual": "Equal", "In": "NotIn", "NotIn": "In", "Is": "IsNot", "IsNot": "Is",
}  # fmt: skip
_UNITS = re.compile(r"(?:^|\.)(timedelta|relativedelta|quantize|round|Decimal)$")
_SORTS = re.compile(r"(?:^|\.)(sorted|sort|min|max|order_by|nsmallest|nlargest)$")


class Decision(NamedTuple):
    """One thing that is decided: what it is about, and how."""

    about: str  # the same on both sides where the same thing is decided
    how: str
    facts: Facts
    node: Any


def changed(pair: Pair, _rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """Decisions of business logic that are made in another way, not about money or rights."""
    yield from (lost for lost in _changed(pair) if not _of_money(pair, lost))


def changed_for_money(pair: Pair, _rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """Those about money and rights."""
    yield from (lost for lost in _changed(pair) if _of_money(pair, lost))


def _of_money(pair: Pair, lost: Lost) -> bool:
    told = split_words(f"{pair.new.symbol} {lost.guard.text} {lost.facts.code(lost.node)}")
    return not _MONEY.isdisjoint(told)


def _changed(pair: Pair) -> Iterator[Lost]:
    if places.is_test(pair.head.path):
        return
    old, new = list(decisions(pair.base)), [d for facts in pair.heads for d in decisions(facts)]
    gone, come = _rest(old, new), _rest(new, old)
    found = [*_other(gone, come), *_less(pair, gone, come)]
    if pair.new.kind == "module":
        yield from (lost for lost in found if _of_money(pair, lost))
    elif found and _is_logic(pair):
        yield from found


def _is_logic(pair: Pair) -> bool:
    named = not _MONEY.isdisjoint(split_words(pair.new.symbol))
    return named or LOGIC in {p.surface.id for p in pair.after.places(pair.new)}


def _other(gone: list[Decision], come: list[Decision]) -> Iterator[Lost]:
    """Decisions about the same thing that are made in another way."""
    waiting: dict[str, list[Decision]] = {}
    for each in come:
        waiting.setdefault(each.about, []).append(each)
    for was in gone:
        if now := waiting.get(was.about):
            yield _lost(was, now.pop(0))


def _less(pair: Pair, gone: list[Decision], come: list[Decision]) -> Iterator[Lost]:
    """Branches that are gone where nothing is new."""
    if come or not _named(pair.heads) <= _named([pair.base]):
        return
    for was in gone:
        if was.how == "branch" and not any(kind_of(n) == "Raise" and inside(was.facts, n, was.node) for n in nodes_of(was.facts)):
            head = next((n for n in nodes_of(pair.head) if kind_of(n) == "FunctionDef"), pair.head.tree)
            said = f"The branch `{_short(was)}` is gone, and no test of the change asks for it."
            yield Lost(Guard(was.facts, was.node, {}, 0), pair.head, head, message=said)


def _named(sides: Iterable[Facts]) -> set[str]:
    return {n.value for facts in sides for n in nodes_of(facts) if kind_of(n) == "Name"}


def _lost(was: Decision, now: Decision) -> Lost:
    said = f"`{_short(was)}` → `{_short(now)}`, and no test of the change asks for it."
    return Lost(Guard(was.facts, was.node, {}, 0), now.facts, now.node, message=said)


def _rest(some: list[Decision], others: list[Decision]) -> list[Decision]:
    """The decisions that the other side does not make in the same way."""
    left = Counter((d.about, d.how) for d in others)
    left.subtract(Counter((d.about, d.how) for d in some))
    found = []
    for each in some:
        if left[each.about, each.how] < 0:
            left[each.about, each.how] += 1
            found.append(each)
    return found


def _short(decision: Decision) -> str:
    code = decision.facts.code(decision.node)
    text = " ".join((code.split("\n", 1)[0] if decision.how == "branch" else code).split())
    return text if len(text) <= 70 else text[:67] + "…"


def decisions(facts: Facts) -> Iterator[Decision]:
    """The decisions of a definition, in their order."""
    for node in nodes_of(facts):
        kind = kind_of(node)
        if kind == "Comparison" and len(node.comparisons) == 1:
            yield from _comparison(facts, node)
        elif kind == "BooleanOperation":
            yield Decision(f"{facts.normal(node.left)} ? {facts.normal(node.right)}", kind_of(node.operator), facts, node)
        elif kind == "BinaryOperation":
            yield from _sum(facts, node)
        elif kind == "Call":
            yield from _call(facts, node)
        elif kind == "If":
            yield Decision(f"if {facts.normal(node.test)}", "branch", facts, node)
        elif kind == "Assign" and facts.function(node) is None and (value := _value(facts, node.value)):
            yield Decision(facts.code(node.targets[0].target), value, facts, node)
        elif kind == "Return" and node.value is not None and (value := _value(facts, node.value)):
            yield Decision(f"return {_place(facts, node)}", value, facts, node)


def _comparison(facts: Facts, node: Any) -> Iterator[Decision]:
    """`a < b`; turned round, or denied, it is the same decision. A bound that is a constant may be another one."""
    target = node.comparisons[0]
    operator, left, right = kind_of(target.operator), node.left, target.comparator
    if kind_of(facts.parent(node)) == "UnaryOperation" and kind_of(facts.parent(node).operator) == "Not":  # type: ignore[union-attr]
        operator = _OPPOSITE.get(operator, operator)
    if operator in _TURNED:
        operator, left, right = _TURNED[operator], right, left
    sides = [(_value(facts, side), facts.normal(side)) for side in (left, right)]
    about = " ? ".join("#" if value else code for value, code in sides)
    if about.count("#") == 1:
        yield Decision(about, _bound(operator, sides), facts, node)
    elif "#" not in about:
        yield Decision(about, operator, facts, node)


def _bound(operator: str, sides: list[tuple[str, str]]) -> str:
    """How a comparison with a constant decides; `n < 5` decides as `n <= 4` does."""
    constant = sides[0][0] or sides[1][0]
    if operator == "LessThan" and constant.lstrip("-").isdigit():
        step = 1 if sides[0][0] else -1
        return f"LessThanEqual {int(constant) + step}"
    return f"{operator} {constant}"


def _sum(facts: Facts, node: Any) -> Iterator[Decision]:
    """`a * 0.2`: another rate; `a - b`: another sign."""
    left, right = _value(facts, node.left), _value(facts, node.right)
    operator = kind_of(node.operator)
    if left and right:
        return
    if left or right:
        other = facts.normal(node.right if left else node.left)
        yield Decision(f"{other} {operator} #", left or right, facts, node)
    elif operator in ("Add", "Subtract"):
        yield Decision(f"{facts.normal(node.left)} ± {facts.normal(node.right)}", operator, facts, node)


def _call(facts: Facts, node: Any) -> Iterator[Decision]:
    """Units of time, rounding and order: what is called stays, its arguments differ."""
    name = facts.code(node.func)
    given = ", ".join(facts.normal(a) for a in node.args)
    if _SORTS.search(name):
        yield Decision(f"{name}()", given, facts, node)
    elif _UNITS.search(name) and kind_of(node.func) in ("Name", "Attribute"):
        about = given.partition(",")[0] if name.endswith(("round", "quantize")) else _place(facts, node)
        yield Decision(f"{name}({about})", given, facts, node)


def _place(facts: Facts, node: Any) -> str:
    """What a value is for: the target that it is assigned to, else the condition above it."""
    above = next((a for a in facts.ancestors(node) if kind_of(a) in ("Assign", "If", "FunctionDef", "Comparison")), None)
    if kind_of(above) == "If":
        return "if " + facts.normal(above.test)  # type: ignore[union-attr]
    if kind_of(above) == "Assign":
        return facts.code(above.targets[0].target)  # type: ignore[union-attr]
    return "at the end" if above is None or kind_of(above) == "FunctionDef" else "in a comparison"


def _value(facts: Facts, node: Any) -> str:
    """A number or a text that is known, "" else."""
    values = facts.constants(node)
    known = len(values) == 1 and isinstance(values[0], (int, float, str)) and not isinstance(values[0], bool)
    if known:
        return str(values[0])
    plain = kind_of(node) == "Call" and facts.code(node.func).endswith("Decimal") and len(node.args) == 1
    return _value(facts, node.args[0].value) if plain else ""
