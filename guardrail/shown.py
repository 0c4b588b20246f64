"""The code that reports show beside what they say: of both sides, and only of files that are spoken of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from guardrail.model import Change, FileChange, Finding, Outcome, Status, Tree, Unreadable, Verdict
from guardrail.source import decode

LONGEST = 2_000_000  # bytes of a file that is shown


def with_sources(verdict: Verdict, change: Change, files: Sequence[FileChange]) -> Verdict:
    """The verdict with the text of every file that a finding or one of its notes is in; `files` are those of the change."""
    spoken = [d.finding for d in verdict.decisions if d.outcome is not Outcome.UNSELECTED and d.finding.status is not Status.FIXED]
    new = {f.path for f in spoken if f.status is Status.INTRODUCED}
    old = {f.base_path for f in files if f.path in new and f.base_path} | set(_places(spoken, "base"))
    heads = _texts(change.head, {*(f.path for f in spoken), *_places(spoken, "head")}, verdict.sources)
    return replace(verdict, sources=heads, base_sources=_texts(change.base, old, {}), files=tuple(files))


def _places(findings: Iterable[Finding], side: str) -> Iterable[str]:
    return (note.path for f in findings for note in f.notes if note.side == side)


def _texts(tree: Tree, paths: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """The known texts and those of the other paths; what cannot be read is left out: it is said elsewhere that it was not."""
    found = dict(known)
    for path in sorted({*paths} - known.keys()):
        try:
            data = tree.read(path)
            if data and len(data) <= LONGEST and b"\0" not in data:
                found[path] = decode(data)
        except Unreadable:
            continue
    return found
