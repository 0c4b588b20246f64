"""The files below a folder that no git repository holds, without what is generated, installed or ignored."""

# os.path is several times faster than pathlib, and this is done for every file
# ruff: noqa: PTH113, PTH114, PTH118, PTH123

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SKIPPED = frozenset(
    ".git .hg .svn .venv venv node_modules __pycache__ .tox .nox .mypy_cache .ruff_cache .pytest_cache .eggs".split()
)

Spec = tuple[str, "GitIgnoreSpec"]  # the folder of a .gitignore, relative to the root ("" or "a/b/"), and its patterns


def walk(root: str, start: str, complain: Callable[[str, str], None] | None = None) -> Iterator[str]:
    """The regular files below `start`, relative to `root`; folders that cannot be listed are handed to `complain`."""
    above = start.split("/")[:-1] if start else []
    specs: tuple[Spec, ...] = ()
    for depth in range(len(above) + 1 if start else 0):
        specs += _ignores(root, "".join(f"{part}/" for part in above[:depth]))
    if start and _ignored(f"{start}/", specs):
        specs = ()  # somebody names what is ignored, and wants it
    return _walk(root, f"{start}/" if start else "", specs, complain)


def _walk(root: str, folder: str, specs: tuple[Spec, ...], complain: Callable[[str, str], None] | None) -> Iterator[str]:
    specs += _ignores(root, folder)
    try:
        with os.scandir(os.path.join(root, folder)) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        if complain:
            complain(folder.rstrip("/") or ".", (error.strerror or "cannot be listed").lower())
        return
    for entry in entries:
        path = folder + entry.name
        if entry.is_dir(follow_symlinks=False):
            unwanted = entry.name in SKIPPED or entry.name.endswith(".egg-info")
            if not unwanted and not _ignored(path + "/", specs):
                yield from _walk(root, path + "/", specs, complain)
        elif entry.is_file(follow_symlinks=False) and not _ignored(path, specs):
            yield path


def _ignores(root: str, folder: str) -> tuple[Spec, ...]:
    """The .gitignore of one folder, if it has a readable one."""
    path = os.path.join(root, folder, ".gitignore")
    if os.path.islink(path) or not os.path.isfile(path):
        return ()
    from pathspec import GitIgnoreSpec  # late: most runs stand in a git repository and do not need it

    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return ((folder, GitIgnoreSpec.from_lines(file)),)
    except (OSError, ValueError):
        return ()


def _ignored(path: str, specs: tuple[Spec, ...]) -> bool:
    """Whether the nearest .gitignore that has a say on a path says to ignore it."""
    for folder, spec in reversed(specs):
        verdict = spec.check_file(path[len(folder) :]).include
        if verdict is not None:
            return verdict
    return False
