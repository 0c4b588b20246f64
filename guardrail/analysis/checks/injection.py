"""Checks of the injection pack: commands, code and markup that a caller or a user has a hand in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_TAG = re.compile(r"<\s*/?[a-zA-Z!][^>]*>?")
_TAKES_OPTIONS = frozenset(
    "git hg svn ssh scp rsync curl wget tar zip find grep ffmpeg convert magick sendmail pip npm man xargs".split()
)
_HTML_FILE = re.compile(r"[\"'][^\"'\n]*\.(html?|xhtml)(\.j2|\.jinja2?)?[\"']|text/html|HTMLResponse|HttpResponse")


def foreign_text(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Strings with a part that a caller or a user decides, neither quoted nor checked."""
    for match in matches:
        origin, text = match.env["X"]
        if flow.from_outside(origin, text):
            yield match


def unchecked(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """User input that is not compared with a fixed list in the same definition."""
    for match in matches:
        origin, text = match.env["X"]
        if not flow.checked(origin, text):
            yield match


def unescaped(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Strings declared safe with a part that a caller or a user decides; `str(field)` of an object is its own markup."""
    for match in foreign_text(facts, matches):
        origin, text = match.env["X"]
        if origin.tainted(text) or not all(_rendered(origin, part) for part in _operands(text)):
            yield match


def _operands(node: cst.CSTNode) -> list[cst.CSTNode]:
    """What a chain of `+` puts together."""
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
        return [*_operands(node.left), *_operands(node.right)]
    return [node]


def _rendered(facts: Facts, node: cst.CSTNode) -> bool:
    return bool(facts.constants(node)) or (isinstance(node, cst.Call) and "str" in facts.names(node.func))


def markup(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Strings with tags in them and user input between the tags."""
    for match in matches:
        origin, text = match.env["X"]
        if _TAG.search(_literal_text(origin, text)) and flow.from_outside(origin, text):
            yield match


def returned_markup(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """What a view returns as a string with tags in it and user input between the tags."""
    for root in {id(r): r for r in (flow.function_def(facts, m.node) for m in matches) if r is not None}.values():
        for node in flow.own_nodes(root):
            text = node.value if isinstance(node, cst.Return) else None
            if text is None or not facts.dynamic(text) or not facts.tainted(text):
                continue
            if _TAG.search(_literal_text(facts, text)) and flow.from_outside(facts, text):
                yield facts.match(node)


def _literal_text(facts: Facts, node: cst.CSTNode, depth: int = 0) -> str:
    """The source of a string expression, names followed once."""
    if isinstance(node, cst.Name) and depth < 6:
        return " ".join(
            _literal_text(origin, bind.node, depth + 1)
            for origin, bind in facts.origins(node)
            if bind.kind in ("value", "grow", "fill") and isinstance(bind.node, cst.BaseExpression)
        )
    return facts.code(node) if isinstance(node, (cst.FormattedString, cst.BinaryOperation, cst.Call, cst.BaseString)) else ""


def renders_html(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Template environments of files that name HTML templates."""
    if _HTML_FILE.search(facts.file.source.text):
        yield from matches


def option(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Arguments of a program that the client writes whole, before which no `--` ends the options."""
    for match in matches:
        origin, given = match.env["X"]
        if (
            not isinstance(given, (cst.List, cst.Tuple))
            or not given.elements
            or origin.constant(given.elements[0].value) not in _TAKES_OPTIONS
        ):
            continue
        for element in given.elements[1:]:
            if origin.constant(element.value) == "--":
                break
            if origin.tainted(element.value) and _whole(origin, element.value) and not flow.checked(origin, element.value):
                yield match
                break


def _whole(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the client decides how the text begins."""
    if isinstance(node, cst.FormattedString):
        return bool(node.parts) and isinstance(node.parts[0], cst.FormattedStringExpression)
    if isinstance(node, cst.BinaryOperation):
        return _whole(facts, node.left)
    if isinstance(node, cst.Name):
        target = facts.deref(node)
        return target is None or _whole(*target)
    return not facts.constants(node)
