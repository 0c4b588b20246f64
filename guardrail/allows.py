"""`# guardrail: allow[JWT001] reason`: read strictly, bound to a statement; a malformed one allows nothing."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from guardrail.comments import comments
from guardrail.extents import Extent, extents, symbols
from guardrail.fields import guess
from guardrail.model import Finding, Unreadable
from guardrail.ownrules import ALLOW_EXPIRED, ALLOW_MALFORMED, ALLOW_UNKNOWN, OwnRule, finding, is_ours
from guardrail.reason import is_reason
from guardrail.source import normalise_newlines, parse

_MARK = re.compile(r"(?:^|(?<=\s))#+\s*guardrail\s*:", re.I)
_FORM = re.compile(r"# guardrail: allow\[(?P<ids>[^\]]*)\](?P<rest>.*)", re.S)
_ID = re.compile(r"[A-Z]{3}\d{3}")
_UNTIL = re.compile(r"(?P<reason>.*?)(?:^|\s)until=(?P<until>\S*)\s*\Z", re.S)


@dataclass(frozen=True, slots=True)
class Allow:
    """A person's word that some rules are wrong about the statement on these lines."""

    rules: frozenset[str]
    reason: str
    until: date | None
    line: int  # of the comment
    first: int
    last: int
    symbol: str = "<module>"  # of the definition that it stands in

    def expired(self, today: date | None) -> bool:
        """Whether its last day has passed."""
        return today is not None and self.until is not None and today > self.until


@dataclass(frozen=True, slots=True)
class AllowsOfFile:
    """The allows of one file, and what is wrong with others."""

    allows: tuple[Allow, ...] = ()
    findings: tuple[Finding, ...] = ()
    extents: Mapping[int, Extent] = field(default_factory=dict)  # by line, in a file that has allows
    by_extent: Mapping[tuple[Extent, str], Allow] = field(default_factory=dict)  # by extent and rule

    def of(self, finding: Finding) -> Allow | None:
        """The allow that covers a finding; one about a whole block is covered by what stands on its header."""
        own = self.extents.get(finding.line)
        if not self.allows or not own or is_ours(finding.rule):
            return None
        for line in range(finding.line, max(finding.line, min(finding.end_line, own[1])) + 1):
            if allow := self.by_extent.get((self.extents.get(line, own), finding.rule)):
                return allow
        return None


class _Malformed(Exception):
    """What is wrong with a comment, in words."""


def find_allows(path: str, text: str, known: Collection[str] | None = None, today: date | None = None) -> AllowsOfFile:
    """The allow comments of a file; with the `known` rule ids, others are findings, too, and with a day those that have expired."""
    if "guardrail" not in text.lower():
        return AllowsOfFile()
    text = normalise_newlines(text)
    marked = list(_marked(text))
    if not marked:
        return AllowsOfFile()
    lines = ["", *text.split("\n")]
    try:
        tree = parse(text)
    except Unreadable:
        return AllowsOfFile()
    by_line = extents(tree, lines)
    following = sorted(set(by_line.values()))
    allows, findings = [], []
    symbol = symbols(tree, lines)
    for line, column, comment in marked:
        place = (path, symbol.get(line, "<module>"), line, column, comment)
        try:
            rules, reason, until = _read(comment)
            after = bisect_left(following, (line, 0)) if not lines[line][: column - 1].strip() else len(following)
            extent = by_line.get(line) or next(iter(following[after : after + 1]), None)
            if not extent:
                raise _Malformed("there is no statement that it could stand for")
        except _Malformed as error:
            message = f"This comment allows nothing: {error}."
            findings.append(_finding(ALLOW_MALFORMED, message, place))
            continue
        allow = Allow(frozenset(rules), reason, until, line, *extent, place[1])
        if allow.expired(today):
            message = f"This allow held until {until}: {reason}"
            findings.append(_finding(ALLOW_EXPIRED, message, place))
        else:
            allows.append(allow)
        for rule in rules:
            if known is not None and rule not in known:
                message = f"There is no rule {rule} that could be allowed{guess(rule, known)}."
                findings.append(_finding(ALLOW_UNKNOWN, message, place))
    by_extent = {((a.first, a.last), rule): a for a in reversed(allows) for rule in a.rules}
    return AllowsOfFile(tuple(allows), tuple(findings), by_line, by_extent)


def _marked(text: str) -> Iterator[tuple[int, int, str]]:
    """Line, column and text of the comments that speak to us."""
    for line, column, comment in comments(text):
        if mark := _MARK.search(comment):
            yield line, column + mark.start(), comment[mark.start() :].rstrip()


def _read(comment: str) -> tuple[list[str], str, date | None]:
    """Rules, reason and date of a comment in the right form."""
    form = _FORM.fullmatch(comment)
    if not form:
        raise _Malformed("it is not of the form `allow[…] reason`, with rule ids in the brackets")
    rules = [part.strip() for part in form["ids"].split(",")]
    for rule in rules:
        if not _ID.fullmatch(rule):
            raise _Malformed(f"`{rule[:40]}` is no rule id such as JWT001" if rule else "a rule id is missing")
        if is_ours(rule):
            raise _Malformed(f"{rule} cannot be allowed")
    rest = form["rest"]
    until = None
    if ending := _UNTIL.fullmatch(rest):
        rest, until = ending["reason"], _date(ending["until"])
    if "until=" in rest:
        raise _Malformed("`until=` comes once and last")
    reason = rest.strip()
    if not reason or not rest[0].isspace():
        raise _Malformed("there is no reason after the brackets")
    if not is_reason(reason):
        raise _Malformed(f"`{reason[:40]}` is no reason that a reviewer could judge")
    return rules, reason, until


def _date(text: str) -> date:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _Malformed(f"`until={text[:40]}` is no date such as 2027-03-01")


def _finding(rule: OwnRule, message: str, place: tuple[str, str, int, int, str]) -> Finding:
    path, symbol, line, column, comment = place
    found = finding(rule, path, line, message, comment, symbol)
    return replace(found, column=column, end_column=column + len(comment))
