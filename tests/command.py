"""The real command line in a process of its own, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guardrail.outputs import ASSISTANTS

ROOT = Path(__file__).parent.parent
_OURS = ("GIT_", "PRE_COMMIT", "PYTHON", "GUARDRAIL")
_PLAIN = {
    "GUARDRAIL_CACHE": f"{os.devnull}/none",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "NO_COLOR": "1",
    "PYTHONPATH": str(ROOT),
}


@dataclass(frozen=True)
class Ran:
    """What a run answered."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> dict[str, Any]:
        """The report, where it is JSON."""
        report: dict[str, Any] = json.loads(self.out)
        return report

    @property
    def found(self) -> list[str]:
        """`RULE path:line` of each finding of a JSON report."""
        return [f"{f['rule']} {f['path']}:{f['line']}" for f in self.told["findings"]]

    @property
    def skipped(self) -> dict[str, str]:
        """Path → reason of what a JSON report calls unread."""
        return {entry["path"]: entry["reason"] for entry in self.told["files"]["skipped"]}

    def refused(self) -> str:
        """The one sentence of a run that could not answer: exit code 2, no report, no traceback."""
        assert (self.code, self.out) == (2, ""), (self.code, self.out, self.err)
        assert self.err.startswith("guardrail: error: "), self.err
        assert self.err.count("\n") == 1, self.err
        return self.err.removeprefix("guardrail: error: ").rstrip("\n")


def guardrail(*arguments: str | Path, cwd: Path, input: bytes = b"", before: tuple[str, ...] = (), **variables: str) -> Ran:
    """Run guardrail in a folder, with nothing of the outer environment that could change its answer.

    `before` are words that stand before the command; a run that hangs is a failure.
    """
    outer = {name: value for name, value in os.environ.items() if not name.startswith(_OURS) and name not in ASSISTANTS}
    command = [*before, sys.executable, "-m", "guardrail", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=cwd, env=outer | _PLAIN | variables, input=input, capture_output=True, check=False, timeout=120
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def contents(folder: Path) -> dict[str, bytes | str]:
    """All that lies in a folder, git's own files included: content, or the kind of what is no regular file."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_file():
            found[name] = f"{path.stat().st_mode:o}" if not path.stat().st_mode & 0o400 else path.read_bytes()
        else:
            found[name] = "folder" if path.is_dir() else "special"
    return found
