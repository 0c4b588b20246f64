"""Redirects: who says where to go?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import called, identifiers, method, named, origins, resolve, texts, trace
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_ASKS = re.compile(
    r"(?i)allowed_host|is_safe|safe_url|safe_redirect|is_local|is_relative|is_internal|validate_(next|redirect|url)|netloc|hostname"
)
_OWN_PLACE = re.compile(r"^(/[\w.~-]|https?://[\w.:-]+[/?#]|[?#])")
_REVERSERS = frozenset("reverse reverse_lazy url_for resolve_url url_path_for abort".split())
_SAME_SITE = frozenset(
    "path full_path url base_url root_url url_root get_full_path build_absolute_uri path_info host referrer HTTP_REFERER"
    " Referer".split()
)


def leaves_the_site(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A target that begins with user input, in a function that asks nothing about it."""
    if any(_ASKS.search(name) for name in identifiers(facts)) or "//" in texts(facts):
        return
    for match in matches:
        value = named(match, "U")
        if value is not None and _begins_with_input(*value) and not _looked_up(facts, value[1]):
            yield match


def _begins_with_input(facts: Facts, node: cst.CSTNode, depth: int = 0) -> bool:
    """Whether the first characters of the address are the user's."""
    owner, found = resolve(facts, node)
    if depth > 6:
        return False
    if isinstance(found, cst.Name):
        several = origins(owner, found)
        if len(several) > 1:
            return any(_begins_with_input(o, n, depth + 1) for o, n in several)
    if isinstance(found, cst.FormattedString):
        first = found.parts[0] if found.parts else None
        if isinstance(first, cst.FormattedStringText):
            return first.value == "/" and owner.tainted(found)
        return isinstance(first, cst.FormattedStringExpression) and _begins_with_input(owner, first.expression, depth + 1)
    if isinstance(found, cst.BinaryOperation) and isinstance(found.operator, cst.Modulo):
        values = [e.value for e in found.right.elements] if isinstance(found.right, cst.Tuple) else [found.right]
        text = owner.constant(found.left)
        return isinstance(text, str) and text.startswith("%") and _begins_with_input(owner, values[0], depth + 1)
    if isinstance(found, cst.BinaryOperation):
        known = owner.constant(found.left)
        return known == "/" if isinstance(known, str) else _begins_with_input(owner, found.left, depth + 1)
    if isinstance(found, (cst.BooleanOperation, cst.IfExp)):
        sides = [found.left, found.right] if isinstance(found, cst.BooleanOperation) else [found.body, found.orelse]
        return any(_begins_with_input(owner, side, depth + 1) for side in sides)
    if method(found) in _REVERSERS or (method(found) == "format" and _fixed_start(owner, found)):
        return False
    return owner.tainted(found) and not _same_site(owner, found)


def _fixed_start(facts: Facts, node: cst.CSTNode) -> bool:
    receiver = node.func.value if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) else None
    text = facts.constant(receiver) if receiver is not None else None
    return isinstance(text, str) and bool(_OWN_PLACE.match(text))


def _same_site(facts: Facts, node: cst.CSTNode) -> bool:
    """The address of this very request, or where it came from."""
    for owner, part in trace(facts, node):
        if isinstance(part, cst.Attribute) and part.attr.value in _SAME_SITE:
            return True
        if isinstance(part, cst.SimpleString) and part.evaluated_value in _SAME_SITE:
            return True
        if called(owner, part) & {"flask.url_for", "django.urls.reverse"}:
            return True
    return False


def _looked_up(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the target is compared with a list of places."""
    wanted = facts.normal(node)
    for found in facts.nodes:
        if isinstance(found, cst.Comparison) and isinstance(found.comparisons[0].operator, (cst.In, cst.NotIn)):
            if facts.normal(found.left) == wanted:
                return True
    return False
