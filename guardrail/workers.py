"""Work for many processes: in order, with a bar on a terminal where it takes long, and ended at once by ^C."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

S = TypeVar("S")
T = TypeVar("T")
PATIENCE = 1.0  # seconds before a bar is shown
_WIDTH = 36  # of the bar, in characters


def mapped(
    function: Callable[[S], T], jobs: Sequence[S], workers: int, start: Callable[..., None] | None = None, *given: Any
) -> Iterator[T]:
    """The results in the order of the jobs; `start` is called with `given` in each of the processes."""
    pool = ProcessPoolExecutor(workers, initializer=_start, initargs=(start, given))
    try:
        yield from pool.map(function, jobs, chunksize=max(1, min(16, len(jobs) // (workers * 4))))
    except BaseException:  # ^C among them: who waits for workers that nobody wants?
        for process in multiprocessing.active_children():
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _start(start: Callable[..., None] | None, given: tuple[Any, ...]) -> None:
    """A worker leaves ^C to the process that it works for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if start is not None:
        start(*given)


def shown(results: Iterable[T], total: int, label: str) -> Iterator[T]:
    """The same results; on a terminal with a bar that says how far it is, where it takes longer than a moment."""
    if not sys.stderr.isatty():
        yield from results
        return
    begin, bar = time.monotonic(), False
    try:
        for number, result in enumerate(results, 1):
            if bar or time.monotonic() - begin > PATIENCE:
                bar = True
                sys.stderr.write(f"\r{label} [{'#' * (_WIDTH * number // total):<{_WIDTH}}] {number}/{total}")
                sys.stderr.flush()
            yield result
    finally:
        if bar:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
