"""All that is found in a change: file by file, in the calls of the project, and in what the change lost."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from guardrail import systemic
from guardrail.delta import stage
from guardrail.judge import Judge
from guardrail.judgement import FileJudgement, Found, parted
from guardrail.kept import Kept, can_keep
from guardrail.model import Change, FileChange
from guardrail.patterns.literals import remember
from guardrail.profiling import timed
from guardrail.settings import Settings
from guardrail.workers import in_turn, mapped, shown

if TYPE_CHECKING:
    from guardrail.cache import Cache

PARALLEL = 24  # files from which worker processes pay for themselves


def find(judge: Judge, change: Change, scope: Sequence[FileChange], settings: Settings, cache: Cache | None) -> Found:
    """What is found in those files of a change that are in `scope`; `cache` spares reading and judging files."""
    remember(judge.rules.searches)
    files, others = parted(scope, change)
    judgements = judged(judge, files, settings, cache)
    pages = [judge.judge_page(f) for f in others]
    paths = systemic.find(judge, files, [f for j in judgements for f in (*j.head, *j.base)], settings, cache)
    if cache:
        cache.store(paths.fresh)
    lost = [] if judge.whole else timed("losses")(stage.of_change)(judge, change, judgements, scope)
    return Found(judgements, pages, paths.findings, lost, paths.limits)


def judged(judge: Judge, files: Sequence[FileChange], settings: Settings, cache: Cache | None) -> list[FileJudgement]:
    """The judgements in the order of the files, those of the cache from there."""
    if cache is None or not files or not can_keep(judge.rules):
        return list(judge_all(judge, files, settings.jobs))
    kept = Kept(cache, judge, repr(settings.surfaces))
    keys = kept.keys(files)
    known = kept.load(keys, files)
    todo = [(key, file) for key, file in zip(keys, files, strict=True) if key not in known]
    fresh = list(judge_all(judge, [file for _, file in todo], settings.jobs))
    kept.store({key: made for (key, _), made in zip(todo, fresh, strict=True)})
    rest = iter(fresh)
    return [known[key] if key in known else next(rest) for key in keys]


def judge_all(judge: Judge, files: Sequence[FileChange], jobs: int) -> Iterator[FileJudgement]:
    """The judgements in the order of the files, made by as many processes as there is work for."""
    workers = min(jobs or os.cpu_count() or 1, len(files) // (PARALLEL // 4))
    if workers <= 1 or len(files) < PARALLEL:
        yield from shown(in_turn(judge.judge, files), len(files), "judging")
        return
    yield from shown(mapped(_judge_one, files, workers, _start, judge), len(files), "judging")


_WORKER: list[Judge] = []


def _start(judge: Judge) -> None:
    _WORKER[:] = [judge]


def _judge_one(file: FileChange) -> FileJudgement:
    return _WORKER[0].judge(file)
