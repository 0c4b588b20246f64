"""The bar on a terminal, and ^C: real processes, a real pseudo-terminal, real signals."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import ROOT

PROGRAM = """
import sys
from guardrail import workers
workers.PATIENCE = {patience}
from guardrail.cli import main
sys.exit(main(sys.argv[1:]))
"""
INTERRUPTED = 130
BODY = "".join(
    f"def f{n}(a):\n    for b in a:\n        if b.c(a):\n            return b\n    return [b for b in a]\n\n\n" for n in range(8)
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with so many files that worker processes are started."""
    folder = tmp_path / "project"
    folder.mkdir()
    for number in range(160):
        (folder / f"module_{number}.py").write_text(f"import module_{number + 1}\n\n\n{BODY}")
    return folder


class Terminal:
    """A process whose standard error is a terminal of its own, and which leads a process group as those of a shell do."""

    def __init__(self, folder: Path, patience: float, *arguments: str) -> None:
        ours, theirs = pty.openpty()
        self.end = ours
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "GUARDRAIL_CACHE": f"{os.devnull}/none"}
        command = [sys.executable, "-c", PROGRAM.format(patience=patience), *arguments]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=theirs, start_new_session=True
        )
        os.close(theirs)

    def pieces(self) -> Iterator[str]:
        """What is written to the terminal, as it arrives; ends with the last process that holds it."""
        while True:
            try:
                data = os.read(self.end, 4096)
            except OSError:  # nobody is left who could write
                return
            if not data:
                return
            yield data.decode()

    def read_until(self, text: str) -> str:
        """All that is written until a text has arrived."""
        seen = ""
        for piece in self.pieces():
            seen += piece
            if text in seen:
                break
        return seen

    def is_alone(self) -> bool:
        """Whether no process of the group is left."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False


def test_a_bar_says_how_far_it_is_and_is_wiped_away(project):
    terminal = Terminal(project, 0, "scan", "--jobs", "2")
    seen = "".join(terminal.pieces())
    terminal.process.wait()
    assert "judging [" in seen
    assert "160/160" in seen
    assert seen.endswith("\r\x1b[K")


def test_work_that_is_soon_done_shows_no_bar(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    terminal = Terminal(tmp_path, 60, "scan")
    seen = "".join(terminal.pieces())
    terminal.process.wait()
    assert "judging" not in seen


def test_a_pipe_sees_no_bar(project):
    command = [sys.executable, "-c", PROGRAM.format(patience=0), "scan", "--jobs", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GUARDRAIL_CACHE": f"{os.devnull}/none"}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize("label", ["judging [", "reading calls ["])
def test_an_interrupt_ends_it_with_all_its_workers_and_without_a_traceback(project, label):
    terminal = Terminal(project, 0, "scan", "--jobs", "2")
    seen = terminal.read_until(label)
    assert label in seen
    os.killpg(terminal.process.pid, signal.SIGINT)
    after = "".join(terminal.pieces())
    assert terminal.process.wait() == INTERRUPTED
    assert "Traceback" not in after
    assert terminal.is_alone()


def test_an_interrupt_of_the_main_process_alone_ends_its_workers_too(project):
    terminal = Terminal(project, 0, "scan", "--jobs", "2")
    terminal.read_until("judging [")
    os.kill(terminal.process.pid, signal.SIGINT)
    after = "".join(terminal.pieces())
    assert terminal.process.wait() == INTERRUPTED
    assert "Traceback" not in after
    assert terminal.is_alone()
