"""Times guardrail against the floor of importing libcst, and against Bandit; prints ratios and asserts nothing.

Peers live in an environment of their own, bench/.venv, so that they never mix with what guardrail depends on.
"""

import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path

BENCH = Path(__file__).parent
SOURCES = BENCH.parent / "guardrail"
ROUNDS = 5
PEERS = ["bandit"]


def seconds(command: Sequence[str | Path], cwd: Path) -> float:
    """The best of several runs; a peer may exit with 1 for what it found."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        code = subprocess.run(command, cwd=cwd, capture_output=True, check=False).returncode
        best = min(best, time.perf_counter() - start)
        if code not in (0, 1):
            sys.exit(f"exit code {code} from {' '.join(map(str, command))}")
    return best


def peers() -> Path:
    """The folder of the peers' commands, installed on the first run."""
    home = BENCH / ".venv"
    commands = home / "bin"
    if not all((commands / name).exists() for name in PEERS):
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([commands / "python", "-m", "pip", "install", "-qq", *PEERS], check=True)
    return commands


def empty_repository(folder: Path) -> Path:
    """A repository whose working tree is what was committed."""
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    (folder / "app.py").write_text("print('hello')\n", encoding="utf-8")
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "start"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    return folder


def main() -> None:
    """Print one row per measurement: seconds, and how many times the floor that is."""
    guardrail = Path(sys.executable).parent / "guardrail"
    with tempfile.TemporaryDirectory() as folder:
        here = empty_repository(Path(folder))
        floor = seconds([sys.executable, "-c", "import libcst"], here)
        rows = {
            "python -c 'import libcst'": floor,
            "guardrail --version": seconds([guardrail, "--version"], here),
            "guardrail check, empty change": seconds([guardrail, "check"], here),
            "guardrail scan, own sources": seconds([guardrail, "scan", SOURCES], BENCH.parent),
            "bandit -r, the same": seconds([peers() / "bandit", "-q", "-r", SOURCES], BENCH.parent),
        }
    for name, best in rows.items():
        print(f"{name:32} {best:7.3f} s  {best / floor:6.2f} x the floor")


if __name__ == "__main__":
    main()
