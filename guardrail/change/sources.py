"""Where a change can come from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkingTree:
    """HEAD against the working tree, with untracked files that are not ignored."""


@dataclass(frozen=True, slots=True)
class Staged:
    """HEAD against the git index."""


@dataclass(frozen=True, slots=True)
class Revisions:
    """The merge-base of two revisions against the second, or against the working tree."""

    base: str
    head: str | None = None  # None: HEAD
    worktree: bool = False


@dataclass(frozen=True, slots=True)
class Patch:
    """A unified diff; the working tree holds the side before it or the side after it."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Paths:
    """Files and folders to be taken for new as a whole; none: the folder that one stands in."""

    paths: tuple[str, ...] = ()


Source = WorkingTree | Staged | Revisions | Patch | Paths
