"""What was read of files, kept between runs: a table in the user's cache folder, keyed by content.

Whatever goes wrong with it, the answer is the one without it: an entry that cannot be read is made anew, a file that is no
cache is replaced, and where nothing can be written nothing is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from guardrail import __version__

FILE = "index-1.sqlite"
LARGEST = 1 << 30  # bytes of a cache from which it is begun anew
_WAIT = 2.0  # seconds that a run waits for another one that is writing
_AT_ONCE = 500  # entries asked for by one statement


def folder() -> Path:
    """Where the cache lies: GUARDRAIL_CACHE, or the user's cache folder."""
    given = os.environ.get("GUARDRAIL_CACHE")
    if given:
        return Path(given)
    from platformdirs import user_cache_path  # late: only a run with a cache asks

    return user_cache_path("guardrail", False)


@cache
def _program() -> bytes:
    """What entries depend on beside the content: the version of guardrail and its code, and that of Python."""
    digest = hashlib.sha256(f"{__version__} {sys.version_info[:3]}".encode())
    for path in sorted((Path(__file__).parent / "systemic").glob("*.py")):
        with contextlib.suppress(OSError):
            digest.update(path.read_bytes())
    return digest.digest()


def key(*parts: bytes) -> str:
    """The key of an entry made from these parts."""
    digest = hashlib.sha256(_program())
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


@dataclass
class Cache:
    """The table; `place` is its folder. Nothing here ever raises for what the file system or another process does."""

    place: Path = field(default_factory=folder)
    _broken: bool = False

    @property
    def file(self) -> Path:
        """The file that it lies in."""
        return self.place / FILE

    def load(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The entries of these keys, as far as they are there and whole."""
        wanted = list(keys)
        found: dict[str, bytes] = {}
        with self._open(create=False) as table:
            for start in range(0, len(wanted) if table else 0, _AT_ONCE):
                some = wanted[start : start + _AT_ONCE]
                rows = self._ask(table, f"SELECT key, sum, data FROM entries WHERE key IN ({','.join('?' * len(some))})", some)
                found |= {name: data for name, total, data in rows if _whole(data, total)}
        return found

    def store(self, entries: Mapping[str, bytes]) -> None:
        """Keep entries, all of them or none."""
        rows = [(name, hashlib.sha256(data).digest(), data) for name, data in entries.items()]
        if not rows:
            return
        with self._open(create=True) as table:
            if table is None:
                return
            try:
                with table:  # commits, or rolls back
                    table.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", rows)
            except (sqlite3.Error, OSError, OverflowError):
                self._broken = True

    def clear(self) -> int:
        """Remove the cache; gives the bytes that it took."""
        size = self.size()
        for suffix in ("", "-journal", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                Path(f"{self.file}{suffix}").unlink()
        return size

    def size(self) -> int:
        """The bytes that it takes."""
        try:
            return self.file.stat().st_size
        except OSError:
            return 0

    def entries(self) -> int:
        """How many entries it has."""
        with self._open(create=False) as table:
            rows = self._ask(table, "SELECT count(*) FROM entries", [])
        return int(rows[0][0]) if rows else 0

    @contextlib.contextmanager
    def _open(self, create: bool) -> Iterator[sqlite3.Connection | None]:
        """The table, None where there is none to be had; one that is not ours is replaced."""
        table = None if self._broken else self._connected(create)
        try:
            yield table
        finally:
            if table is not None:
                with contextlib.suppress(sqlite3.Error):
                    table.close()

    def _connected(self, create: bool, again: bool = True) -> sqlite3.Connection | None:
        table = None
        try:
            if create:
                self.place.mkdir(parents=True, exist_ok=True)
                if self.size() > LARGEST:
                    self.clear()
            elif not self.file.is_file():
                return None
            table = sqlite3.connect(self.file, timeout=_WAIT)
            table.execute("CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, sum BLOB, data BLOB) WITHOUT ROWID")
            table.execute("SELECT key, sum, data FROM entries LIMIT 1").fetchone()
            return table
        except (sqlite3.Error, OSError) as error:
            if table is not None:
                table.close()
            locked = isinstance(error, sqlite3.OperationalError) and "lock" in str(error)
            if again and not locked and isinstance(error, sqlite3.Error):
                self.clear()
                return self._connected(create, again=False)
            self._broken = True
            return None

    def _ask(self, table: sqlite3.Connection | None, query: str, values: list[str]) -> list[tuple[Any, ...]]:
        """The rows, none where the table does not let us; then nobody asks it again."""
        if table is None or self._broken:
            return []
        try:
            return table.execute(query, values).fetchall()
        except (sqlite3.Error, OSError, OverflowError):
            self._broken = True
            return []


def _whole(data: object, total: object) -> bool:
    """Whether an entry is what was put there."""
    return isinstance(data, bytes) and hashlib.sha256(data).digest() == total
