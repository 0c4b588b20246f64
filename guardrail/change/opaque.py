"""Links and submodules that come with a change: Python follows them, and nobody here reads what is behind."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator, Sequence

from guardrail.change.differences import Difference
from guardrail.change.git import Git
from guardrail.change.trees import GitTree
from guardrail.model import Skipped, Tree, Unreadable
from guardrail.places import PYTHON

LINK, SUBMODULE = "120000", "160000"


def opaque(git: Git, head: Tree, found: Iterable[Difference]) -> tuple[Skipped, ...]:
    """The path of each, and what it is, in words."""
    return tuple(sorted(_opaque(git, head, [f for f in found if f.leads]), key=lambda s: s.path))


def _opaque(git: Git, head: Tree, found: Sequence[Difference]) -> Iterator[Skipped]:
    for f in found:
        mode, _, path = f.leads.partition(" ")
        if mode == SUBMODULE:
            yield Skipped(path, "a submodule that is new or at another commit, and its code is not judged here")
            continue
        name = path.rpartition("/")[2]
        if not name.endswith(PYTHON) and "." in name:
            continue
        target = _target(git, head, path, f.head_id)
        inside = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if not _judged(head, inside, folder="." not in name):
            yield Skipped(path, f"a symbolic link to {target or 'nowhere'}, and what is there is not judged as Python")


def _target(git: Git, head: Tree, path: str, id: str) -> str:
    if isinstance(head, GitTree):
        return os.fsdecode(git.blobs([id]).get(id, b""))
    try:
        return os.readlink(os.path.join(git.root, path))  # noqa: PTH115, PTH118
    except OSError:
        return ""


def _judged(head: Tree, inside: str, folder: bool) -> bool:
    """Whether a path of the tree is a Python file, or a folder whose files are judged where they are."""
    if inside.startswith(("..", "/")):
        return False
    try:
        if inside.endswith(PYTHON):
            return head.read(inside) is not None
    except Unreadable:
        return False
    return folder and any(path.startswith(f"{inside}/") for path in head.paths())
