"""Runs commands in turn, several rounds, and tells what each took: wall time, processor time, peak memory."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Work:
    """A command to be timed; `cold` has an empty cache in each run, `warm` has been run before, `after` another command was.

    `rounds` is how often it is worth running.
    """

    name: str
    command: Sequence[str | Path]
    cwd: Path
    rounds: int = 3
    cold: bool = False
    warm: bool = False
    after: Sequence[str | Path] = ()


@dataclass(frozen=True)
class Cost:
    """What one run took: seconds, seconds of processor time, megabytes at the peak."""

    wall: float
    cpu: float
    peak: float


@dataclass
class Costs:
    """The runs of one command."""

    runs: list[Cost] = field(default_factory=list)

    @property
    def median(self) -> Cost:
        """The median of each figure for itself."""
        return Cost(*(statistics.median(getattr(run, name) for run in self.runs) for name in ("wall", "cpu", "peak")))


def interleaved(works: Sequence[Work], cache: Path) -> dict[str, Cost]:
    """The medians by name; all are run once before any is run twice, so that a busy minute hits all alike."""
    costs = {work.name: Costs() for work in works}
    for turn in range(max(work.rounds for work in works)):
        for work in works:
            if turn < work.rounds:
                place = cache / ("cold" if work.cold or work.after else "warm")
                if work.cold or work.after:
                    shutil.rmtree(place, ignore_errors=True)
                before = work.after or (work.command if work.warm and turn == 0 else ())
                if before:
                    once(before, work.cwd, {"GUARDRAIL_CACHE": str(place)})  # fills the cache, and is not counted
                costs[work.name].runs.append(once(work.command, work.cwd, {"GUARDRAIL_CACHE": str(place)}))
                print(f"  {turn + 1}/{work.rounds}  {work.name}: {costs[work.name].runs[-1].wall:.2f} s", file=sys.stderr)
    return {name: given.median for name, given in costs.items()}


def once(command: Sequence[str | Path], cwd: Path, environment: Mapping[str, str] = {}) -> Cost:
    """One run; 0 and 1 are the exit codes of linters that have done their work, 2 that of guardrail for an unreadable file."""
    start = time.perf_counter()
    child = subprocess.Popen(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    assert child.stderr is not None
    said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stderr.close()
    if child.returncode not in (0, 1, 2):
        sys.exit(f"exit code {child.returncode} from {' '.join(map(str, command))}: {said.decode(errors='replace')[-400:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
