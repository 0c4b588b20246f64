"""`# guardrail: allow[JWT001] reason`: read strictly, bound to a statement; a malformed one allows nothing."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from guardrail.model import Confidence, Finding, Severity, Unreadable
from guardrail.source import colon_line, first_line, header_line, normalise_newlines, parse

FORM = "# guardrail: allow[RULE001] reason [until=YYYY-MM-DD]"
PREFIX = "ALW"  # of our own rules, which nothing allows
_MARK = re.compile(r"(?:^|(?<=\s))#+\s*guardrail\s*:", re.I)
_FORM = re.compile(r"# guardrail: allow\[(?P<ids>[^\]]*)\](?P<rest>.*)", re.S)
_ID = re.compile(r"[A-Z]{3}\d{3}")
_UNTIL = re.compile(r"(?P<reason>.*?)(?:^|\s)until=(?P<until>\S*)\s*\Z", re.S)
_STRING_OR_COMMENT = re.compile(
    r"\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*+(?:\"\"\")?|'''(?:[^'\\]|\\.|'(?!''))*+(?:''')?"
    r"|\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?|(?P<comment>#[^\n]*)",
    re.S,
)
_PLACEHOLDERS = frozenset(
    "todo fixme xxx wip tbd tba na n a none nil ignore ignored skip ok okay fine safe pending later temporary temp reason"
    " because false positive by design intended known issue see above".split()
)
_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")


@dataclass(frozen=True, slots=True)
class Allow:
    """A person's word that some rules are wrong about the statement on these lines."""

    rules: frozenset[str]
    reason: str
    until: date | None
    line: int  # of the comment
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class AllowsOfFile:
    """The allows of one file, what is wrong with others, and the extents of its statements where it has any."""

    allows: tuple[Allow, ...] = ()
    findings: tuple[Finding, ...] = ()
    extents: tuple[tuple[int, int], ...] = ()

    def of(self, finding: Finding) -> Allow | None:
        """The allow that covers a finding; one about a whole block is covered by what stands on its header."""
        if not self.allows or finding.rule.startswith(PREFIX):
            return None
        last = finding.end_line
        if own := _innermost(self.extents, finding.line):
            last = min(last, own[1])
        for allow in self.allows:
            if finding.rule in allow.rules and allow.first <= last and finding.line <= allow.last:
                return allow
        return None


class _Malformed(Exception):
    """What is wrong with a comment, in words."""


def find_allows(path: str, text: str, known: Collection[str] | None = None) -> AllowsOfFile:
    """The allow comments of a file; with the `known` rule ids, others are findings, too."""
    if "guardrail" not in text.lower():
        return AllowsOfFile()
    text = normalise_newlines(text)
    comments = list(_comments(text))
    if not comments:
        return AllowsOfFile()
    lines = ["", *text.split("\n")]
    try:
        tree = parse(text)
    except (Unreadable, RecursionError):
        tree = ast.Module(body=[], type_ignores=[])
    extents = tuple(sorted(set(_extents(tree, lines))))
    allows, findings = [], []
    for line, column, comment in comments:
        place = (path, _symbol(tree, line, lines), line, column, comment)
        try:
            rules, reason, until = _read(comment)
            own_line = not lines[line][: column - 1].strip()
            extent = _bound(extents, line, own_line)
            if not extent:
                raise _Malformed("there is no statement that it could stand for")
        except _Malformed as error:
            message = f"This comment allows nothing: {error}."
            findings.append(_finding("ALW001", "allow-malformed", message, f"Write `{FORM}`.", place))
            continue
        allows.append(Allow(frozenset(rules), reason, until, line, *extent))
        for rule in rules:
            if known is not None and rule not in known:
                message = f"There is no rule {rule} that could be allowed."
                findings.append(_finding("ALW002", "allow-unknown-rule", message, "Name a rule that exists.", place))
    return AllowsOfFile(tuple(allows), tuple(findings), extents)


def _comments(text: str) -> Iterator[tuple[int, int, str]]:
    """Line, column and text of the comments that speak to us."""
    for found in _STRING_OR_COMMENT.finditer(text):
        mark = _MARK.search(found["comment"]) if found["comment"] else None
        if mark:
            start = found.start() + mark.start()
            before = text.rfind("\n", 0, start)
            yield text.count("\n", 0, start) + 1, start - before, text[start : found.end()].rstrip()


