"""The touched lines of a change that were drafted with an assistant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from guardrail.change.history import Commit, History, Origin
from guardrail.drafted import Drafter, Provenance
from guardrail.model import FileChange, Tree, Unreadable
from guardrail.provenance.notes import Note, read_note
from guardrail.provenance.signs import sign_of

MANY = 400  # files that are blamed one by one


def provenance_of(
    files: Iterable[FileChange], head: Tree, past: History | None, commits: Iterable[Commit], assume: bool = False
) -> Provenance:
    """What is known of the lines that the files of a change touch; nothing lowers what a sign says."""
    touched = {f.head_path: lines for f in files if f.head_path and (lines := _touched(f, head))}
    total = sum(map(len, touched.values()))
    if assume:
        return Provenance(touched, total, (), True)
    signed, noted, drafters = _signs(commits)
    if past is None or not drafters:
        return Provenance({}, total)
    if len(touched) > MANY:
        return Provenance(touched, total, drafters)
    drafted = {}
    for path, lines in touched.items():
        origins = past.blame(path)
        own = frozenset(n for n in lines if (o := origins.get(n)) and (o.commit in signed or _noted(noted, o)))
        if own:
            drafted[path] = own
    return Provenance(drafted, total, drafters)


def _signs(commits: Iterable[Commit]) -> tuple[set[str], dict[str, Note], tuple[Drafter, ...]]:
    """The commits that are drafted as a whole, the notes of others, and who drafted."""
    signed: set[str] = set()
    noted: dict[str, Note] = {}
    drafters = []
    for commit in commits:
        if sign := sign_of(commit):
            signed.add(commit.id)
            drafters.append(Drafter(commit.id, sign.assistant, sign.sign))
        elif commit.note and (note := read_note(commit.note)).lines:
            noted[commit.id] = note
            drafters.append(Drafter(commit.id, note.tool or "an assistant", "a note of git-ai"))
    return signed, noted, tuple(drafters)


def _noted(noted: Mapping[str, Note], origin: Origin) -> bool:
    note = noted.get(origin.commit)
    return note is not None and origin.line in note.lines.get(origin.path, frozenset())


def _touched(file: FileChange, head: Tree) -> frozenset[int]:
    """The touched lines of head that hold something; none of a binary file."""
    try:
        data = head.read(file.head_path or "") or b""
    except Unreadable:
        return frozenset()
    if b"\0" in data[:8000]:
        return frozenset()
    lines = data.splitlines()
    wanted = range(1, len(lines) + 1) if file.added is None else file.added
    return frozenset(n for n in wanted if n <= len(lines) and lines[n - 1].strip())
