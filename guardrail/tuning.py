"""Rules as the packs give them → rules as a project's settings want its surfaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from guardrail.model import Tier
from guardrail.packs import Rules, Signals
from guardrail.settings import SurfaceSettings


@dataclass(frozen=True, slots=True)
class Tiers:
    """The tiers that a project wants; called with a surface and a path."""

    surfaces: Mapping[str, SurfaceSettings]

    def __call__(self, surface: str, path: str) -> Tier | None:
        """None where that of the pack will do."""
        wanted = self.surfaces.get(surface)
        return wanted.tier_of(path) if wanted else None


def tuned(rules: Rules, surfaces: Mapping[str, SurfaceSettings]) -> Rules:
    """The same rules; nothing is put on a surface that is off, and what the project adds speaks for the others, too."""
    if not surfaces:
        return rules
    signals = {name: given for name, given in rules.signals.items() if name not in surfaces or surfaces[name].enabled}
    for name in signals.keys() & surfaces.keys():
        more = {key.replace("-", "_"): value for key, value in surfaces[name].signals.items()}
        signals[name] = signals[name].and_also(Signals(**more))  # type: ignore[arg-type]
    shown = {
        name: replace(s, tier=(surfaces[name].tier if name in surfaces else None) or s.tier) for name, s in rules.surfaces.items()
    }
    return replace(rules, surfaces=shown, signals=signals, tiers=Tiers(surfaces))
