"""A patch read into files and hunks: git's and plain unified diffs, bare or wrapped in mails."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from guardrail.change.quoting import split_quoted, unquote
from guardrail.model import GuardrailError

_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ANOTHER_COMMIT = re.compile(rb"(?:From|commit) [0-9a-f]{40,64}\b")
_INDEX = re.compile(rb"index ([0-9a-f]+)\.\.([0-9a-f]+)(?: (\d+))?")

_EPOCH = re.compile(rb"\t(?:1970-01-01|1969-12-31) ")  # what diff writes for a file that is not there


@dataclass(slots=True)
class Hunk:
    """A stretch of lines, before and after; each line keeps its own line end."""

    header: str
    old_start: int
    new_start: int
    old: list[bytes] = field(default_factory=list)
    new: list[bytes] = field(default_factory=list)
    last: bytes = b""  # the mark of the last line: space, - or +
    old_lines: list[int] = field(default_factory=list)  # which of `old` go away
    new_lines: list[int] = field(default_factory=list)  # which of `new` are added


@dataclass(slots=True)
class FilePatch:
    """What a patch says about one file; names as written, with whatever prefix they have."""

    commit: int = 0  # counts the commits of a series
    old: str | None = None  # None: /dev/null or not said
    new: str | None = None
    git: tuple[str, str] | None = None  # the names of a `diff --git` line
    moved: tuple[str, str] | None = None  # from `rename` or `copy` lines, which carry no prefix
    copy: bool = False
    creates: bool = False
    deletes: bool = False
    binary: bool = False
    old_mode: str = "100644"
    new_mode: str = "100644"
    ids: tuple[str, str] = ("", "")
    hunks: list[Hunk] = field(default_factory=list)


class _Reader:
    """The lines of a patch, one after the other."""

    def __init__(self, text: bytes) -> None:
        self.lines = split_lines(text)
        self.at = 0

    def peek(self, ahead: int = 0) -> bytes:
        return self.lines[self.at + ahead] if self.at + ahead < len(self.lines) else b""


def split_lines(text: bytes) -> list[bytes]:
    """The lines of a text with their ends; only \\n ends a line, as in git."""
    lines = text.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


def parse(text: bytes) -> list[FilePatch]:
    """The files of a patch in their order; GuardrailError if a text that is not empty holds none."""
    reader = _Reader(text)
    files = list(_files(reader))
    if not files and text.strip():
        raise GuardrailError("the patch holds no diff")
    return files


def _files(reader: _Reader) -> Iterator[FilePatch]:
    commit = 0
    while line := reader.peek():
        if line.startswith((b"diff --cc ", b"diff --combined ")):
            raise GuardrailError("a combined diff of a merge does not say enough to be taken apart; diff with one parent")
        if line.startswith(b"diff --git "):
            yield _git_file(reader, commit)
        elif line.startswith(b"--- ") and reader.peek(1).startswith(b"+++ ") and _HUNK.match(reader.peek(2)):
            file = FilePatch(commit)
            _body(reader, file)
            yield file
        else:
            commit += _ANOTHER_COMMIT.match(line) is not None
            reader.at += 1


def _git_file(reader: _Reader, commit: int) -> FilePatch:
    """One `diff --git` section: extended headers, then hunks or a binary patch."""
    file = FilePatch(commit, git=_git_names(reader.peek()[len(b"diff --git ") :].rstrip(b"\r\n")))
    reader.at += 1
    while line := reader.peek().rstrip(b"\r\n"):
        if line.startswith((b"--- ", b"diff --git ")) or not _extended(file, line):
            break
        reader.at += 1
    if reader.peek().startswith(b"--- ") and reader.peek(1).startswith(b"+++ "):
        _body(reader, file)
    return file


def _extended(file: FilePatch, line: bytes) -> bool:
    """Take in one extended header; False if the line is none."""
    key, _, value = line.partition(b" mode ")
    if key in (b"old", b"deleted file"):
        file.old_mode, file.deletes = value.decode("ascii", "replace"), key == b"deleted file"
    elif key in (b"new", b"new file"):
        file.new_mode, file.creates = value.decode("ascii", "replace"), key == b"new file"
    elif match := re.match(rb"(rename|copy) (from|to) (.*)", line, re.DOTALL):
        source, target = file.moved or ("", "")
        name = unquote(match[3])
        file.moved = (name, target) if match[2] == b"from" else (source, name)
        file.copy = match[1] == b"copy"
    elif index := _INDEX.match(line):
        file.ids = (index[1].decode(), index[2].decode())
        if index[3]:
            file.old_mode = file.new_mode = index[3].decode()
    elif line.startswith((b"Binary files ", b"GIT binary patch")):
        file.binary = True
    else:
        return line.startswith((b"similarity index ", b"dissimilarity index "))
    return True


def _body(reader: _Reader, file: FilePatch) -> None:
    """The `---` and `+++` lines and the hunks below them."""
    lines = [reader.peek(number)[len(b"--- ") :].rstrip(b"\r\n") for number in (0, 1)]
    file.old, file.new = (None if line.partition(b"\t")[0] == b"/dev/null" else unquote(line) for line in lines)
    file.creates |= file.old is None or (not file.git and _EPOCH.search(lines[0]) is not None)
    file.deletes |= file.new is None or (not file.git and _EPOCH.search(lines[1]) is not None)
    reader.at += 2
    while header := _HUNK.match(reader.peek()):
        file.hunks.append(_hunk(reader, header))


def _hunk(reader: _Reader, header: re.Match[bytes]) -> Hunk:
    """One hunk, its lines counted as its header says."""
    start, count, other_start, other_count = (1 if n is None else int(n) for n in header.groups())
    hunk = Hunk(reader.peek().decode(errors="replace").strip(), start, other_start)
    reader.at += 1
    while len(hunk.old) < count or len(hunk.new) < other_count or reader.peek().startswith(b"\\"):
        line = reader.peek()
        mark, content = line[:1], line[1:]
        if line in (b"\n", b"\r\n"):  # mail programs take the space of an empty line of context away
            mark, content = b" ", line
        if mark == b"\\":
            _without_newline(hunk)
        elif mark not in (b" ", b"+", b"-"):
            raise GuardrailError(f"the patch ends or is damaged inside the hunk `{hunk.header}`")
        else:
            _take(hunk, mark, content if content.endswith(b"\n") else content + b"\n")
        reader.at += 1
    if len(hunk.old) != count or len(hunk.new) != other_count:
        raise GuardrailError(f"the patch is damaged: the hunk `{hunk.header}` holds other lines than its header says")
    return hunk


def _take(hunk: Hunk, mark: bytes, content: bytes) -> None:
    """Add one line to a hunk."""
    hunk.last = mark
    if mark == b"-":
        hunk.old_lines.append(len(hunk.old))
    if mark == b"+":
        hunk.new_lines.append(len(hunk.new))
    if mark != b"+":
        hunk.old.append(content)
    if mark != b"-":
        hunk.new.append(content)


def _without_newline(hunk: Hunk) -> None:
    """Take the line end off the line that stands before the mark."""
    for side, marks in ((hunk.old, b" -"), (hunk.new, b" +")):
        if hunk.last and hunk.last in marks:
            side[-1] = side[-1].removesuffix(b"\n")


def _git_names(text: bytes) -> tuple[str, str] | None:
    """The two names of a `diff --git` line; without quotes they can be told apart only if they are alike."""
    if text.startswith(b'"'):
        first, rest = split_quoted(text)
        second = split_quoted(rest[1:])[0] if rest.startswith(b' "') else rest[1:]
        return os.fsdecode(first), os.fsdecode(second)
    if text.endswith(b'"') and b' "' in text:
        unquoted, _, rest = text.partition(b' "')
        return os.fsdecode(unquoted), os.fsdecode(split_quoted(b'"' + rest)[0])
    for at in (match.start() for match in re.finditer(b" ", text)):
        left, right = text[:at], text[at + 1 :]
        if left == right or left.partition(b"/")[2] == right.partition(b"/")[2] != b"":
            return os.fsdecode(left), os.fsdecode(right)
    return None
