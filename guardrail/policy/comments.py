"""New and widened comments that silence a tool: allows, noqa, nosec, type: ignore and their like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from guardrail.comments import comments
from guardrail.extents import extents, symbols
from guardrail.model import Unreadable
from guardrail.source import parse

if TYPE_CHECKING:
    from guardrail.allows import Allow

ALIKE = 0.6  # two statements of one definition are the same one, edited, when they are at least so similar
MANY = 50  # comments of one place that are tried as twins
EVERYTHING = frozenset({"*"})
_PEERS = (  # compiled, as the others, when there is such a comment
    r"#\s*(?P<tool>(?:ruff|flake8)\s*:\s*noqa|noqa|nosec|nosemgrep|type\s*:\s*ignore|pyright\s*:\s*ignore|ty\s*:\s*ignore"
    r"|pyre-ignore|pyre-fixme|mypy\s*:\s*ignore-errors|pylint\s*:\s*(?:disable(?:-next)?|skip-file)|ruff\s*:\s*(?:ignore|disable)"
    r"|bandit\s*:\s*skip)\b(?P<rest>[^#]*)"
)
_CODES = r"\s*[:=]?\s*(?:\[(?P<bracketed>[^\]]*)\]|(?P<bare>[A-Za-z][\w.-]*\d\w*(?:[\s,]+[A-Za-z][\w.-]*\d\w*)*))"
_NAMES = r"\s*[:=]\s*(?P<bare>[\w-]+(?:\s*,\s*[\w-]+)*)"  # pylint and semgrep have names for codes
_MARKS = ("guardrail", "noqa", "nosec", "nosem", "ignore", "pylint", "pyre-", "bandit")
_MARKED = "#[^\n]*(?:" + "|".join(_MARKS) + ")"  # a comment with a word of those, or what looks like one


@dataclass(frozen=True, slots=True)
class Silence:
    """One comment: what it silences for which statement."""

    tool: str  # "guardrail", "noqa", "type: ignore"
    codes: frozenset[str]  # `*`: all
    line: int
    symbol: str  # of the definition
    statement: str  # the code that it is bound to, without comments and layout
    text: str  # the comment as written
    path: str
    until: date = date.max

    def within(self, other: Silence) -> bool:
        """Whether the other silences as much or more."""
        return self.tool == other.tool and (self.codes <= other.codes or other.codes == EVERYTHING) and self.until <= other.until


def added(head: Iterable[Silence], base: Iterable[Silence]) -> list[Silence]:
    """The comments of head that no comment of base explains; `path` is on both sides that of head.

    Paired by statement first, then by what the statement says wherever it went, then with one in the same definition whose
    statement was edited; each comment of base explains one.
    """
    todo, left = list(head), set(base)
    for key, similar in ((_place, False), (_code, False), (_definition, True)):
        known: dict[tuple[str, ...], list[Silence]] = {}
        for old in sorted(left, key=lambda s: (s.path, s.line)):
            known.setdefault(key(old), []).append(old)
        rest = []
        for silence in todo:
            near = known.get(key(silence), [])[:MANY]
            twin = next((o for o in near if o in left and silence.within(o) and (not similar or _alike(silence, o))), None)
            if twin:
                left.remove(twin)
            else:
                rest.append(silence)
        todo = rest
    return todo


def _place(s: Silence) -> tuple[str, ...]:
    return s.path, s.symbol, s.statement, s.tool


def _code(s: Silence) -> tuple[str, ...]:
    return s.statement, s.tool


def _definition(s: Silence) -> tuple[str, ...]:
    return s.path, s.symbol, s.tool


def _alike(a: Silence, b: Silence) -> bool:
    import difflib  # late: only for comments whose statement was edited

    return difflib.SequenceMatcher(None, a.statement[:500], b.statement[:500], autojunk=False).ratio() >= ALIKE


def may_silence(data: bytes) -> bool:
    """Whether a file has a word of such a comment at all."""
    small = data.lower()
    return any(mark.encode() in small for mark in _MARKS)


def silences(path: str, text: str) -> list[Silence]:
    """Every such comment of a file."""
    found = list(_marked(path, text)) if re.search(_MARKED, text.lower()) else []
    if not found:
        return []
    lines = ["", *text.split("\n")]
    try:
        tree = parse(text)
    except Unreadable:
        return [replace(s, statement=" ".join(lines[s.line].split())) for s in found]
    by_line, symbol = extents(tree, lines), symbols(tree, lines)
    bound = {allow.line: (allow.first, allow.last) for allow in _allows(path, text)}
    bare = _without_comments(text)
    result = []
    for silence in found:
        first, last = bound.get(silence.line) or by_line.get(silence.line, (silence.line, silence.line))
        code = " ".join(" ".join(bare[first : last + 1]).split())
        result.append(replace(silence, symbol=symbol.get(first, "<module>"), statement=code))
    return result


def _marked(path: str, text: str) -> Iterator[Silence]:
    for allow in _allows(path, text):
        shown = f"# guardrail: allow[{', '.join(sorted(allow.rules))}]"
        yield Silence("guardrail", allow.rules, allow.line, "", "", shown, path, allow.until or date.max)
    for line, _, comment in comments(text):
        for match in re.finditer(_PEERS, comment, re.I):
            tool = re.sub(r"\s*:\s*", ": ", match["tool"].lower())
            yield Silence(tool, _codes(tool, match["rest"]), line, "", "", match[0].strip(), path)


def _allows(path: str, text: str) -> tuple[Allow, ...]:
    if "guardrail" not in text.lower():
        return ()
    from guardrail.allows import find_allows  # late: few files have one

    return find_allows(path, text).allows


def _codes(tool: str, rest: str) -> frozenset[str]:
    form = _NAMES if tool.startswith(("pylint", "nosem")) else _CODES
    match = re.match(form, rest)
    groups = match.groupdict() if match else {}
    names = re.split(r"[\s,]+", (groups.get("bracketed") or groups.get("bare") or "").strip())
    return frozenset(name.upper() for name in names if name) or EVERYTHING


def _without_comments(text: str) -> list[str]:
    """The lines of a file, from index 1 on, each without its comment."""
    lines = ["", *text.split("\n")]
    for line, column, _ in comments(text):
        lines[line] = lines[line][: column - 1]
    return lines
