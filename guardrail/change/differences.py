"""What differs between two sides according to git: which files, and which of their lines."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from guardrail.change.git import Git
from guardrail.change.quoting import unquote
from guardrail.model import FileChange, GuardrailError

_DIFF = (
    "--raw",
    "--numstat",
    "--patch",
    "--unified=1",  # not 0, for which git shortens its search and finds other lines than people see
    "-z",
    "--no-abbrev",
    "--find-renames=50%",
    "--find-copies=50%",
    "--no-rename-empty",
    "-l1000",
    "--ignore-submodules=dirty",  # another commit counts; what lies in it is not looked at
    "--submodule=short",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-relative",
    "--diff-algorithm=myers",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")

Lines = frozenset[int]


@dataclass(frozen=True, slots=True)
class Difference:
    """One record of a raw diff; a side that is no regular file has no path."""

    base_path: str | None
    head_path: str | None
    base_id: str
    head_id: str  # zeros: the content is that of the working tree
    copied_from: str | None = None
    unmerged: bool = False
    mode_differs: bool = False
    lines: tuple[Lines, Lines] | None = (frozenset(), frozenset())  # removed and added; None: all of them
    leads: str = ""  # mode and path of a link or a submodule; such a record has no paths

    def file_change(self) -> FileChange:
        """The same as the value that the other stages know."""
        removed, added = self.lines or (None, None)
        if self.base_path is None or self.head_path is None:
            removed = added = None
        return FileChange(self.base_path, self.head_path, added, removed, self.copied_from)


def differences(git: Git, command: str, *arguments: str, variables: Mapping[str, str] | None = None) -> list[Difference]:
    """Run `git diff-index` or `git diff-tree` and read what it says."""
    done = git.attempt(command, *_DIFF, *arguments, variables=variables)
    if b"promisor remote" in done.stderr:
        commits = " ".join(argument for argument in arguments if not argument.startswith("-"))
        raise GuardrailError(f"this partial clone lacks contents of the change; `git diff --stat {commits}` fetches them")
    return list(_read(git.output(done)))


def _read(output: bytes) -> Iterator[Difference]:
    """The records of `--raw --numstat --patch -z`: three parts that tell of the same files."""
    records, at = _raw(output)
    counts, at = _counts(output, at)
    hunks = _hunks(output[at:])
    for modes, ids, letter, source, target in records:
        if modes[1] in ("120000", "160000"):
            yield Difference(None, None, ids[0], ids[1], leads=f"{modes[1]} {target}")
        old = source if modes[0].startswith("100") and letter != "A" else None
        new = target if modes[1].startswith("100") and letter != "D" else None
        unmerged = letter == "U"
        copied = old if letter == "C" and new else None
        if unmerged:
            old, new = source, target
        elif copied:
            old = None
        if old is None and new is None:
            continue
        binary = counts.get(target) == b"-"
        lines = hunks.get(target, (frozenset(), frozenset()))
        if letter == "M" and modes[0] == modes[1] and not binary and target not in hunks:
            continue  # only its time stamps differ
        told = None if binary or unmerged else lines
        yield Difference(old, new, ids[0], ids[1], copied, unmerged, modes[0] != modes[1], told)


_Record = tuple[tuple[str, str], tuple[str, str], str, str, str]


def _raw(output: bytes) -> tuple[list[_Record], int]:
    """The raw records and where they end: modes, ids, letter, name before, name after."""
    records: list[_Record] = []
    at = 0
    while output.startswith(b":", at):
        end = output.index(b"\0", at)
        mode, other_mode, id, other_id, status = output[at + 1 : end].decode().split()
        source, at = _name(output, end + 1)
        target, at = _name(output, at) if status[0] in "RC" else (source, at)
        records.append(((mode, other_mode), (id, other_id), status[0], source, target))
    return records, at


def _counts(output: bytes, at: int) -> tuple[dict[str, bytes], int]:
    """Name after → how many lines were added (`-` in a binary file), and where the patch begins."""
    counts: dict[str, bytes] = {}
    while at < len(output) and not output.startswith(b"\0", at):
        added, _, rest = output[at : output.index(b"\0", at)].split(b"\t", 2)
        at = output.index(b"\0", at) + 1
        if rest:
            name = os.fsdecode(rest)
        else:
            _, at = _name(output, at)
            name, at = _name(output, at)
        counts[name] = added
    return counts, at + 1


def _hunks(patch: bytes) -> dict[str, tuple[Lines, Lines]]:
    """Name after → lines removed and added, for each file of a patch that has hunks."""
    touched: dict[str, tuple[Lines, Lines]] = {}
    lines = iter(patch.split(b"\n"))
    name = ""
    for line in lines:
        if line.startswith(b"+++ "):
            name = "" if line == b"+++ /dev/null" else unquote(line[4:])[len("b/") :]
        elif hunk := _HUNK.match(line):
            removed, added = touched.get(name, (frozenset(), frozenset()))
            more_removed, more_added = _hunk(lines, hunk)
            touched[name] = removed | more_removed, added | more_added
    return touched


def _hunk(lines: Iterator[bytes], header: re.Match[bytes]) -> tuple[set[int], set[int]]:
    """The lines that one hunk removes and adds."""
    old, count, new, other_count = (1 if n is None else int(n) for n in header.groups())
    removed, added = set(), set()
    while count or other_count:
        mark = next(lines)[:1]
        if mark == b"\\":
            continue  # of a missing newline
        if mark != b"+":
            if mark == b"-":
                removed.add(old)
            old, count = old + 1, count - 1
        if mark != b"-":
            if mark == b"+":
                added.add(new)
            new, other_count = new + 1, other_count - 1
    return removed, added


def _name(output: bytes, at: int) -> tuple[str, int]:
    end = output.index(b"\0", at)
    return os.fsdecode(output[at:end]), end + 1
