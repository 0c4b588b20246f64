"""Many files read at once: those of the cache from there, the others by as many processes as there is work for."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from guardrail.systemic.facts import Module
from guardrail.systemic.project import Project, read_module
from guardrail.systemic.store import from_bytes, to_bytes
from guardrail.workers import in_turn, mapped, shown

if TYPE_CHECKING:
    from guardrail.cache import Cache

PARALLEL = 64  # files from which worker processes pay for themselves
Job = tuple[str, str, bytes]


@dataclass
class Reading:
    """Reads for a Project; `cache` may be None, `jobs` is how many processes there may be, `fresh` what the cache does not have."""

    cache: Cache | None = None
    jobs: int = 1
    fresh: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, project: Project, paths: Sequence[str]) -> Iterator[Module]:
        """The modules of these files."""
        from guardrail.cache import key  # late: only where there are files to read

        jobs = [(path, project.name(path), project.read(path)) for path in paths]
        keys = [
            key(path.encode("utf-8", "surrogateescape"), name.encode("utf-8", "surrogateescape"), data) for path, name, data in jobs
        ]
        known = self.cache.load(keys) if self.cache else {}
        todo = []
        for job, name in zip(jobs, keys, strict=True):
            module = from_bytes(known[name]) if name in known else None
            if module is None:
                todo.append((job, name))
            else:
                yield module
        with closing(self._read([job for job, _ in todo])) as made:
            for (_, name), data in zip(todo, made, strict=True):
                module = from_bytes(data)
                assert module is not None
                self.fresh[name] = data
                yield module

    def _read(self, jobs: Sequence[Job]) -> Generator[bytes]:
        if self.jobs < 2 or len(jobs) < PARALLEL:
            return shown(in_turn(read_job, jobs), len(jobs), "reading calls")
        return shown(mapped(read_job, jobs, self.jobs), len(jobs), "reading calls")


def read_job(job: Job) -> bytes:
    """What a worker process does."""
    return to_bytes(read_module(*job))


__all__ = ["Reading", "read_job"]
