"""Regular expressions against input: patterns that take exponential time, come from outside, or match only the beginning."""

from __future__ import annotations

import re
import re._constants as ops  # type: ignore[import-untyped, import-not-found, unused-ignore]
import re._parser as parser  # type: ignore[import-untyped, import-not-found, unused-ignore]
import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import libcst as cst

from guardrail.analysis.checks import flow, order

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_LONGEST = 1000  # characters of a pattern that is taken apart
_MANY = 10  # turns from which a bounded repeat counts as endless
_SHORT = re.compile(r"len\(|max_length|\[:\s*\d+\]")


def _parsed(pattern: object) -> Any:
    """The parts of a pattern, None where it cannot be read; it is parsed only, never run."""
    if not isinstance(pattern, str) or len(pattern) > _LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return parser.parse(pattern)
    except (re.error, RecursionError, OverflowError, ValueError):
        return None


def _endless(item: Any) -> bool:
    return item[0] in (ops.MAX_REPEAT, ops.MIN_REPEAT) and item[1][1] >= _MANY


def _optional(item: Any) -> bool:
    """Whether a part can match nothing."""
    if item[0] in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
        return bool(item[1][0] == 0) or all(map(_optional, item[1][2]))
    if item[0] is ops.SUBPATTERN:
        return all(map(_optional, item[1][3]))
    return item[0] in (ops.AT, ops.ASSERT, ops.ASSERT_NOT)


def _ambiguous(items: Any) -> bool:
    """Whether what is repeated can be split in many ways: an endless repeat, and nothing beside it that must be there."""
    for at, item in enumerate(items):
        others = [other for i, other in enumerate(items) if i != at]
        inner = item[1][3] if item[0] is ops.SUBPATTERN else None
        if not all(_optional(other) or other[0] is ops.ANY for other in others):
            continue
        if _endless(item) or (inner is not None and _ambiguous(list(inner))):
            return True
    return False


def explodes(pattern: object) -> bool:
    """Whether a pattern repeats an endless repeat endlessly, `(a+)+`, and something after it can fail."""
    tree = _parsed(pattern)
    return tree is not None and _explodes(list(tree), False)


def _explodes(items: list[Any], followed: bool) -> bool:
    for at, item in enumerate(items):
        after = followed or at + 1 < len(items)
        if item[0] in (ops.MAX_REPEAT, ops.MIN_REPEAT):
            body = list(item[1][2])
            if (_endless(item) and after and _ambiguous(body)) or _explodes(body, after):
                return True
        elif (item[0] is ops.SUBPATTERN and _explodes(list(item[1][3]), after)) or (
            item[0] is ops.BRANCH and any(_explodes(list(branch), after) for branch in item[1][1])
        ):
            return True
    return False


def exponential(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A pattern that explodes, used on user input that nobody cuts to a length."""
    for match in matches:
        where, pattern = match.env["P"]
        subject = match.env["X"][1]
        if facts.tainted(subject) and explodes(where.constant(pattern)) and not order.says(facts, _SHORT):
            yield match


def compiled_exponential(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The same for a pattern that was compiled under a name: `CODE.match(text)`."""
    for match in matches:
        subject = match.env["X"][1]
        if not facts.tainted(subject) or order.says(facts, _SHORT):
            continue
        for origin, call in flow.makers(facts, match.env["C"][1]):
            if isinstance(call, cst.Call) and call.args and "re.compile" in origin.names(call.func):
                if explodes(origin.constant(call.args[0].value)):
                    yield match


def from_outside(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A pattern that user input is a part of, and not by `re.escape`."""
    for match in matches:
        pattern = match.env["P"][1]
        parts = [n for f, n in flow.leaves(facts, pattern) if f.tainted(n) and not _escaped(f, n) and not flow.checked(f, n)]
        if parts and facts.tainted(pattern):
            yield match


def _escaped(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether `re.escape` stands around a part, or made it."""
    calls = [node, *facts.ancestors(node)]
    return any(isinstance(n, cst.Call) and "re.escape" in facts.names(n.func) for n in calls)


def prefix_only(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`if not re.match("[a-z]+", name): refuse`, where the pattern has no end, so that anything may follow."""
    for match in matches:
        subject = match.env["X"][1]
        parent = facts.parent(match.node)
        test = facts.parent(parent) if isinstance(parent, cst.UnaryOperation) and isinstance(parent.operator, cst.Not) else None
        if not isinstance(test, cst.If) or test.test is not parent or not order.leaves(test.body) or not facts.tainted(subject):
            continue
        where, pattern = match.env["P"]
        if _open_ended(where.constant(pattern)):
            yield match


def _open_ended(pattern: object) -> bool:
    """Whether a pattern begins and ends with sets of characters, as descriptions of a whole do, and has no end mark."""
    tree = _parsed(pattern)
    items = [i for i in tree if i[0] is not ops.AT] if tree is not None else []
    if not items or any(i[0] is ops.AT and i[1] in (ops.AT_END, ops.AT_END_STRING) for i in tree) or "$" in str(pattern):
        return False
    return _is_set(items[0]) and _is_set(items[-1]) and not any(i[0] is ops.BRANCH for i in items)


def _is_set(item: Any) -> bool:
    """`[a-z]+`, `\\d{4}`, `\\w*`, but not `.*`."""
    if item[0] is ops.SUBPATTERN:
        inner = list(item[1][3])
        return bool(inner) and _is_set(inner[-1])
    if item[0] in (ops.MAX_REPEAT, ops.MIN_REPEAT):
        inner = list(item[1][2])
        return bool(inner) and (inner[0][0] is ops.IN or _is_set(inner[0]))
    return item[0] is ops.IN
