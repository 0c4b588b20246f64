"""A patch as a change: the working tree holds one side, the other is rebuilt in memory."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from guardrail.change.git import Git, NotARepository, open_repository
from guardrail.change.numbering import numbered
from guardrail.change.patch_fit import Misfit
from guardrail.change.patch_names import Step, batches, groups, steps
from guardrail.change.patch_side import Side, Way, rebuild
from guardrail.change.patch_text import Hunk, parse, split_lines
from guardrail.change.trees import FolderTree, Held, MemoryTree
from guardrail.model import Change, FileChange, GuardrailError, Unreadable


def read_patch(text: bytes, folder: Path) -> Change:
    """Both sides of a patch, whichever of them the working tree holds."""
    root, git = _root(folder)
    disk = FolderTree(root, git)
    series = steps(parse(text), disk.holds)
    bare = not any(len(h.old) > len(h.old_lines) for step in series for h in step.hunks)
    choices = [(group, _sides(group, disk, bare)) for group in groups(series)]
    votes = sum(1 if sides[0].backwards else -1 for _, sides in choices if len(sides) == 1)
    base: dict[str, Held] = {}
    head: dict[str, Held] = {}
    files: list[FileChange] = []
    for group, sides in choices:
        side = max(sides, key=lambda s: (s.sureness, votes if s.backwards else -votes, s.matched))
        before, after = (side.files, side.disk) if side.backwards else (side.disk, side.files)
        base.update(before)
        head.update(after)
        files += _changes(group, side, before, after)
    files = [numbered(f, MemoryTree(disk, base), MemoryTree(disk, head)) for f in files]
    ordered = tuple(sorted(files, key=lambda f: (f.path, f.base_path or "")))
    return Change(root, "patch", MemoryTree(disk, base), MemoryTree(disk, head), ordered)


def _root(folder: Path) -> tuple[str, Git | None]:
    try:
        git = open_repository(folder)
    except NotARepository:
        return str(folder), None
    return (str(folder), None) if git.bare else (git.root, git)


def _sides(group: list[Step], disk: FolderTree, bare: bool) -> list[Side]:
    """The directions in which a group of files can be rebuilt; GuardrailError with the hunk in the way if in none."""
    misfits = []
    for plain in (False, True):  # at last with line ends made alike, for a checkout in which git wrote CRLF
        sides = []
        for backwards in (False, True):
            try:
                sides.append(rebuild(_plain(group) if plain else group, _reader(disk, plain), Way(backwards, bare)))
            except Misfit as misfit:
                misfits.append(misfit)
        if sides:
            return sides
    worst = max(misfits, key=lambda misfit: misfit.reached)
    raise GuardrailError(f"the patch fits neither the state before it nor the one after it: {worst.place}")


def _plain(group: list[Step]) -> list[Step]:
    """The same steps with LF for CRLF."""
    return [replace(step, hunks=tuple(_plain_hunk(hunk) for hunk in step.hunks)) for step in group]


def _plain_hunk(hunk: Hunk) -> Hunk:
    old, new = ([line.replace(b"\r\n", b"\n") for line in side] for side in (hunk.old, hunk.new))
    return replace(hunk, old=old, new=new)


def _reader(disk: FolderTree, plain: bool) -> Callable[[str], bytes | None]:
    def read(path: str) -> bytes | None:
        try:
            content = disk.read(path)
        except Unreadable as error:
            raise GuardrailError(f"{path} cannot be read: {error}") from None
        return content.replace(b"\r\n", b"\n") if plain and content is not None else content

    return read


def _changes(group: list[Step], side: Side, before: dict[str, Held], after: dict[str, Held]) -> Iterable[FileChange]:
    """The files of a group that differ, with the lines that the hunks touch."""
    origin: dict[str, str | None] = {}
    copied: dict[str, str] = {}
    for batch in batches(group):
        moved = {step.new: origin.get(step.old, step.old) for step in batch if step.new and step.old and not step.copy}
        for step in batch:
            if step.old and not step.copy and step.old != step.new:
                origin.pop(step.old, None)
            if step.new and step.copy and step.old:
                copied[step.new] = step.old
        origin |= {step.new: None for step in batch if step.new and (step.copy or not step.old)} | moved
    kept = set(origin.values())
    for head_path, base_path in origin.items():
        if base_path is None and before.get(head_path) is not None and head_path not in kept:
            base_path = head_path  # deleted in one commit of a series and there again in a later one
        if base_path is None:
            if after.get(head_path) is not None:
                yield FileChange(None, head_path, copied_from=copied.get(head_path))
        elif fitted := side.only(base_path, head_path):
            yield FileChange(base_path, head_path, fitted.added, fitted.removed)
        else:
            yield FileChange(base_path, head_path, *_lines(before[base_path], after[head_path]))
    for path, content in before.items():
        if content is not None and after.get(path) is None and path not in kept:
            yield FileChange(path, None)


def _lines(before: Held, after: Held) -> tuple[frozenset[int] | None, frozenset[int] | None]:
    """The lines added and removed between two contents, None for all where they cannot be told."""
    if not isinstance(before, bytes) or not isinstance(after, bytes):
        return None, None
    added: set[int] = set()
    removed: set[int] = set()
    matcher = difflib.SequenceMatcher(None, split_lines(before), split_lines(after), autojunk=False)
    for kind, first, last, other_first, other_last in matcher.get_opcodes():
        if kind != "equal":
            removed.update(range(first + 1, last + 1))
            added.update(range(other_first + 1, other_last + 1))
    return frozenset(added), frozenset(removed)
