"""The gate: from which severity on a finding fails the run, per path and per surface."""

from __future__ import annotations

from dataclasses import dataclass

from guardrail import fields
from guardrail.fields import NEVER
from guardrail.model import Severity
from guardrail.settings import Settings

_STRICTEST = {NEVER: 0, Severity.P0: 1, Severity.P1: 2, Severity.P2: 3}


@dataclass(frozen=True, slots=True)
class Gate:
    """The mildest severity that fails, and the setting that says so."""

    fail_on: str  # a severity, or `never`
    source: str

    def fails(self, severity: Severity) -> bool:
        """Whether a finding of this severity fails the run."""
        return self.fail_on != NEVER and severity <= self.fail_on


def gate(settings: Settings, path: str, surface: str) -> Gate:
    """The gate for a finding: the stricter of that of its path (the last that fits) and of its surface, else the general one."""
    closer = []
    for number, entry in enumerate(settings.paths, 1):
        if fields.spec((entry.glob,)).match_file(path):
            closer = [Gate(entry.gate, f'paths {number} (glob = "{entry.glob}")')]
    own = settings.surfaces.get(surface)
    if own and own.gate:
        closer.append(Gate(own.gate, f"surfaces.{surface}.fail-on"))
    general = Gate(settings.fail_on or NEVER, "fail-on")
    return max(closer, key=lambda g: _STRICTEST[g.fail_on], default=general)
