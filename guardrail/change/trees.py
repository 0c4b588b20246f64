"""The sides of a change: a commit, the git index, a folder, files held in memory, or nothing."""

# os.path is several times faster than pathlib, and this is done for every file
# ruff: noqa: PTH118, PTH123

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from guardrail.change.git import Git
from guardrail.change.walk import walk
from guardrail.model import Tree, Unreadable

Held = bytes | Unreadable | None  # the content of a file, why there is none to be had, or no file

_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class EmptyTree:
    """The side that holds no file."""

    def read(self, path: str) -> bytes | None:
        """None, whatever the path."""
        return None

    def paths(self) -> Sequence[str]:
        """No file at all."""
        return ()


@dataclass(slots=True)
class FolderTree:
    """The files of a folder, read one at a time; no symbolic link is followed."""

    root: str
    git: Git | None = None
    _plain: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)
    _paths: tuple[str, ...] | None = field(default=None, repr=False, compare=False)
    _listing: bytes | None = field(default=None, repr=False, compare=False)

    def read(self, path: str) -> bytes | None:
        """The content of a regular file; Unreadable with the reason if it cannot be had."""
        folder, _, name = path.rpartition("/")
        if not name or name == ".." or "\0" in path or path.startswith(("/", os.sep)) or not self._is_plain(folder):
            return None
        try:
            handle = os.open(os.path.join(self.root, path), _FLAGS)
        except OSError as error:
            if not stat.S_ISREG(self._mode(path)):
                return None
            raise Unreadable((error.strerror or "cannot be read").lower()) from None
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            return None
        with open(handle, "rb") as file:
            try:
                return file.read()
            except OSError as error:
                raise Unreadable((error.strerror or "cannot be read").lower()) from None

    def paths(self) -> Sequence[str]:
        """The regular files: inside git those that it knows or does not ignore."""
        if self._paths is None:
            found = walk(self.root, "") if self.git is None else {name for _, name in self.names() if self.holds(name)}
            self._paths = tuple(sorted(found))
        return self._paths

    def listing(self) -> bytes:
        """What git says of all files that it knows or does not ignore: a letter and a name each."""
        if self._listing is None:
            options = ("-v", "-z", "--cached", "--others", "--exclude-standard")
            self._listing = self.git.run("ls-files", *options, "--") if self.git else b""
        return self._listing

    def names(self) -> Iterable[tuple[bytes, str]]:
        """The same as letters and names; the letter of a file that git does not know is `?`."""
        return ((record[:1], os.fsdecode(record[2:])) for record in self.listing().split(b"\0") if record)

    def holds(self, path: str) -> bool:
        """Whether a path is a regular file that is reached through no symbolic link."""
        return not path.startswith(("/", os.sep)) and self._is_plain(path.rpartition("/")[0]) and stat.S_ISREG(self._mode(path))

    def size(self, path: str) -> int:
        """The bytes of a file, 0 where there is none."""
        try:
            return os.lstat(os.path.join(self.root, path)).st_size
        except (OSError, ValueError):
            return 0

    def _mode(self, path: str) -> int:
        try:
            return os.lstat(os.path.join(self.root, path)).st_mode
        except FileNotFoundError:
            return 0
        except NotADirectoryError:
            return 0
        except PermissionError:
            return stat.S_IFREG  # something may be there: better unreadable than absent
        except (OSError, ValueError):
            return 0

    def _is_plain(self, folder: str) -> bool:
        """Whether a folder lies below the root without a symbolic link or `..` on the way."""
        if not folder:
            return True
        if folder not in self._plain:
            above, _, name = folder.rpartition("/")
            real = name not in ("", ".", "..") and not stat.S_ISLNK(self._mode(folder))
            self._plain[folder] = real and self._is_plain(above)
        return self._plain[folder]


