"""Rules as they come out of packs, kept beside the code like Python's own bytecode, and trusted as much."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from guardrail.packs.rules import Rules
from guardrail.patterns.anchors import SEARCH

_CODE = Path(__file__).parent.parent
FOLDER = Path(__file__).parent / "__pycache__"


def fingerprint(texts: Iterable[tuple[str, bytes]]) -> bytes:
    """What rules depend on: the packs (file name, content), the code that reads them, and Python."""
    digest = hashlib.sha256(sys.version.encode())
    sources = sorted([_CODE / "model.py", *(_CODE / "packs").glob("*.py"), *(_CODE / "patterns").glob("*.py")])
    for name, data in [*((path.name, path.read_bytes()) for path in sources), *texts]:
        digest.update(f"\0{name}\0{len(data)}\0".encode() + data)
    return digest.digest()


def recall(key: bytes, folder: Path = FOLDER) -> Rules | None:
    """The rules that were kept under this fingerprint; None where there are none, or something else lies there."""
    with contextlib.suppress(Exception):  # whatever a broken file does to pickle
        data = _file(folder).read_bytes()
        size = len(key)
        if data[:size] == key and hashlib.sha256(data[2 * size :]).digest() == data[size : 2 * size]:
            found = pickle.loads(data[2 * size :])
            return found if isinstance(found, Rules) else None
    return None


def keep(key: bytes, rules: Rules, folder: Path = FOLDER) -> None:
    """Keep the rules for the next run, with their anchors; where nothing can be written, nothing is kept."""
    if sys.dont_write_bytecode:
        return
    data = pickle.dumps(replace(rules, searches=_searches(rules)), pickle.HIGHEST_PROTOCOL)
    import tempfile  # late: most runs only read

    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(key + hashlib.sha256(data).digest() + data)
        Path(name).replace(_file(folder))


def _searches(rules: Rules) -> dict[str, tuple[frozenset[str], bool]]:
    """What is looked for first where anchors ask for a regular expression; on the way all anchors are worked out."""
    from guardrail.patterns.literals import told  # late: most runs only read

    detectors = (*rules.rules, *(shape for signals in rules.signals.values() for shape in signals.shapes))
    asked = {word for detector in detectors for needed in detector.anchors for word in needed if word.startswith(SEARCH)}
    return {pattern: told(pattern) for pattern in sorted(word.removeprefix(SEARCH) for word in asked)}


def _file(folder: Path) -> Path:
    return folder / f"rules.{sys.implementation.cache_tag}.pickle"
