"""What a change is judged by beside its settings: a frozen value, empty for a text on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from guardrail.drafted import Provenance
from guardrail.findings import order
from guardrail.model import Finding, Severity, Status, Tier
from guardrail.ownrules import SUPPRESSION_ADDED

_ADDED = "TST008"  # the rule about tests and tools that speaks of the same comments, of fewer of them


@dataclass(frozen=True, slots=True)
class Terms:
    """The day, the known findings, where code stands, and what policy itself found."""

    today: date | None = None  # by which waivers expire
    baseline: frozenset[str] = frozenset()  # fingerprints of known findings
    tiers: Mapping[tuple[str, str], Tier] = field(default_factory=dict)  # path and definition → the strictest of its surfaces
    rule_tier: Callable[[Finding], Tier | None] = lambda finding: None  # the tier of the surface of the finding's rule
    codes: Callable[[Finding], str] = lambda finding: ""  # the fingerprint of the code that a finding is about
    found: tuple[Finding, ...] = ()  # by policy: not in the code but in what the change does to its guard
    audit: Callable[[Sequence[Finding]], list[Finding]] = lambda found: []  # what is said of allows once all findings are known
    weigh: Callable[[Finding], Finding] = lambda finding: finding  # as severe as it is in this change
    provenance: Provenance | None = None
    limits: tuple[str, ...] = ()

    def among(self, findings: Sequence[Finding]) -> list[Finding]:
        """The findings with those of policy, in order; a new comment that another rule has found is told once."""
        findings = [self.weigh(f) for f in findings]
        found = (*self.found, *self.audit(findings))
        if not found:
            return findings
        weight = {(f.path, f.line): f.severity for f in found if f.rule == SUPPRESSION_ADDED.id}
        raised = [_as_severe(f, weight.get((f.path, f.line))) if f.rule == _ADDED else f for f in findings]
        told = {(f.path, f.line) for f in findings if f.rule == _ADDED and f.status is Status.INTRODUCED}
        more = [f for f in found if f.rule != SUPPRESSION_ADDED.id or (f.path, f.line) not in told]
        return sorted([*raised, *more], key=order)

    def forbids(self, finding: Finding) -> bool:
        """Whether it stands on do-not-use code, where no comment lets it pass."""
        return Tier.FORBIDDEN in (self.tiers.get((finding.path, finding.definition)), self.rule_tier(finding))


def _as_severe(finding: Finding, severity: Severity | None) -> Finding:
    return replace(finding, severity=min(finding.severity, severity)) if severity else finding