@dataclass(slots=True)
class GitTree:
    """The files of a commit; contents are read by id, many at once, and kept."""

    git: Git
    commit: str
    held: dict[str, Held] = field(default_factory=dict, repr=False)
    _ids: dict[str, str] | None = field(default=None, repr=False)
    _top: dict[str, str] | None = field(default=None, repr=False)
    _paths: tuple[str, ...] | None = field(default=None, repr=False)

    def read(self, path: str) -> bytes | None:
        """The content of a regular file of the commit."""
        if path not in self.held:
            self.prefetch((path,))
        return given(self.held[path])

    def prefetch(self, paths: Iterable[str]) -> None:
        """Read many files by one process and keep them."""
        wanted = [path for path in paths if path not in self.held]
        ids = self.ids() if any("/" in path for path in wanted) else self.top()
        known = {path: ids[path] for path in wanted if path in ids}
        self.hold(known, self.git.blobs(known.values()))
        self.held.update((path, None) for path in wanted if path not in ids)

    def hold(self, ids: Mapping[str, str], blobs: Mapping[str, bytes]) -> None:
        """Keep contents that have been read already, by the ids of the files."""
        absent = Unreadable("its content is not in this clone of the repository")
        self.held.update((path, blobs.get(id, absent)) for path, id in ids.items())

    def paths(self) -> Sequence[str]:
        """All regular files, sorted."""
        if self._paths is None:
            self._paths = tuple(sorted(self.ids()))
        return self._paths

    def ids(self) -> Mapping[str, str]:
        """Path → blob id of all regular files."""
        if self._ids is None:
            self._ids = self._list()
        return self._ids

    def top(self) -> Mapping[str, str]:
        """The same of the files at least that lie in no folder; a change that needs no others is spared the long list."""
        if self._ids is not None:
            return self._ids
        if self._top is None:
            self._top = self._list("-z")
        return self._top

    def _list(self, *options: str) -> dict[str, str]:
        listing = self.git.run("ls-tree", *(options or ("-r", "-z")), "--full-tree", self.commit)
        return {path: id for mode, _, id, path in _entries(listing) if mode.startswith("100")}


@dataclass(slots=True)
class IndexTree(GitTree):
    """The files of the git index, read from it and not from the working tree."""

    commit: str = "index"
    _listing: bytes | None = field(default=None, repr=False)

    def listing(self) -> bytes:
        """What git says of all entries of the index."""
        if self._listing is None:
            self._listing = self.git.run("ls-files", "--stage", "-z")
        return self._listing

    def _list(self, *options: str) -> dict[str, str]:
        return {path: id for mode, id, stage, path in _entries(self.listing()) if mode.startswith("100") and stage == "0"}


@dataclass(slots=True)
class MemoryTree:
    """Another tree with some of its files replaced, added or (None) taken away."""

    under: Tree
    files: Mapping[str, Held]

    def read(self, path: str) -> bytes | None:
        """The replaced content, or else that of the tree below."""
        return given(self.files[path]) if path in self.files else self.under.read(path)

    def paths(self) -> Sequence[str]:
        """All files, sorted."""
        mine = {path for path, content in self.files.items() if content is not None}
        return tuple(sorted(mine.union(path for path in self.under.paths() if path not in self.files)))


def prefetch(tree: Tree, paths: Iterable[str]) -> None:
    """Read files of a commit or of the index in one go before they are asked for singly; no-op for other trees."""
    if isinstance(tree, GitTree):
        tree.prefetch(paths)


def given(held: Held) -> bytes | None:
    """A content that is held, or the exception that stands for it."""
    if isinstance(held, Unreadable):
        raise held
    return held


def listed(git: Git, *below: str) -> list[str]:
    """The regular files of the working tree that git knows or does not ignore, reached through no symbolic link."""
    names = git.names("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *below)
    tree = FolderTree(git.root)
    return sorted({name for name in names if tree.holds(name)})


def _entries(listing: bytes) -> list[tuple[str, str, str, str]]:
    """The records of `git ls-tree -z` and `git ls-files --stage -z`: three words, a tab, a path."""
    entries = []
    for record in os.fsdecode(listing).split("\0"):
        words, tab, path = record.partition("\t")
        if tab:
            first, second, third = words.split()
            entries.append((first, second, third, path))
    return entries
