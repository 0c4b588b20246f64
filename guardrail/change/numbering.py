"""Where git's line numbers cannot be used: it does not take a lone carriage return for the end of a line."""

from __future__ import annotations

import re
from dataclasses import replace

from guardrail.model import FileChange, Tree, Unreadable

_LONE_CR = re.compile(rb"\r(?!\n)")


def numbered(file: FileChange, base: Tree, head: Tree) -> FileChange:
    """The same change, with all lines touched on a side whose lines git and Python count differently."""
    before, after = file.base_path, file.head_path
    if before and after:
        if file.added and _has_lone_cr(head, after):
            file = replace(file, added=None)
        if file.removed and _has_lone_cr(base, before):
            file = replace(file, removed=None)
    return file


def _has_lone_cr(tree: Tree, path: str) -> bool:
    try:
        return _LONE_CR.search(tree.read(path) or b"") is not None
    except Unreadable:
        return False
