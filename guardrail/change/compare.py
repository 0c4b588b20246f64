"""Changes that git knows of: working tree, index and revisions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from guardrail.change.differences import Difference, differences
from guardrail.change.git import Git, open_repository
from guardrail.change.identity import identity
from guardrail.change.merge_base import merge_base
from guardrail.change.numbering import numbered
from guardrail.change.opaque import opaque
from guardrail.change.sources import Revisions
from guardrail.change.trees import EmptyTree, FolderTree, GitTree, IndexTree, listed
from guardrail.change.untracked import worktree_differences
from guardrail.model import Change, FileChange, GuardrailError, Tree

_EMPTY_TREE = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
_READ_EARLY = re.compile(r"(?:\.pyi?|\.pyw|\.toml)\Z")


def working_tree(folder: Path) -> Change:
    """HEAD against the working tree."""
    git = open_repository(folder)
    return _against_worktree(git, git.commit("HEAD"), "HEAD → working tree")


def staged(folder: Path) -> Change:
    """HEAD against the index."""
    git = open_repository(folder)
    commit = git.commit("HEAD")
    options = ("--cached", "--ita-invisible-in-index")
    found = differences(git, "diff-index", *options, commit or _EMPTY_TREE[git.object_format], "--")
    if conflicts := sorted(f.head_path or "" for f in found if f.unmerged):
        raise GuardrailError(f"{conflicts[0]} has an unresolved merge conflict, so nothing can be committed yet")
    return _change(git, "HEAD → index", _side(git, commit), IndexTree(git), found)


def revisions(source: Revisions, folder: Path) -> Change:
    """The merge-base of two revisions against the second, or against the working tree."""
    git = open_repository(folder)
    base, head = merge_base(git, source.base, source.head or "HEAD")
    after = "working tree" if source.worktree else source.head or "HEAD"
    label = f"{source.base} → {after}"
    if source.worktree:
        return _against_worktree(git, base, label)
    found = differences(git, "diff-tree", "-r", base, head, "--")
    return _change(git, label, GitTree(git, base), GitTree(git, head), found)


def _against_worktree(git: Git, commit: str | None, label: str) -> Change:
    """A commit against the files on disk."""
    if git.bare:
        raise GuardrailError(f"{git.root} is a bare repository and has no working tree")
    disk = FolderTree(git.root, git)
    if commit is None:
        files = [FileChange(None, path) for path in listed(git)]
        return Change(git.root, label, EmptyTree(), disk, tuple(files))
    found = worktree_differences(git, disk, commit)
    return _change(git, label, GitTree(git, commit), disk, found)


def _side(git: Git, commit: str | None) -> GitTree | EmptyTree:
    return EmptyTree() if commit is None else GitTree(git, commit)


def _change(git: Git, label: str, base: GitTree | EmptyTree, head: Tree, found: list[Difference]) -> Change:
    """Put a change together, with the contents of its files read in one go."""
    behind = opaque(git, head, found)
    found = [f for f in found if not f.leads]
    before = _early((f.base_path or f.copied_from, f.base_id) for f in found)
    after = _early((f.head_path, f.head_id) for f in found) if isinstance(head, GitTree) else {}
    blobs = git.blobs([*before.values(), *after.values()])
    for tree, ids in ((base, before), (head, after)):
        if isinstance(tree, GitTree):
            tree.hold(ids, blobs)
    files = [numbered(f.file_change(), base, head) for f in found]
    ordered = tuple(sorted(files, key=lambda f: (f.path, f.base_path or "")))
    return Change(git.root, label, base, head, ordered, identity=partial(identity, git, base, head, ordered), opaque=behind)


def _early(sides: Iterable[tuple[str | None, str]]) -> dict[str, str]:
    """Path → blob id of the files that somebody is sure to read."""
    return {path: id for path, id in sides if path and id.strip("0") and _READ_EARLY.search(path)}
