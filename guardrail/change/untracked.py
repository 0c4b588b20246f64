"""Files that git does not track yet, taken into a change as if they had been added."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from guardrail.change.differences import Difference, differences
from guardrail.change.git import Git
from guardrail.change.trees import FolderTree
from guardrail.model import GuardrailError, Unreadable


def worktree_differences(git: Git, disk: FolderTree, commit: str) -> list[Difference]:
    """The differences between a commit and the working tree, untracked files included."""
    with _beside(disk.listing):  # git goes through all folders for it, which takes as long as the differences
        found = differences(git, "diff-index", commit, "--")
    names = [name for letter, name in disk.names() if letter == b"?"]
    untracked = {name for name in names if disk.holds(name)}
    links = [name for name in names if name not in untracked and os.path.islink(os.path.join(git.root, name))]  # noqa: PTH114, PTH118
    if untracked and any(f.head_path is None and not f.leads for f in found):
        renamed = _with_renames(git, commit, untracked)
        found, untracked = (found, untracked) if renamed is None else (renamed, set())
    behind = [f for f in found if f.leads] + [Difference(None, None, "0", "0", leads=f"120000 {name}") for name in links]
    found = [f for f in found if not f.leads]
    merged = [(f, _is_same(git, disk, f)) for f in _merged(disk, found, untracked)]
    unchanged = (frozenset[int](), frozenset[int]())
    return behind + [replace(f, lines=unchanged) if same else f for f, same in merged if f.mode_differs or not same]


@contextmanager
def _beside(work: Callable[[], object]) -> Iterator[None]:
    """Do some work at the same time; what goes wrong with it is told to whoever asks for its result."""

    def quietly() -> None:
        with suppress(GuardrailError):
            work()

    thread = threading.Thread(target=quietly)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _with_renames(git: Git, commit: str, untracked: Iterable[str]) -> list[Difference] | None:
    """Let git find what was moved without being told: add the names to a copy of the index; None if it cannot."""
    import shutil  # late: few changes need it
    import tempfile

    index, objects = (Path(git.root, os.fsdecode(line)) for line in _places(git))
    with tempfile.TemporaryDirectory(prefix="guardrail-") as folder:
        copy = str(Path(folder, "index"))
        if index.exists():
            shutil.copy2(index, copy)  # with its time: by it git knows which files to look into again
        variables = {
            "GIT_INDEX_FILE": copy,
            "GIT_OBJECT_DIRECTORY": folder,  # `git add` writes an empty blob, which must not land in the repository
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(str(objects)),
        }
        names = b"".join(os.fsencode(name) + b"\0" for name in sorted(untracked))
        options = ("--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul")
        if git.attempt("add", *options, input=names, variables=variables).returncode:
            return None
        return differences(git, "diff-index", commit, "--", variables=variables)


def _places(git: Git) -> list[bytes]:
    """Where the index and the objects lie."""
    return [git.run("rev-parse", "--git-path", name).removesuffix(b"\n") for name in ("index", "objects")]


def _quoted(path: str) -> str:
    """A path as git wants it in a list of object folders, together with those that are named already."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    others = os.environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES")
    return f'"{escaped}"' + (os.pathsep + others if others else "")


def _merged(disk: FolderTree, found: Iterable[Difference], untracked: Iterable[str]) -> list[Difference]:
    """One difference per file, with the untracked files that git's own list does not have."""
    merged: dict[str, Difference] = {}
    for f in found:
        path = f.head_path or f.base_path or ""
        merged[path] = replace(f, head_path=path if disk.holds(path) else None) if f.unmerged else f
    for path in untracked:
        gone = merged.get(path)
        if gone is None or gone.head_path is None:
            base_path, base_id = (gone.base_path, gone.base_id) if gone else (None, "0")
            merged[path] = Difference(base_path, path, base_id, "0", lines=None)
    return list(merged.values())


def _is_same(git: Git, disk: FolderTree, f: Difference) -> bool:
    """Whether a file without known lines (binary, or no longer tracked) is byte for byte the one of the commit."""
    if f.lines is not None or f.base_path is None or f.base_path != f.head_path:
        return False
    try:
        content = disk.read(f.base_path)
    except Unreadable:
        return False
    if content is None:
        return False
    return hashlib.new(git.object_format, b"blob %d\0" % len(content) + content).hexdigest() == f.base_id
