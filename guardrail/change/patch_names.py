"""Which files a patch means: prefixes stripped, names that lead out of the tree refused, patches put in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from guardrail.change.patch_text import FilePatch, Hunk
from guardrail.model import GuardrailError

_PREFIX = re.compile(r"[abciow]/")


@dataclass(frozen=True, slots=True)
class Step:
    """What a patch does to one file, by its name in the tree."""

    commit: int
    old: str | None  # None: it is created
    new: str | None  # None: it is deleted
    copy: bool
    binary: bool
    ids: tuple[str, str]
    hunks: tuple[Hunk, ...]
    git: bool

    @property
    def name(self) -> str:
        """The name to report."""
        return self.new or self.old or ""


def steps(files: Sequence[FilePatch], exists: Callable[[str], bool]) -> list[Step]:
    """The steps of a patch, without those on symbolic links and submodules."""
    prefixed = any(_has_prefix(file) for file in files if file.git or (file.old and file.new))
    found = []
    for file in files:
        if (file.creates or file.old_mode.startswith("100")) and (file.deletes or file.new_mode.startswith("100")):
            before, after = _paths(file, exists, prefixed)
            lone = file.hunks[0] if len(file.hunks) == 1 and not file.git and not exists(after) else None
            creates = file.creates or (lone is not None and lone.old_start == 0 and not lone.old)
            deletes = file.deletes or (lone is not None and lone.new_start == 0 and not lone.new)
            if not (creates and deletes):
                ends = (None if creates else before, None if deletes else after)
                hunks = tuple(file.hunks)
                found.append(Step(file.commit, *ends, file.copy, file.binary, file.ids, hunks, bool(file.git)))
    return found


def batches(series: Iterable[Step]) -> list[list[Step]]:
    """Steps that belong to one diff and so speak of the same two states, one batch after the other."""
    found: list[list[Step]] = []
    read: set[str] = set()
    written: set[str] = set()
    commit = -1
    for step in series:
        again = step.new in written or (step.old in read and not step.copy)
        again = again or (step.old in written and step.old == step.new)
        if step.commit != commit or again:
            found.append([])
            read, written, commit = set(), set(), step.commit
        found[-1].append(step)
        if step.old and not step.copy:
            read.add(step.old)
        if step.new:
            written.add(step.new)
    return found


def groups(series: Iterable[Step]) -> list[list[Step]]:
    """Steps that share files with one another, straight or through a third."""
    owner: dict[str, list[Step]] = {}
    for step in series:
        mine: list[Step] = []
        names = [name for name in (step.old, step.new) if name]
        for name in names:
            other = owner.get(name)
            if other is not None and other is not mine:
                mine, moved = (other, mine) if len(other) > len(mine) else (mine, other)
                mine.extend(moved)
                owner.update({n: mine for s in moved for n in (s.old, s.new) if n})
        mine.append(step)
        owner.update(dict.fromkeys(names, mine))
    order = {id(step): number for number, step in enumerate(series)}
    unique = {id(group): group for group in owner.values()}
    return [sorted(group, key=lambda step: order[id(step)]) for group in unique.values()]


def _paths(file: FilePatch, exists: Callable[[str], bool], prefixed: bool) -> tuple[str, str]:
    """The names before and after, by the first way of reading them that names a file of the tree."""
    if file.moved and all(file.moved):
        return _safe(file.moved[0]), _safe(file.moved[1])
    old = file.old or (file.git[0] if file.git else file.new)
    new = file.new or (file.git[1] if file.git else file.old)
    if not old or not new:
        raise GuardrailError("the patch has a file whose name cannot be told")
    old, new = _safe(old), _safe(new)
    readings = [(old, new)]
    both = file.git or (file.old and file.new)
    strip = _has_prefix(file) if both else prefixed or _PREFIX.match(new) is not None
    readings.insert(0 if strip else 1, (_stripped(old), _stripped(new)))
    if not file.git:  # a plain diff renames nothing: `x.orig` against `x`
        readings = [(name, name) for pair in readings for name in reversed(pair)]
    return next((pair for pair in readings if exists(pair[0]) or exists(pair[1])), readings[0])


def _has_prefix(file: FilePatch) -> bool:
    """Whether the two names differ in their first folder only, which is then a prefix such as a/ and b/."""
    before, after = file.git or (file.old or "", file.new or "")
    return before != after and _stripped(before) == _stripped(after)


def _stripped(name: str) -> str:
    return name.partition("/")[2] or name


def _safe(name: str) -> str:
    """The name itself; GuardrailError if it leads out of the tree or into git's own folder."""
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[\\/]", name) or ".." in parts or "\0" in name:
        raise GuardrailError(f"the patch names {name!r}, which leads out of the tree")
    if any(part.rstrip(". ").lower() == ".git" for part in parts):
        raise GuardrailError(f"the patch names {name!r}, which lies in git's own folder")
    return "/".join(part for part in name.split("/") if part not in ("", "."))
