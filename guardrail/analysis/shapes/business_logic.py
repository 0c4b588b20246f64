"""Shapes of business logic: sums of money and stock, and decisions on the values of the domain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import below, identifiers, name_of, symbol, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.chores import named_for_one

DECISIONS = 4  # as many decisions on domain values make a rule of the business
_MONEY = frozenset(
    "price prices pricing amount amounts quantity qty balance stock inventory discount discounts tax taxes vat fee fees refund"
    " subtotal salary wage commission payout credits seats quota deposit surcharge"
    " gross payment invoice revenue profit premium".split()
)
_COUNTS = frozenset("total totals points score remaining used credit cost rate limit count sum value".split())
_ABOUT = frozenset(
    "format formatted str text string label display html template field column header width url path key keys name names id ids"
    " index page pages lines chars bytes size length len parser token regex query sql ms seconds sleep delay".split()
)
_TECHNICAL = frozenset(
    "self cls request req settings os sys args options opts ctx context app config conf response resp node leaf token tok line"
    " lines field connection conn cursor parser logger log match socket sock event signature inspect platform types typing"
    " func method module state_dict widget form kwargs".split()
)
_TECHNICAL_NAMES = re.compile(
    r"(?i)^_|^(type|name|kind|op|operator|tag|pos|lineno|col|column|depth|indent|width|height|size|length|index|ndim|shape|dtype"
    r"|version|version_info|returncode|errno|method|status_code|level|verbosity|platform|mode|encoding|arity|prefix|value"
    r"|scheme|hostname|netloc|port|family|default|attempts?|retries|tries|debug|verbose|dialect|is_relation|is_field|many_to_many|null|blank)$"
)
_ORDER = (cst.LessThan, cst.LessThanEqual, cst.GreaterThan, cst.GreaterThanEqual)
_EQUAL = (cst.Equal, cst.NotEqual, cst.In, cst.NotIn)
_SUMS = (cst.Add, cst.Subtract, cst.Multiply, cst.Divide, cst.FloorDivide)
_AUGMENTED = (cst.AddAssign, cst.SubtractAssign, cst.MultiplyAssign, cst.DivideAssign, cst.FloorDivideAssign)
_MEMBER = re.compile(r"^[A-Z][A-Z0-9_]*[A-Z0-9]$")
_DATES = re.compile(r"(^|\.)(now|today|utcnow|date|datetime|timedelta|localdate)$")


def _syntactic(facts: Facts) -> bool:
    """Whether the definition parses, formats, retries, or reads a command line, by its name."""
    return named_for_one(f"{facts.file.index.module.rpartition('.')[2]}.{symbol(facts)}")


# ---- arithmetic and limits on money, stock and the like ---------------------------------------------


def _last(node: cst.CSTNode, facts: Facts) -> str:
    """The name that an operand goes by: `b` of `a.b`, of `a["b"]`, of `a.b()`."""
    if isinstance(node, cst.Call):
        return _last(node.func, facts)
    return name_of(facts, node)


def _money(facts: Facts, node: cst.CSTNode, counted: bool) -> bool:
    """Whether an operand is an amount of something that is owed, owned or sold; a mere count where `counted`."""
    words = words_of(_last(node, facts))
    if words & _ABOUT:
        return False
    return bool(words & _MONEY) or (counted and bool(words & _COUNTS))


def sums(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Arithmetic on amounts, and their comparison with a number, outside of formatting."""
    if _syntactic(facts) or not any(True for _ in matches):
        return
    counted = any(words_of(name) & _MONEY for name in identifiers(facts))
    for node in facts.nodes:
        if _operates(facts, node, counted) or _is_limit(facts, node):
            yield facts.match(node)
            return


def _operates(facts: Facts, node: cst.CSTNode, counted: bool) -> bool:
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, _SUMS):
        sides: list[cst.CSTNode] = [node.left, node.right]
    elif isinstance(node, cst.AugAssign) and isinstance(node.operator, _AUGMENTED):
        sides = [node.target, node.value]
    else:
        return False
    if any(_textual(facts, side) for side in sides):
        return False
    amounts = [side for side in sides if _money(facts, side, counted)]
    return any(_money(facts, side, False) for side in amounts) or len(amounts) == 2


