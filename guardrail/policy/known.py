"""What `guardrail baseline` writes: the findings of a whole project, or what of the old ones is still there."""

from __future__ import annotations

from pathlib import Path

from guardrail.change.git import NotARepository, open_repository
from guardrail.model import GuardrailError, Outcome, Status, Verdict
from guardrail.policy.baseline import lines_of, read_baseline, written

_SEEN = (Outcome.REPORTED, Outcome.BELOW_GATE, Outcome.BASELINED)


def renewed(verdict: Verdict, root: Path, path: str, prune: bool) -> tuple[str, int, int]:
    """The new text of the baseline, and how many lines came and went.

    `prune` only takes away what is no longer found; a file that was not read might still have it, so then nothing is written.
    """
    if not verdict.complete:
        first = verdict.skipped[0]
        raise GuardrailError(f"{first.path} was not read ({first.reason}), so nobody knows what is in it; nothing was written")
    file = root / path
    known = read_baseline(lambda _: file.read_bytes() if file.is_file() else None, path, False)
    found = [d.finding for d in verdict.decisions if d.outcome in _SEEN and d.finding.status is Status.INTRODUCED]
    now = {line.rpartition(" ")[2]: line for line in lines_of(found)}
    kept = {key: line for key, line in now.items() if key in known} if prune else now
    return written(kept.values()), len(kept.keys() - known.keys()), len(known.keys() - kept.keys())


def root_of(folder: Path) -> Path:
    """The folder that a project's paths are relative to: of the repository, or the one that one stands in."""
    try:
        return Path(open_repository(folder).root)
    except NotARepository:
        return folder
