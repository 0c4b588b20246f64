"""git-ai's authorship notes (`authorship/3.*`): which lines of a commit's files an assistant wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

_HUMAN = "h_"  # keys of people; all others are of sessions and prompts
LONGEST = 4_000_000  # characters of a note that is read
MOST = 1_000_000  # lines of a file that a note speaks of


@dataclass(frozen=True, slots=True)
class Note:
    """What a note says: path → lines (1-based) of the commit's version, and the tool that it names."""

    lines: dict[str, frozenset[int]] = field(default_factory=dict)
    tool: str = ""


def read_note(text: str) -> Note:
    """A note as git-ai writes it; an empty one where it says nothing or is none of its.

    Above `---` a file's name on a line of its own, below it, indented, a key and the lines: `  s_1f::t_2a 1-5,9`; then JSON.
    """
    head, rule, tail = text[:LONGEST].partition("\n---\n")
    if not rule:
        return Note()
    found: dict[str, list[tuple[int, int]]] = {}
    path = ""
    for line in head.split("\n"):
        if line and not line[0].isspace():
            path = _unquoted(line.rstrip())
            continue
        key, _, spec = line.strip().partition(" ")
        if path and spec and not key.startswith(_HUMAN):
            found.setdefault(path, []).extend(_ranges(spec))
    return Note({path: lines for path, ranges in found.items() if (lines := _lines(ranges))}, _tool(tail))


def _ranges(spec: str) -> Iterator[tuple[int, int]]:
    for part in spec.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdecimal() and (not last or last.isdecimal()) and len(part) < 20:
            yield int(first), int(last or first)


def _lines(ranges: list[tuple[int, int]]) -> frozenset[int]:
    """All lines of some ranges, each looked at once, whatever a hostile note says."""
    found: set[int] = set()
    done = 0
    for first, last in sorted(ranges):
        found.update(range(max(first, done + 1), min(last, MOST) + 1))
        done = max(done, min(last, MOST))
    return frozenset(found)


def _unquoted(name: str) -> str:
    """A file's name: one with spaces stands in quotes."""
    return name[1:-1].replace('\\"', '"').replace("\\\\", "\\") if len(name) > 1 and name[0] == name[-1] == '"' else name


def _tool(text: str) -> str:
    """The tool of the first session or prompt that names one."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    for table in ("sessions", "prompts"):
        entries = data.get(table) if isinstance(data, dict) else None
        for entry in entries.values() if isinstance(entries, dict) else ():
            agent = entry.get("agent_id") if isinstance(entry, dict) else None
            if isinstance(agent, dict) and isinstance(agent.get("tool"), str):
                return str(agent["tool"])
    return ""
