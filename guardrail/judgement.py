"""What was found: in one file, and in a whole change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail.model import Change, Definition, FileChange, Finding, Placement, Skipped, Tree, Unreadable
from guardrail.places import PYTHON

if TYPE_CHECKING:
    from guardrail.allows import AllowsOfFile
    from guardrail.delta.loss import Loss


@dataclass(frozen=True, slots=True)
class FileJudgement:
    """What was found in one file on both sides; `base` findings are only those of definitions that differ."""

    path: str
    head: tuple[Finding, ...] = ()
    base: tuple[Finding, ...] = ()
    placements: tuple[Placement, ...] = ()
    symbols: frozenset[str] = frozenset()  # of head
    allows: AllowsOfFile | None = None
    skipped: tuple[Skipped, ...] = ()
    text: str = ""  # of head, where something was found
    losses: tuple[Loss, ...] = ()  # what paired definitions lost, unless it is elsewhere
    gone: tuple[Definition, ...] = ()  # of base, with guards, and not in this file any more
    come: tuple[Definition, ...] = ()  # of head, and of no definition of base


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in a change, before policy has a say in it."""

    judgements: Sequence[FileJudgement]
    pages: Sequence[FileJudgement] = ()  # of files that are not Python
    paths: Sequence[Finding] = ()  # in the calls of the project, compared already
    lost: Sequence[Finding] = ()  # what the change lost
    limits: tuple[str, ...] = ()  # bounds that were hit, in words


def parted(files: Iterable[FileChange], change: Change) -> tuple[list[FileChange], list[FileChange]]:
    """Those that are Python on one side at least, and the others."""
    parts: tuple[list[FileChange], list[FileChange]] = ([], [])
    for file in files:
        sides = [(file.head_path, change.head), (file.base_path, change.base)]
        parts[not any(path is not None and is_python(path, tree) for path, tree in sides)].append(file)
    return parts


def is_python(path: str, tree: Tree) -> bool:
    """Whether a file is Python by its name, or by its first line where the name has no suffix."""
    if path.endswith(PYTHON):
        return True
    if "." in path.rpartition("/")[2]:
        return False
    try:
        data = tree.read(path)
    except Unreadable:
        return False
    first = (data or b"")[:200].split(b"\n", 1)[0]
    return first.startswith(b"#!") and b"python" in first
