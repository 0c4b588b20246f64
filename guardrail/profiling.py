"""Where the time of a run goes, by stage and by rule; nothing is measured unless --profile asks for it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
SHOWN = 20  # rules, the slowest first


@dataclass
class Clock:
    """Seconds by name; a stage's own time is without that of the stages inside of it."""

    stages: dict[str, float] = field(default_factory=dict)
    rules: dict[str, float] = field(default_factory=dict)
    begun: float = field(default_factory=time.perf_counter)
    _inside: list[float] = field(default_factory=list)  # seconds spent in inner stages, one entry for each that is open

    def stage(self, name: str, function: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """Call the function as a part of a stage."""
        start = time.perf_counter()
        self._inside.append(0.0)
        try:
            return function(*given, **named)
        finally:
            taken = time.perf_counter() - start
            self.stages[name] = self.stages.get(name, 0.0) + taken - self._inside.pop()
            if self._inside:
                self._inside[-1] += taken

    def rule(self, name: str, function: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """Call the function on behalf of a rule."""
        start = time.perf_counter()
        try:
            return function(*given, **named)
        finally:
            self.rules[name] = self.rules.get(name, 0.0) + time.perf_counter() - start

    def table(self) -> str:
        """What was measured, in lines: milliseconds, share of the whole, name."""
        whole = time.perf_counter() - self.begun
        stages = {**self.stages, "all else": whole - sum(self.stages.values())}
        return "\n".join([*_lines("stage", stages, whole), "", *_lines("rule or surface", self.rules, whole)[: SHOWN + 1]]) + "\n"


class _Running:
    clock: Clock | None = None  # of the run that is measured


def start() -> Clock:
    """Measure from now on, in this process."""
    _Running.clock = Clock()
    return _Running.clock


def stop() -> None:
    """Measure no longer."""
    _Running.clock = None


def clock() -> Clock | None:
    """The clock, None where nothing is measured."""
    return _Running.clock


def timed(name: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Count a function's time to a stage."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def measured(*given: P.args, **named: P.kwargs) -> T:
            running = _Running.clock
            return function(*given, **named) if running is None else running.stage(name, function, *given, **named)

        return measured

    return decorate


def _lines(title: str, seconds: dict[str, float], whole: float) -> list[str]:
    ordered = sorted(seconds.items(), key=lambda item: (-item[1], item[0]))
    return [f"{'ms':>9}  share  {title}", *(f"{1000 * s:9.1f}  {s / whole:5.0%}  {name}" for name, s in ordered)]
