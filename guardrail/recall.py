"""A change that was looked at before: all that was found in it, kept by the contents of both trees, the rules and the settings."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from guardrail import kept
from guardrail.judgement import FileJudgement, Found
from guardrail.model import Change
from guardrail.profiling import timed
from guardrail.source import decode

if TYPE_CHECKING:
    from datetime import date

    from guardrail.cache import Cache
    from guardrail.packs import Rules
    from guardrail.settings import Settings


class Recall:
    """What was found in one change, if its trees can be told from others; `cache` None means that nothing is kept."""

    def __init__(self, cache: Cache | None, change: Change, rules: Rules, settings: Settings, today: date) -> None:
        """Nothing that was kept is read yet."""
        self.change, self.rules, self.settings, self.today = change, rules, settings, today.isoformat()
        self.identity = change.identity() if cache is not None and change.files and kept.can_keep(rules) else ""
        self.cache = cache if self.identity else None

    @timed("recalling")
    def load(self) -> Found | None:
        """What was found, with the texts of the files that something was found in; None where it is not known."""
        if self.cache is None:
            return None
        data = self.cache.load([self._key]).get(self._key)
        match kept.read(data) if data else None:
            case (Found() as found, str(day)) if day in ("", self.today):
                return replace(found, judgements=[self._with_text(j) for j in found.judgements])
        return None

    def store(self, found: Found) -> None:
        """Keep it, unless a file was not read; where something is allowed, for today only, since allows expire."""
        judgements = (*found.judgements, *found.pages)
        if self.cache is None or any(j.skipped for j in judgements):
            return
        day = self.today if any(map(_allows, judgements)) else ""
        plain = replace(found, judgements=_plain(found.judgements), pages=_plain(found.pages))
        self.cache.store({self._key: pickle.dumps((plain, day), pickle.HIGHEST_PROTOCOL)})

    @cached_property
    def _key(self) -> str:
        from guardrail.cache import key

        files = [
            (f.base_path, f.head_path, *(None if some is None else sorted(some) for some in (f.added, f.removed)), f.copied_from)
            for f in self.change.files
        ]
        said = repr((self.change.label, self.identity, files, replace(self.settings, jobs=0)))
        return key(b"change", kept.program(), self.rules.theirs, said.encode("utf-8", "surrogateescape"))

    def _with_text(self, judgement: FileJudgement) -> FileJudgement:
        data = self.change.head.read(judgement.path) if judgement.text else None
        return judgement if data is None else replace(judgement, text=decode(data))


def _allows(judgement: FileJudgement) -> bool:
    """Whether there is an allow in the file, or something that was meant to be one."""
    allows = judgement.allows
    return allows is not None and bool(allows.allows or allows.findings)


def _plain(judgements: Iterable[FileJudgement]) -> list[FileJudgement]:
    """What decisions need of judgements: not what losses are looked for with, and of a text only that there is one."""
    return [replace(j, text=j.text[:1], allows=j.allows if _allows(j) else None, losses=(), gone=(), come=()) for j in judgements]
