"""Work for many processes: in order, with a bar on a terminal where it takes long, and ended at once by ^C."""

from __future__ import annotations

import gc
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

S = TypeVar("S")
T = TypeVar("T")
PATIENCE = 1.0  # seconds before a bar is shown
_GARBAGE = 400_000  # objects that may be left between two jobs
_WIDTH = 36  # of the bar, in characters


def mapped(
    function: Callable[[S], T], jobs: Sequence[S], workers: int, start: Callable[..., None] | None = None, *given: Any
) -> Iterator[T]:
    """The results in the order of the jobs; `start` is called with `given` in each of the processes."""
    import multiprocessing  # late: most changes are small, and this takes as long as all else
    from concurrent.futures import ProcessPoolExecutor

    size = max(1, min(16, len(jobs) // (workers * 4)))
    pool = ProcessPoolExecutor(workers, initializer=_start, initargs=(start, given))
    try:
        with _no_interrupt():
            parts = [jobs[first : first + size] for first in range(0, len(jobs), size)]
            futures = deque(pool.submit(_several, function, part) for part in parts)
        while futures:
            yield from futures.popleft().result()
    except BaseException:  # ^C among them: who waits for workers that nobody wants?
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown()


def _several(function: Callable[[S], T], jobs: Sequence[S]) -> list[T]:
    return list(in_turn(function, jobs))


def in_turn(function: Callable[[S], T], jobs: Iterable[S]) -> Iterator[T]:
    """The results one after the other, made in this process; between the jobs, and never within one, garbage is collected."""
    was = gc.isenabled()
    gc.disable()  # it would look at a growing tree again and again
    try:
        for job in jobs:
            yield function(job)
            if gc.get_count()[0] > _GARBAGE:
                gc.collect(0)  # what is older stays
    finally:
        if was:
            gc.enable()


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Puts ^C off until the workers, which inherit that, are there and have learned to ignore it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(start: Callable[..., None] | None, given: tuple[Any, ...]) -> None:
    """A worker leaves ^C to the process that it works for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if start is not None:
        start(*given)
    gc.freeze()  # what is there now stays


def shown(results: Iterable[T], total: int, label: str) -> Generator[T]:
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
        if isinstance(results, Generator):
            results.close()  # here and now: its processes must not wait until somebody collects it
        if bar:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
