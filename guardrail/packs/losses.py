"""The keys of a rule about losses → a Delta, with every mistake noted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from guardrail.fields import guess
from guardrail.packs.reader import Reader
from guardrail.packs.rules import Delta
from guardrail.patterns.spelling import variables

# What loosens a value: a number grown or fallen by more than a factor, a list grown or shrunk, a guard switched off,
# a value further down a list that is ordered from strong to weak.
TESTED = ("no", "together", "kept")  # how the tests of the change stand to what a rule found
KINDS = ("raised", "lowered", "grown", "shrunk", "off", "order")


def read_delta(reader: Reader, table: Mapping[str, Any]) -> Delta | None:
    """What the rule asks of the head side; None for a rule that looks at one side only."""
    if not any(key in table for key in ("lost", "files")) or "reads" in table or "reaches" in table:
        for key in ("still", "instead", "weakened", "tested", "everywhere"):
            if key in table:
                reader.problem(key, "belongs to `lost`")
        return None
    if "any" in table:
        reader.problem("lost" if "lost" in table else "files", "cannot stand beside `any`")
    if "files" in table and not table.get("check"):
        reader.problem("files", "wants a `check` that reads them")
    return Delta(
        still=reader.patterns(table, "still"),
        instead=reader.patterns(table, "instead"),
        weakened=_weakened(reader, table),
        files=reader.texts(table, "files"),
        everywhere=_everywhere(reader, table.get("everywhere", {})),
        tested=reader.one_of(table, "tested", TESTED, "") if "tested" in table else "",
    )


def _everywhere(reader: Reader, given: Any) -> dict[str, str]:
    """Both sides of the table are regular expressions."""
    if not isinstance(given, dict) or not all(isinstance(guards, str) for guards in given.values()):
        reader.problem("everywhere", 'wants a table such as { LoginRequiredMiddleware = "login_required" }')
        return {}
    for pattern in (*given, *given.values()):
        try:
            re.compile(pattern)
        except re.error as error:
            reader.problem("everywhere", f"{pattern} is no regular expression: {error}")
            return {}
    return dict(given)


def _weakened(reader: Reader, table: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    given = table.get("weakened", {})
    if not isinstance(given, dict):
        reader.problem("weakened", "wants weakened.NAME = …")
        return {}
    lost = table.get("lost")
    named = frozenset().union(*(variables(t) for t in lost if isinstance(t, str))) if isinstance(lost, list) else frozenset()
    found = {}
    for name, value in given.items():
        if name not in named:
            reader.problem(f"weakened.{name}", f"no pattern names ${name}")
        orders = {value: True} if isinstance(value, str) else value
        if not isinstance(orders, dict) or not orders:
            reader.problem(f"weakened.{name}", 'wants a word such as "grown" or a table such as { raised = 5 }')
            continue
        for kind, limit in orders.items():
            _check(reader, f"weakened.{name}", kind, limit)
        found[name] = orders
    return found


def _check(reader: Reader, key: str, kind: str, limit: object) -> None:
    if kind not in KINDS:
        reader.problem(key, f'unknown order "{kind}"{guess(kind, KINDS)}')
    elif kind in ("raised", "lowered") and limit is not True and (isinstance(limit, bool) or not isinstance(limit, (int, float))):
        reader.problem(key, f"{kind} wants a factor")
    elif kind == "order" and not isinstance(limit, list):
        reader.problem(key, "order wants a list, strong to weak")
