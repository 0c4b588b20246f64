"""Protocols that carry passwords and commands in plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from guardrail.analysis.checks.tracing import called, calls, method
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match


def by_community(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """SNMP writes that a community string opens, not a user of SNMPv3."""
    made = {method(call) for call in calls(facts)}
    if "UsmUserData" in made:
        return
    for match in matches:
        if "CommunityData" in made or any("v1arch" in name for name in called(facts, match.node)):
            yield match
