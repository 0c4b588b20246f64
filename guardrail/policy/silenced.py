"""Findings about new comments that silence a tool, weighed by the code that they stand on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from guardrail.model import Change, FileChange, Finding, Severity, Tier, Tree, Unreadable
from guardrail.ownrules import SUPPRESSION_ADDED, finding
from guardrail.policy.comments import EVERYTHING, Silence, added, may_silence, silences
from guardrail.source import decode

SEVERE = (Tier.CAREFUL, Tier.FORBIDDEN)


def silenced(
    change: Change, files: Iterable[FileChange], tiers: Mapping[tuple[str, str], Tier], exploitable: Iterable[str]
) -> list[Finding]:
    """What the Python files of a change silence that base did not.

    P2; P1 on review-carefully and do-not-use code, and where it is one of the `exploitable` rules that is allowed.
    """
    head: list[Silence] = []
    base: list[Silence] = []
    for file in files:
        if file.head_path and (now := _silences(change.head, file.head_path, file.head_path)):
            head += now
        if file.base_path and (before := _silences(change.base, file.base_path, file.path)):
            base += before
    severe = frozenset(exploitable)
    return [_finding(s, tiers, severe) for s in added(head, base)]


def _silences(tree: Tree, path: str, name: str) -> list[Silence]:
    if not path.endswith((".py", ".pyw", ".pyi")):
        return []
    try:
        data = tree.read(path) or b""
        return silences(name, decode(data)) if may_silence(data) else []
    except Unreadable:
        return []


def _finding(s: Silence, tiers: Mapping[tuple[str, str], Tier], exploitable: frozenset[str]) -> Finding:
    tier = tiers.get((s.path, s.symbol))
    severe = tier in SEVERE or (s.tool == "guardrail" and bool(s.codes & exploitable))
    where = f" on {tier} code" if tier in SEVERE else ""
    everything = ", for everything" if s.codes == EVERYTHING else ""
    message = f"`{s.text[:80]}` is new here{everything}: it silences a tool{where}."
    severity = Severity.P1 if severe else Severity.P2
    what = f"{s.tool} {' '.join(sorted(s.codes))} {s.statement[:200]}"
    return finding(SUPPRESSION_ADDED, s.path, s.line, message, what, s.symbol, severity)
