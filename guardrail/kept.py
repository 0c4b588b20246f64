"""Judgements of files kept between runs: what was judged by the same rules, with the same content, is not judged again."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guardrail import cache
from guardrail.index import decode
from guardrail.model import FileChange, Unreadable
from guardrail.packs import own_packs

if TYPE_CHECKING:
    from guardrail.cache import Cache
    from guardrail.judge import Judge
    from guardrail.judgement import FileJudgement
    from guardrail.packs import Rules
    from guardrail.project import Project

_CLASSES = {  # of which judgements are made; nothing else is ever built from what lies in the cache
    "builtins": {"frozenset"},
    "datetime": {"date"},
    "guardrail.allows": {"Allow", "AllowsOfFile"},
    "guardrail.delta.loss": {"Loss"},
    "guardrail.judgement": {"FileJudgement", "Found"},
    "guardrail.model": {
        *("Confidence", "Definition", "Evidence", "Finding", "Note", "Placement", "Role", "Severity", "Skipped", "Status", "Tier"),
    },
}
_SAYS = b"guardrail"  # a file that says this may hold allows, whose worth depends on the day


class Kept:
    """Judgements by what they depend on: the program, the rules, what the project says of itself, and both sides of the file."""

    def __init__(self, table: Cache, judge: Judge, settings: str) -> None:
        """`settings` are those that change the rules, as a text."""
        self.table, self.judge = table, judge
        projects = [_said(judge.head_project), b"" if judge.whole else _said(judge.base_project)]
        self._salt = [program(), judge.rules.theirs, settings.encode(), *projects, repr(judge.whole).encode()]

    def keys(self, files: Sequence[FileChange]) -> list[str]:
        """A key for each file, "" for one that is judged anew each time."""
        return [self._key(file) for file in files]

    def load(self, keys: Sequence[str], files: Sequence[FileChange]) -> dict[str, FileJudgement]:
        """The judgements that are there, by key."""
        found: dict[str, FileJudgement] = {}
        known = self.table.load([key for key in keys if key])
        for key, file in zip(keys, files, strict=True):
            made = self._made(known[key], file) if key in known else None
            if made is not None:
                found[key] = made
        return found

    def store(self, judged: dict[str, FileJudgement]) -> None:
        """Keep judgements by their keys."""
        plain = {key: (replace(made, text=""), bool(made.text)) for key, made in judged.items() if key}
        self.table.store({key: pickle.dumps(value, pickle.HIGHEST_PROTOCOL) for key, value in plain.items()})

    def _key(self, file: FileChange) -> str:
        try:
            base = self.judge.base.read(file.base_path) if file.base_path else None
            head = self.judge.head.read(file.head_path) if file.head_path else None
        except Unreadable:
            return ""
        if any(_SAYS in (side or b"").lower() for side in (base, head)):
            return ""
        lines = [None if some is None else sorted(some) for some in (file.added, file.removed)]
        rest = repr((file.base_path, file.head_path, lines, file.copied_from, file.path in self.judge.superseded))
        sides = [b"-" if side is None else b"+" + side for side in (base, head)]
        return cache.key(b"judgement", *self._salt, rest.encode("utf-8", "surrogateescape"), *sides)

    def _made(self, data: bytes, file: FileChange) -> FileJudgement | None:
        """The judgement again, with the text of head where something was found there."""
        with contextlib.suppress(Exception):  # whatever foreign bytes do to pickle
            made, has_text = _Reader(io.BytesIO(data)).load()
            content = self.judge.head.read(file.head_path) if has_text and file.head_path else None
            judgement: FileJudgement = replace(made, text=decode(content)) if content is not None else made
            return judgement
        return None


def can_keep(rules: Rules) -> bool:
    """Whether judgements depend on nothing else: the checks of users' packs are code that nobody has an eye on."""
    return not rules.theirs or all(not rule.check or rule.check.startswith("guardrail.") for rule in rules.rules)


def read(data: bytes) -> Any:
    """What was kept; None where the bytes are broken or stand for anything but judgements."""
    with contextlib.suppress(Exception):  # whatever foreign bytes do to pickle
        return _Reader(io.BytesIO(data)).load()
    return None


class _Reader(pickle.Unpickler):
    """Reads the classes of judgements and no other."""

    def find_class(self, module: str, name: str) -> Any:
        """The class, if it is one of those."""
        if name not in _CLASSES.get(module, ()):
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a judgement")
        return super().find_class(module, name)


def _said(project: Project) -> bytes:
    """All that a judgement may ask of a project."""
    asked = (sorted(map(str, project.requirements)), sorted(map(str, project.locked.items())), project.knows, project.python)
    return hashlib.sha256(repr((asked, sorted(project.own))).encode("utf-8", "surrogateescape")).digest()


def program() -> bytes:
    """The code of guardrail, told by size and time of change: reading it all would take longer than judging a small change."""
    digest = hashlib.sha256()
    folders = [Path(__file__).parent, own_packs()]
    for path, size, time in sorted(told for folder in folders for told in _files(str(folder))):
        digest.update(f"{path}\0{size}\0{time}\0".encode("utf-8", "surrogateescape"))
    return digest.digest()


def _files(folder: str) -> Iterator[tuple[str, int, int]]:
    """Path, size and time of change (in nanoseconds) of all modules and packs below a folder."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files(entry.path)
            elif entry.name.endswith((".py", ".toml")):
                known = entry.stat()
                yield entry.path, known.st_size, known.st_mtime_ns
