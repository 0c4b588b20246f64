"""A change in which every file is new: the files and folders that somebody names."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from guardrail.change.git import Git, NotARepository, open_repository
from guardrail.change.identity import identity
from guardrail.change.trees import EmptyTree, FolderTree, GitTree, listed
from guardrail.change.untracked import worktree_differences
from guardrail.change.walk import walk
from guardrail.model import Change, FileChange, GuardrailError, Skipped


def scan(paths: tuple[str, ...], cwd: Path) -> Change:
    """All files below the named paths, or below the folder one stands in, as new."""
    named = [_located(path, cwd) for path in paths or (".",)]
    root, git = _root(named, cwd)
    files: set[str] = set()
    folders: set[str] = set()
    skipped: dict[str, str] = {}
    for path in named:
        target = path.resolve()
        if not target.is_relative_to(root):
            skipped[path.relative_to(root).as_posix()] = "a symbolic link that leads out of the tree"
        elif target.is_dir():
            folders.add("" if target == root else target.relative_to(root).as_posix())
        elif target.is_file():
            files.add(target.relative_to(root).as_posix())
        else:
            skipped[path.relative_to(root).as_posix()] = "no regular file"
    files |= _below(root, git, folders, skipped)
    changes = tuple(FileChange(None, path) for path in sorted(files))
    gone = tuple(Skipped(path, reason) for path, reason in sorted(skipped.items()))
    tree = FolderTree(str(root), git)
    return Change(str(root), "scan", EmptyTree(), tree, changes, gone, partial(_identity, git, tree, files))


def _identity(git: Git | None, tree: FolderTree, files: set[str]) -> str:
    """What stands for the working tree, where git has an eye on all these files and on those around them."""
    commit = git.commit("HEAD") if git else None
    if git is None or commit is None or not files.issubset(name for _, name in tree.names()):
        return ""
    return identity(
        git,
        GitTree(git, commit),
        tree,
        [found.file_change() for found in worktree_differences(git, tree, commit) if not found.leads],
    )


def _below(root: Path, git: Git | None, folders: set[str], skipped: dict[str, str]) -> set[str]:
    """The files below some folders; one that git has no file of (ignored, a repository of its own) is walked."""
    found = set(listed(git, *(folder or "." for folder in folders))) if git and folders else set()
    for folder in folders:
        if not any(path.startswith(folder and f"{folder}/") for path in found):
            found.update(walk(str(root), folder, skipped.__setitem__))
    return found


def _located(path: str, cwd: Path) -> Path:
    """The absolute form of a path that somebody named; only its last part may still be a symbolic link."""
    full = Path(os.path.normpath(cwd / path))
    full = full.parent.resolve() / full.name
    try:
        full.stat()
    except (OSError, ValueError) as error:
        if isinstance(error, PermissionError):
            raise GuardrailError(f"{path!r} cannot be scanned: permission denied") from None
        raise GuardrailError(f"there is no file or folder {path!r} to scan") from None
    return full


def _root(named: list[Path], cwd: Path) -> tuple[Path, Git | None]:
    """The folder that paths are relative to: of the repository that holds all, or else a common one."""
    common = Path(os.path.commonpath([path if path.is_dir() else path.parent for path in named]))
    for folder in (cwd, common):
        try:
            git = open_repository(folder)
        except NotARepository:
            continue
        if not git.bare and common.is_relative_to(git.root):
            return Path(git.root), git
    return (cwd if common.is_relative_to(cwd) else common), None
