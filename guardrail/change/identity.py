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


def identity(git: Git, commit: str, head: Tree, files: Iterable[FileChange]) -> str:
    """Of a change from a commit to `head`, in which these files differ; "" where some content may be another next time."""
    if git.partial:
        return ""
    if isinstance(head, FolderTree):
        return _of_folder(commit, head, files)
    if isinstance(head, IndexTree):
        return f"{commit} {hashlib.sha256(head.listing()).hexdigest()}"
    return f"{commit} {head.commit}" if isinstance(head, GitTree) else ""


def _of_folder(commit: str, head: FolderTree, files: Iterable[FileChange]) -> str:
    """The working tree is the commit, the names that git lists, and the contents of the files that differ."""
    listing = head.listing()
    if _UNASKED.search(listing):
        return ""
    digest = hashlib.sha256(listing)
    for path in (f.head_path for f in files if f.head_path):
        try:
            content = head.read(path) if head.size(path) <= LARGEST else None
        except Unreadable:
            content = None
        if content is None:
            return ""
        digest.update(f"\0{path}\0{len(content)}\0".encode("utf-8", "surrogateescape") + content)
    return f"{commit} {digest.hexdigest()}"
