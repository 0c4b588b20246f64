"""Commands in pages that people copy: what a tired person must not run as it stands there (DOC001)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from guardrail.texts import Forms, Page, Spot, spot_in

PIPED_TO_SHELL = re.compile(r"\b(?:curl|wget)\b[^|\n]*\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b")
_DESTROYS = (
    (
        re.compile(
            r"\brm\s+(?:-\w+\s+)*-\w*[rR]\w*\s+(?:-\w+\s+)*[\"']?(?:/(?:\s|\*|$)|~/?(?:\s|$)|\$\{?\w+\}?/?\*?[\"']?(?:\s|$))"
        ),
        "Everything below goes, and the whole disk where the variable is empty.",
    ),
    (re.compile(r"(?i)\b(?:DROP\s+(?:TABLE|DATABASE|SCHEMA)|TRUNCATE\s+(?:TABLE\s+)?\w+)\b"), "The data is gone for good."),
    (re.compile(r"(?i)\bDELETE\s+FROM\s+[\w.\"`]+\s*(?:;|[\"']|$)"), "Without a condition every row goes."),
    (re.compile(r"(?i)\bFLUSH(?:ALL|DB)\b"), "Every key goes, those of others too."),
    (re.compile(r"\bgit\s+push\b[^\n]*\s(?:--force(?![\w-])|-f\b)"), "Commits of others go; --force-with-lease looks first."),
    (re.compile(r"\bkubectl\s+delete\b[^\n]*\s(?:--all\b|namespaces?\s|ns\s)"), "All that is in there goes with it."),
)
_EXPOSES = (
    (PIPED_TO_SHELL, "What a server sends at this moment is run unseen."),
    (
        re.compile(r"\bcurl\b[^|\n]*\s(?:-k|--insecure)\b|\bwget\b[^|\n]*--no-check-certificate\b"),
        "The peer's certificate is not checked.",
    ),
)
_WARNS = re.compile(r"(?i)\b(?:never|do not|don't|must not|dangerous|warning|caution|instead of|bad:|wrong)\b")
_UNDOES = re.compile(r"(?i)\b(?:roll\s?back|restore|backup|back up|dump|undo|revert|--dry-run|snapshot)\b")
_RUNBOOK = re.compile(r"(?i)(^|/)(runbooks?|playbooks?|ops|operations|oncall)(/|[\w-]*\.)")
_CLIENT = re.compile(r"\b(?:psql|mysql|mariadb|sqlite3|sqlcmd|redis-cli|mongosh?|clickhouse-client|rm|git|kubectl)\s")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_PROMPT = re.compile(r"^(?: {4}|\t)\s*\S")


def destructive(page: Page) -> Iterator[Spot]:
    """Commands that destroy, on a page that says nowhere how to get back; outside of runbooks, statements need a client."""
    if not _UNDOES.search(page.text):
        runs = _RUNBOOK.search(page.path)
        yield from (s for s in _found(page, _DESTROYS) if runs or _CLIENT.search(page.lines[s.line - 1]))


def exposing(page: Page) -> Iterator[Spot]:
    """Commands that trust whatever the network sends."""
    yield from _found(page, _EXPOSES)


def _found(page: Page, forms: Forms) -> Iterator[Spot]:
    for number in _commands(page):
        if spot := spot_in(page.lines[number - 1], number, forms):
            yield spot


def _commands(page: Page) -> Iterator[int]:
    """The lines (1-based) of code blocks that nothing just above warns of."""
    fenced = False
    text = ""  # the last line that was no code
    for number, line in enumerate(page.lines, 1):
        if _FENCE.match(line):
            fenced = not fenced
        elif fenced or _PROMPT.match(line):
            if not _WARNS.search(text) and not line.lstrip().startswith("#") and not _WARNS.search(line):
                yield number
        elif line.strip():
            text = line