def _textual(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether an operand is text or a list, so that `+` joins."""
    if isinstance(node, (cst.BaseString, cst.List, cst.Tuple, cst.ListComp)):
        return True
    return bool(facts.types(node) & {"str", "list", "tuple", "bytes"})


def _is_limit(facts: Facts, node: cst.CSTNode) -> bool:
    """`order.total_price > 100`, `quantity <= stock`: order between an amount and a number or another amount."""
    if not isinstance(node, cst.Comparison) or not isinstance(node.comparisons[0].operator, _ORDER):
        return False
    sides = [node.left, *(target.comparator for target in node.comparisons)]
    amounts = [side for side in sides if _money(facts, side, False)]
    others = [side for side in sides if _number(facts, side) or _money(facts, side, True)]
    return bool(amounts) and len(others) > (len(amounts) if len(amounts) == 1 and amounts[0] in others else 0)


def _number(facts: Facts, node: cst.CSTNode) -> bool:
    value = facts.constant(node)
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# ---- decisions on domain values ---------------------------------------------------------------------


def decides(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Four or more branches on attributes of things: their status, their limits, their dates."""
    if facts.definition is None or facts.definition.branches < DECISIONS or _syntactic(facts):
        return
    if not any(True for _ in matches):
        return
    found = [node for node in facts.nodes if _branch(facts, node)]
    if len(found) >= DECISIONS:
        first = found[0]
        yield facts.match(first.test if isinstance(first, cst.If) else first)


def _branch(facts: Facts, node: cst.CSTNode) -> bool:
    if isinstance(node, cst.MatchCase):
        around = facts.parent(node)
        return isinstance(around, cst.Match) and _domain(around.subject)
    if isinstance(node, cst.If):
        return any(_decision(facts, part) for part in below(node.test))
    return False


def _decision(facts: Facts, node: cst.CSTNode) -> bool:
    """A comparison of a domain value with a number, a member, a text, a date or another one; or a plain `order.is_paid`."""
    if isinstance(node, cst.Comparison):
        target = node.comparisons[0]
        sides = (node.left, target.comparator)
        if isinstance(target.operator, _ORDER):
            return any(_domain(a) and (_number(facts, b) or _dated(b) or _domain(b)) for a, b in (sides, sides[::-1]))
        if isinstance(target.operator, _EQUAL):
            return any(_domain(a) and _fixed(facts, b) for a, b in (sides, sides[::-1]))
        return False
    if (
        isinstance(node, cst.Attribute)
        and _domain(node)
        and re.match(r"(is|has|can|was|allow|require)_|.*_(enabled|allowed|required)$", node.attr.value)
    ):
        return not isinstance(facts.parent(node), (cst.Attribute, cst.Call, cst.Comparison, cst.Subscript))
    return False


def _domain(node: cst.CSTNode) -> bool:
    """An attribute of a thing of the domain: of a variable, or of what such a variable has, never of a piece of machinery."""
    if not isinstance(node, cst.Attribute) or _TECHNICAL_NAMES.search(node.attr.value) or _MEMBER.match(node.attr.value):
        return False
    root: cst.CSTNode = node.value
    parts = []
    while isinstance(root, (cst.Attribute, cst.Subscript, cst.Call)):
        if isinstance(root, cst.Attribute):
            parts.append(root.attr.value)
        root = root.func if isinstance(root, cst.Call) else root.value
    if not isinstance(root, cst.Name) or any(part.startswith("_") or part in _TECHNICAL for part in parts):
        return False
    own = root.value == "self" and node.attr.value not in _TECHNICAL
    return own or not (root.value in _TECHNICAL or root.value.startswith("_") or root.value[:1].isupper())


def _fixed(facts: Facts, node: cst.CSTNode) -> bool:
    """A number, a text, a member of an enumeration, or a list of them."""
    if isinstance(node, (cst.Tuple, cst.List, cst.Set)):
        return bool(node.elements) and all(_fixed(facts, element.value) for element in node.elements)
    if isinstance(node, cst.Attribute):
        return _MEMBER.match(node.attr.value) is not None
    return _number(facts, node) or isinstance(node, cst.SimpleString)


def _dated(node: cst.CSTNode) -> bool:
    """`date(2024, 1, 1)`, `timezone.now()`, `now`."""
    at = node.func if isinstance(node, cst.Call) else node
    return (
        _DATES.search(at.attr.value if isinstance(at, cst.Attribute) else at.value if isinstance(at, cst.Name) else "") is not None
    )
