"""What stands for the contents of both sides of a change: the same text for the same trees, and for no others."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from guardrail.change.git import Git
from guardrail.change.trees import FolderTree, GitTree, IndexTree
from guardrail.model import FileChange, Tree, Unreadable

LARGEST = 2_000_000  # bytes of a file that is read to tell it from others
_UNASKED = re.compile(rb"(?:\A|\0)[a-zS] ")  # git was told not to look whether these files differ


def identity(git: Git, base: Tree, head: Tree, files: Iterable[FileChange]) -> str:
    """Of a change from a commit to `head`, in which these files differ; "" where some content may be another next time."""
    if git.partial or not isinstance(base, GitTree):
        return ""
    if isinstance(head, FolderTree):
        return _of_folder(base.commit, head, files)
    if isinstance(head, IndexTree):
        return f"{base.commit} {hashlib.sha256(head.listing()).hexdigest()}"
    return f"{base.commit} {head.commit}" if isinstance(head, GitTree) else ""


def _of_folder(commit: str, head: FolderTree, files: Iterable[FileChange]) -> str:
    """The working tree is the commit, the names that git lists, and the contents of the files that differ."""
    listing = head.listing()
    if _UNASKED.search(listing):
        return ""
    digest = hashlib.sha256(listing)
    for file in files:
        try:
            content = _content(head, file.head_path)
        except Unreadable:
            return ""
        digest.update(f"\0{file.path}\0{len(content)}\0".encode("utf-8", "surrogateescape") + content)
    return f"{commit} {digest.hexdigest()}"


def _content(head: FolderTree, path: str | None) -> bytes:
    """What stands for a file; Unreadable for one that is too large to be read for this."""
    if path is None:
        return b"-"
    if head.size(path) > LARGEST:
        raise Unreadable("too large")
    return b"+" + (head.read(path) or b"")
