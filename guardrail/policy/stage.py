"""What a change is judged by, gathered: the one place that knows all of policy's questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from guardrail.drafted import Provenance
from guardrail.model import Change, FileChange, Finding, Placement, Severity, Tier
from guardrail.policy.baseline import read_baseline
from guardrail.policy.code import Codes
from guardrail.policy.terms import Terms
from guardrail.settings import BASELINE, Settings

if TYPE_CHECKING:
    from guardrail.judgement import FileJudgement
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
    commits: bool = False  # the change is one of commits, whose messages and authors are known
    today: date | None = None

    @property
    def placements(self) -> Iterator[Placement]:
        """The surfaces of the definitions that are touched."""
        return (p for j in self.judgements for p in j.placements)


def terms_of(case: Case) -> Terms:
    """All that decisions need beside the settings."""
    settings = case.settings
    known = read_baseline(case.trusted.read, settings.baseline, settings.baseline != BASELINE)
    terms = Terms(
        today=case.today,
        baseline=frozenset(known),
        tiers=strictest(case.placements),
        rule_tier=partial(_tier, case.rules),
        codes=Codes(case.change.head.read),
    )
    if not case.whole:
        return _of_change(case, terms)
    from guardrail.policy.unused import audit

    allows = {j.path: j.allows for j in case.judgements if j.allows is not None}
    return replace(terms, audit=partial(audit, case.change, settings, case.rules, allows, terms))


def _tier(rules: Rules, finding: Finding) -> Tier | None:
    surface = rules.surfaces.get(finding.surface)
    return (rules.tiers(finding.surface, finding.path) or surface.tier) if surface else None


def _of_change(case: Case, terms: Terms) -> Terms:
    """What is said only of a change: of its comments, its guard, its commits."""
    change, settings = case.change, case.settings
    if not change.files and not change.opaque:
        return terms
    from guardrail.policy import guarding, scope, silenced

    taken = scope.origins(change, settings)
    exploitable = [rule.id for rule in case.rules.rules if rule.severity is Severity.P0]
    found = [*guarding.guarded(change, settings), *scope.left(change, settings, taken)]
    found += silenced.silenced(change, case.scope, terms.tiers, exploitable)
    provenance, unsigned, limits = _of_commits(case)
    weigh = scope.reweighed(case.rules.rules, taken, terms.forbids, provenance if settings.ai.raise_severity else None)
    return replace(terms, found=(*found, *unsigned), weigh=weigh, provenance=provenance, limits=limits)


def _of_commits(case: Case) -> tuple[Provenance | None, list[Finding], tuple[str, ...]]:
    """Which lines were drafted with an assistant, and which definitions lack a sign-off."""
    settings, ai = case.settings, case.settings.ai
    signing = bool(settings.require_signoff or ai.require_signoff)
    asked = ai.report or ai.raise_severity or ai.require_signoff
    if not (case.commits or ai.assume_ai or signing):
        return None, [], ()
    from guardrail.change.history import history
    from guardrail.provenance import provenance_of

    past = history(case.change) if case.commits else None
    commits = past.commits() if past else ()
    provenance = provenance_of(case.scope, case.change.head, past, commits, ai.assume_ai) if asked else None
    if not signing:
        return provenance, [], ()
    from guardrail.policy import signoff

    wanted = signoff.needed(case.placements, settings, provenance)
    if past is None or not past.committed:
        limits = (_unasked(len(wanted)),) if wanted else ()
        return provenance, [], limits
    return provenance, signoff.missing(wanted, past, commits), ()


def strictest(placements: Iterable[Placement]) -> dict[tuple[str, str], Tier]:
    """Path and definition → the strictest tier that it stands on."""
    ranks = list(Tier)
    found: dict[tuple[str, str], Tier] = {}
    for p in placements:
        known = found.get((p.path, p.definition), Tier.FREE)
        found[p.path, p.definition] = max(known, p.tier, key=ranks.index)
    return found


def _unasked(count: int) -> str:
    needs = "definition needs" if count == 1 else "definitions need"
    return f"{count} {needs} a sign-off, which is looked for in commits only"
