"""Two trees, compared: read a change from git, from a patch, or take a whole folder for new."""

from __future__ import annotations

from pathlib import Path

from guardrail.change import compare, scan
from guardrail.change.git import NotARepository
from guardrail.change.sources import Patch, Paths, Revisions, Source, Staged, WorkingTree
from guardrail.change.trees import EmptyTree, FolderTree, GitTree, IndexTree, MemoryTree, prefetch
from guardrail.model import Change

__all__ = [
    "EmptyTree",
    "FolderTree",
    "GitTree",
    "IndexTree",
    "MemoryTree",
    "NotARepository",
    "Patch",
    "Paths",
    "Revisions",
    "Source",
    "Staged",
    "WorkingTree",
    "prefetch",
    "read_change",
]


def read_change(source: Source, cwd: Path) -> Change:
    """The change that a source stands for, seen from a folder."""
    folder = cwd.resolve()
    match source:
        case WorkingTree():
            return compare.working_tree(folder)
        case Staged():
            return compare.staged(folder)
        case Revisions():
            return compare.revisions(source, folder)
        case Paths():
            return scan.scan(source.paths, folder)
        case Patch():
            from guardrail.change.patch import read_patch

            return read_patch(source.text, folder)
