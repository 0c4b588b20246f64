"""What a path says of the code: tests, scripts, migrations, other people's code (catalogue 1.2 and 1.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable

PYTHON = (".py", ".pyw")  # how the names of files of Python end
WHOLE_FILE = "<file>"  # the definition that stands for a file that is not Python
_TESTS = frozenset({"tests", "test", "testing", "t"})
_SCRIPTS = frozenset(
    "scripts bin tools examples example docs doc docs_src demo demos samples sample tutorial tutorials benchmarks".split()
)
_EXAMPLES = frozenset("examples example docs doc demo demos samples sample tutorial tutorials docs_src".split())
_FOREIGN = re.compile(r"(^|/)(_?vendor(ed)?|third_party|node_modules|site-packages)/|_pb2(_grpc)?\.py$")
_LOCKS = frozenset({"package-lock.json", "pnpm-lock.yaml", "npm-shrinkwrap.json", "go.sum", "pylock.toml"})
_NUMBERED = re.compile(r"(?P<folder>(.*/)?migrations)/\d{4}_\w*\.py")


def is_test(path: str) -> bool:
    """Test code: a `tests` folder, `test_*.py`, `*_test.py`, `tests.py`, `conftest.py`."""
    *folders, name = path.split("/")
    return bool(_TESTS.intersection(folders)) or name.startswith("test_") or name.endswith(("_test.py", "tests.py", "conftest.py"))


def is_script(path: str) -> bool:
    """Code that no server runs: scripts, examples, management commands, `setup.py`."""
    *folders, name = path.split("/")
    return bool(_SCRIPTS.intersection(folders)) or "management" in folders or name == "setup.py"


def is_example(path: str) -> bool:
    """What shows readers how things are done; credentials there are made up."""
    return bool(_EXAMPLES.intersection(path.split("/")[:-1]))


def is_foreign(path: str) -> bool:
    """Vendored or generated code."""
    return _FOREIGN.search(path) is not None


def is_lock(path: str) -> bool:
    """What a package manager writes: nobody reads it line by line."""
    name = path.rpartition("/")[2]
    return name.endswith(".lock") or name in _LOCKS


def is_migration(path: str) -> bool:
    """Schema migrations."""
    return "migrations" in path.split("/")[:-1]


def superseded(paths: Iterable[str]) -> frozenset[str]:
    """The numbered migrations that a later one in the same folder follows: applied long ago, and not to be mended."""
    last: dict[str, str] = {}
    found = [(m["folder"], m[0]) for m in map(_NUMBERED.fullmatch, sorted(paths)) if m]
    last.update(found)
    return frozenset(path for folder, path in found if path != last[folder])
