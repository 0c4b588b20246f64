"""What a change is judged by, gathered: the one place that knows all of policy's questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from guardrail.model import Change, FileChange, Finding, Placement, Tier
from guardrail.policy.baseline import read_baseline
from guardrail.policy.code import Codes
from guardrail.policy.terms import Terms
from guardrail.settings import BASELINE, Settings

if TYPE_CHECKING:
    from guardrail.judge import FileJudgement
    from guardrail.model import Tree
    from guardrail.packs import Rules


@dataclass(frozen=True)
class Case:
    """A change, read and judged file by file, and the settings that it is held to."""

    change: Change
    settings: Settings
    rules: Rules
    trusted: Tree  # whose settings, packs, baseline and waivers count
    scope: Sequence[FileChange]
    judgements: Sequence[FileJudgement]
    whole: bool  # a scan: nothing to compare with
    today: date | None = None

    @property
    def placements(self) -> Iterator[Placement]:
        """The surfaces of the definitions that are touched."""
        return (p for j in self.judgements for p in j.placements)


def terms_of(case: Case) -> Terms:
    """All that decisions need beside the settings."""
    settings, rules = case.settings, case.rules

    def rule_tier(finding: Finding) -> Tier | None:
        surface = rules.surfaces.get(finding.surface)
        return (rules.tiers(finding.surface, finding.path) or surface.tier) if surface else None

    known = read_baseline(case.trusted.read, settings.baseline, settings.baseline != BASELINE)
    return Terms(
        today=case.today,
        baseline=frozenset(known),
        tiers=strictest(case.placements),
        rule_tier=rule_tier,
        codes=Codes(case.change.head.read),
    )


def strictest(placements: Iterable[Placement]) -> dict[tuple[str, str], Tier]:
    """Path and definition → the strictest tier that it stands on."""
    ranks = list(Tier)
    found: dict[tuple[str, str], Tier] = {}
    for p in placements:
        known = found.get((p.path, p.definition), Tier.FREE)
        found[p.path, p.definition] = max(known, p.tier, key=ranks.index)
    return found
