"""Checks of the sql-text pack: what a statement is put together from, and whether it says which rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.tracing import symbol
from guardrail.analysis.scopes import dotted
from guardrail.words import split_words

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_STATEMENT = re.compile(
    r"^\W*(select\b.*(\bfrom\b|\d)|insert\s+(or\s+\w+\s+)?into\b|update\s+\S+\s+set\b|delete\s+from\b|with\b.*\bas\b|merge\s+into\b|replace\s+into\b|"
    r"(create|alter|drop)\s+(or\s+replace\s+)?(table|index|view|schema|database|user|role|function|trigger|sequence|type|extension|unique|materialized|temp)|"
    r"truncate\b|explain\s+\w+|grant\s+.*\bto\b|call\s+\w+\s*\(|copy\s+\S+)",
    re.IGNORECASE | re.DOTALL,
)
_DEFINES = re.compile(r"^\W*(create|alter|drop)\b", re.IGNORECASE)  # databases bind no parameters in such statements
_REQUEST_PARTS = frozenset("GET POST query_params args form data values json".split())
_SWEEPING = frozenset("purge cleanup truncate reset wipe clear flush seed rebuild drop empty teardown prune vacuum reindex".split())
_ALL = re.compile(r"(delete|remove|deactivate|disable|revoke|expire|archive|unset|wipe)_all")  # the name says: every row
_BARE = re.compile(
    r"^\s*(delete\s+from\s+[\w.\"`\[\]]+\s*;?\s*$|truncate\s+(table\s+)?[\w.\"`]+|update\s+[\w.\"`\[\]]+\s+set\s+(?!.*\bwhere\b).+"
    r"|(delete\s+from|update)\b.*\bwhere\s+(1\s*=\s*1|true)\s*;?\s*$)",
    re.IGNORECASE | re.DOTALL,
)
_SCRATCH = re.compile(r"\b(tmp|temp|stag(e|ing)|scratch)_|_(tmp|temp|staging|stage|scratch)\b", re.IGNORECASE)


def foreign_text(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Statements with a part that a caller or a user decides, neither plain, quoted nor checked."""
    for match in matches:
        origin, sql = match.env["SQL"]
        if flow.from_outside(origin, sql):
            yield match


def foreign_statement(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The same for receivers of unknown type: only where the text begins like SQL."""
    for match in foreign_text(facts, matches):
        origin, sql = match.env["SQL"]
        start = beginning(origin, sql)
        if _STATEMENT.match(start) and (origin.tainted(sql) or not _DEFINES.match(start)):
            yield match


def beginning(facts: Facts, node: cst.CSTNode, depth: int = 0) -> str:
    """The literal text that a string begins with."""
    known = facts.constants(node)
    if known and isinstance(known[0], str):
        return known[0]
    if depth > 8:
        return ""
    if isinstance(node, cst.FormattedString):
        text = ""
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                text += part.value
            elif isinstance(part, cst.FormattedStringExpression):
                text += beginning(facts, part.expression, depth + 1) or " x "
        return text
    if isinstance(node, (cst.BinaryOperation, cst.ConcatenatedString)):
        return beginning(facts, node.left, depth + 1)
    if isinstance(node, cst.Call):
        of = flow.receiver(node)
        return beginning(facts, of, depth + 1) if of is not None else ""
    if isinstance(node, cst.Name):
        for origin, bind in facts.origins(node):
            value = bind.node if bind.kind == "value" else getattr(bind.node, "value", None)
            if bind.kind in ("value", "annotated") and isinstance(value, cst.BaseExpression):
                found = beginning(origin, value, depth + 1)
                if found:
                    return found
    return ""


def lookup_from_user(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """ORM calls whose keyword names (`**data`) or column names (`order_by(x)`) are user input."""
    for match in matches:
        if not isinstance(match.node, cst.Call):
            continue
        method = flow.called(match.node)
        for arg in match.node.args:
            names = arg.star == "**" or (arg.keyword is None and method in ("order_by", "values", "values_list", "distinct", "F"))
            if names and facts.tainted(arg.value) and not _fixed_keys(facts, arg.value) and not flow.checked(facts, arg.value):
                yield match
                break


def _fixed_keys(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the keys of a mapping are written in the code, or filtered by a list."""
    if isinstance(node, cst.Dict):
        keys = [e.key for e in node.elements if isinstance(e, cst.DictElement)]
        return len(keys) == len(node.elements) and not any(flow.from_outside(facts, k) for k in keys if facts.tainted(k))
    if isinstance(node, cst.Attribute) and dotted(node.value) in ("self", "cls"):
        return True
    if isinstance(node, cst.Name) and re.search(r"valid|allowed|clean|safe|known", node.value):
        return True
    if isinstance(node, cst.DictComp):
        return not facts.tainted(node.key) or "in" in facts.code(node)[facts.code(node).find(" if ") :]
    if isinstance(node, cst.ListComp):
        return " if " in facts.code(node)
    if isinstance(node, cst.Name):
        target = facts.deref(node)
        if target is not None and target[1] is not node:
            return _fixed_keys(*target)
        values = [bind.node for _, bind in facts.origins(node) if bind.kind == "value"]
        return bool(values) and all(isinstance(v, cst.Dict) and _fixed_keys(facts, v) for v in values)
    if isinstance(node, cst.Call):
        of = flow.receiver(node)
        dumped = of is not None and flow.called(node) in ("model_dump", "dict", "dump", "asdict")
        return dumped and not (isinstance(of, cst.Attribute) and of.attr.value in _REQUEST_PARTS)
    return isinstance(node, (cst.FormattedString, cst.SimpleString)) and not facts.dynamic(node)


def query_document(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Document-store queries that are user input as a whole, operators included."""
    for match in matches:
        origin, query = match.env["Q"]
        target = origin.deref(query) if isinstance(query, cst.Name) else None
        shown = target[1] if target is not None else query
        if not isinstance(shown, (cst.Dict, cst.FormattedString)) and not flow.checked(origin, query):
            yield match


def no_purge(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Not in migrations, and not in functions or files whose name says that they empty something."""
    if re.search(r"(^|/)(migrations|versions|seeds?|fixtures_data)/", facts.path):
        return
    stem = facts.path.rpartition("/")[2].removesuffix(".py")
    for match in matches:
        function = flow.function_def(facts, match.node)
        name = f"{stem}_{symbol(facts)}_{function.name.value if function is not None else ''}"
        if not _SWEEPING.intersection(split_words(name)) and not _ALL.search(name):
            yield match


def without_where(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Statements that change every row of a table that is no scratch table."""
    for match in no_purge(facts, matches):
        if isinstance(match.node, cst.Call) and "alembic.op.execute" in facts.names(match.node.func):
            continue
        origin, sql = match.env["SQL"]
        text = origin.constant(sql)
        if isinstance(text, str) and _BARE.match(text) and not _SCRATCH.search(text):
            yield match
