"""The view over the project: who calls whom, what a call does, and in which circumstances it is made."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from guardrail.profiling import timed

if TYPE_CHECKING:
    from guardrail.cache import Cache
    from guardrail.judge import Judge
    from guardrail.model import FileChange, Finding
    from guardrail.settings import Settings


REACHED = 1500  # functions that a check looks at from each touched function on


@dataclass(frozen=True)
class Systemic:
    """What was found in the calls of a project, the bounds that were hit while looking, in words, and what a cache should keep."""

    findings: Sequence[Finding] = ()
    limits: tuple[str, ...] = ()
    fresh: Mapping[str, bytes] = field(default_factory=dict)


@timed("calls across functions")
def find(
    judge: Judge, files: Sequence[FileChange], said: Sequence[Finding], settings: Settings | None = None, cache: Cache | None = None
) -> Systemic:
    """What the rules with `reaches` find in a change, without what was `said` by others; each with its status."""
    rules = [rule for rule in judge.rules.rules if rule.reaches]
    differ = frozenset(path for f in files for path in (f.base_path, f.head_path) if path)
    files = [f for f in files if f.path.endswith(".py")]
    if not rules or not files:
        return Systemic()
    from guardrail.systemic.judge import find as found_by
    from guardrail.systemic.judge import without
    from guardrail.systemic.project import Project
    from guardrail.systemic.reading import Reading

    reading = Reading(cache, (settings.jobs if settings else 1) or os.cpu_count() or 1)
    skip = settings.excluded if settings else lambda _: False
    head = Project(judge.head, skip, reading, most=None if judge.whole else REACHED)
    base = None if judge.whole else Project(judge.base, skip, reading, twin=head, changed=differ, most=REACHED)
    found = found_by(base, head, files, rules, judge.library, judge.whole)
    return Systemic(without(found, said), tuple(sorted(head.limits)), reading.fresh)
