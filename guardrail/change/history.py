"""The commits of a change: who made them, what their messages say, and which lines are theirs."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from guardrail.change.git import Git
from guardrail.change.trees import GitTree, IndexTree
from guardrail.model import Change

NOTES = "refs/notes/ai"
_FIELDS = ("%H", "%P", "%an", "%ae", "%cn", "%ce", "%B", "%(trailers:only=true,unfold=true)", "%N")
_BLAMED = re.compile(rb"([0-9a-f]{40,64}) (\d+) (\d+)")


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of the range; names and mails as git has them."""

    id: str
    parents: tuple[str, ...]
    author: tuple[str, str]  # name, mail
    committer: tuple[str, str]
    message: str
    trailers: tuple[tuple[str, str], ...]  # key, value; those that git takes for trailers
    note: str = ""  # of git-ai


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a line of head came from: the commit, and the file and line (1-based) that it was there."""

    commit: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class History:
    """The commits between the two sides of a change."""

    git: Git
    base: str
    head: str
    committed: bool  # head is a commit; else it is the working tree, and some lines are of no commit

    def commits(self) -> tuple[Commit, ...]:
        """All of them, parents before children."""
        form = "--format=tformat:" + "%x00".join(_FIELDS)
        options = ("--reverse", "--topo-order", "-z", "--no-color", "--no-show-signature", "--encoding=UTF-8", f"--notes={NOTES}")
        output = self.git.run("log", *options, form, f"{self.base}..{self.head}", "--").decode("utf-8", "replace")
        parts = output.split("\0")
        size = len(_FIELDS)
        return tuple(_commit(parts[at : at + size]) for at in range(0, len(parts) - 1, size))

    def blame(self, path: str) -> dict[int, Origin]:
        """Line of head → where it came from; lines of base and of no commit are left out."""
        side = (f"{self.base}..{self.head}",) if self.committed else (f"^{self.base}",)
        options = ("--porcelain", "--ignore-revs-file", "", "--encoding=UTF-8")
        done = self.git.attempt("blame", *options, *side, "--", path)
        return _origins(done.stdout) if done.returncode == 0 else {}

    def touching(self, path: str, first: int, last: int) -> tuple[str, ...]:
        """The commits that changed these lines of head or took some from between them, newest first."""
        lines = f"-L{first},{last}:{path}"
        done = self.git.attempt("log", "-s", "--format=%H", "--no-show-signature", lines, f"{self.base}..{self.head}")
        return tuple(done.stdout.decode().split()) if done.returncode == 0 else ()


def history(change: Change) -> History | None:
    """The commits of a change between two commits, or between a commit and the working tree; None where git knows of none."""
    if not isinstance(change.base, GitTree) or isinstance(change.base, IndexTree):
        return None
    committed = isinstance(change.head, GitTree) and not isinstance(change.head, IndexTree)
    head = change.head.commit if committed and isinstance(change.head, GitTree) else "HEAD"
    return History(change.base.git, change.base.commit, head, committed)


def _commit(parts: list[str]) -> Commit:
    id, parents, *people, message, trailers, note = parts
    pairs = [line.partition(":") for line in trailers.split("\n") if ":" in line]
    return Commit(
        id,
        tuple(parents.split()),
        (people[0], people[1]),
        (people[2], people[3]),
        message,
        tuple((key.strip(), value.strip()) for key, _, value in pairs),
        note,
    )


def _origins(output: bytes) -> dict[int, Origin]:
    """What `git blame --porcelain` says: a commit's facts stand only where it is named first."""
    found: dict[int, Origin] = {}
    paths: dict[str, str] = {}
    older: set[str] = set()
    commit, was, now = "", 0, 0
    for line in output.split(b"\n"):
        if line.startswith(b"\t"):
            if commit.strip("0") and commit not in older:
                found[now] = Origin(commit, paths.get(commit, ""), was)
        elif match := _BLAMED.match(line):
            commit, was, now = match[1].decode(), int(match[2]), int(match[3])
        elif line == b"boundary":
            older.add(commit)
        elif line.startswith(b"filename "):
            paths[commit] = os.fsdecode(line[len(b"filename ") :])
    return found