def _read(comment: str) -> tuple[list[str], str, date | None]:
    """Rules, reason and date of a comment in the right form."""
    form = _FORM.fullmatch(comment)
    if not form:
        raise _Malformed("it is not of the form `allow[…] reason`, with rule ids in the brackets")
    rules = [part.strip() for part in form["ids"].split(",")]
    for rule in rules:
        if not _ID.fullmatch(rule):
            raise _Malformed(f"`{rule[:40]}` is no rule id such as JWT001" if rule else "a rule id is missing")
        if rule.startswith(PREFIX):
            raise _Malformed(f"{rule} cannot be allowed")
    rest = form["rest"]
    until = None
    if ending := _UNTIL.fullmatch(rest):
        rest, until = ending["reason"], _date(ending["until"])
    if "until=" in rest:
        raise _Malformed("`until=` comes once and last")
    reason = rest.strip()
    words = re.findall(r"\w+", reason.lower())
    if not reason or not rest[0].isspace():
        raise _Malformed("there is no reason after the brackets")
    if _PLACEHOLDERS.issuperset(words) or (len(words) < 2 and len(reason) < 10):
        raise _Malformed(f"`{reason[:40]}` is no reason that a reviewer could judge")
    return rules, reason, until


def _date(text: str) -> date:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _Malformed(f"`until={text[:40]}` is no date such as 2027-03-01")


def _extents(tree: ast.Module, lines: list[str]) -> Iterator[tuple[int, int]]:
    """First and last line of each simple statement, and of the header of each compound statement and clause."""
    waiting: list[Any] = list(tree.body)
    while waiting:
        node = waiting.pop()
        blocks = [(name, block) for name in _BLOCKS if (block := getattr(node, name, None))]
        if isinstance(node, ast.match_case):
            last = header_line(node, lines)
            first = getattr(node, "lineno", 0) or node.pattern.lineno
            while first > 1 and not lines[first].lstrip().startswith("case"):
                first -= 1
            yield first, last
        elif isinstance(node, ast.Match):
            yield node.lineno, _above(next(_extents(ast.Module([node.cases[0]], []), lines))[0], node.lineno, lines)
        else:
            yield first_line(node, lines), header_line(node, lines) if blocks else node.end_lineno
        for name, block in blocks:
            waiting += block
            if name == "finalbody" or (name == "orelse" and not _is_elif(block, lines)):
                keyword = colon_line(block, node.lineno, lines)
                yield keyword, keyword


def _above(line: int, floor: int, lines: list[str]) -> int:
    """The nearest line above that is neither blank nor a comment."""
    line -= 1
    while line > floor and not lines[line].split("#")[0].strip():
        line -= 1
    return line


def _is_elif(block: list[Any], lines: list[str]) -> bool:
    return isinstance(block[0], ast.If) and lines[block[0].lineno][block[0].col_offset :].startswith("elif")


def _innermost(extents: Collection[tuple[int, int]], line: int) -> tuple[int, int] | None:
    """The smallest extent that has the line."""
    return min((e for e in extents if e[0] <= line <= e[1]), key=lambda e: e[1] - e[0], default=None)


def _bound(extents: tuple[tuple[int, int], ...], line: int, own_line: bool) -> tuple[int, int] | None:
    """The extent that a comment stands for: the one around it, or the next one where it has a line to itself."""
    if around := _innermost(extents, line):
        return around
    after = bisect_left(extents, (line, 0))
    return extents[after] if own_line and after < len(extents) else None


def _symbol(tree: ast.Module, line: int, lines: list[str]) -> str:
    """The symbol of the definition that a line belongs to."""
    found: list[str] = []
    waiting: list[Any] = list(tree.body)
    while waiting:
        node = waiting.pop()
        named = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        if not named:
            waiting += [child for name in _BLOCKS for child in getattr(node, name, ())]
        elif first_line(node, lines) <= line <= node.end_lineno:
            found.append(node.name)
            waiting = list(node.body) if isinstance(node, ast.ClassDef) else []
    return ".".join(found) or "<module>"


def _finding(rule: str, name: str, message: str, remedy: str, place: tuple[str, str, int, int, str]) -> Finding:
    path, symbol, line, column, comment = place
    return Finding(
        rule=rule,
        name=name,
        severity=Severity.P2,
        confidence=Confidence.HIGH,
        surface="policy",
        path=path,
        definition=symbol,
        line=line,
        column=column,
        end_line=line,
        end_column=column + len(comment),
        message=message,
        remedy=remedy,
        node=" ".join(comment.split()),
    )
