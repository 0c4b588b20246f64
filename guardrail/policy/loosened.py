"""What of the settings is looser at head than at base, by key."""

from __future__ import annotations

from collections.abc import Iterator

from guardrail.fields import NEVER
from guardrail.model import Severity, Tier
from guardrail.settings import Settings, SurfaceSettings

_ORDER = (NEVER, *Severity)
_TIERS = list(Tier)


def changed_keys(base: Settings, head: Settings) -> list[str]:
    """The keys whose values differ, as they are written."""
    return [name.replace("_", "-") for name in Settings.__slots__ if getattr(base, name) != getattr(head, name)]


def loosened(base: Settings, head: Settings) -> list[str]:
    """The keys in which head lets pass what base did not."""
    return sorted({key for key, looser in _looser(base, head) if looser})


def _looser(base: Settings, head: Settings) -> Iterator[tuple[str, bool]]:
    yield "fail-on", _lower(base.fail_on, head.fail_on)
    yield "select", bool(head.select) and not (base.select and set(base.select) <= set(head.select))
    for name in ("ignore", "exclude", "honour", "waiver"):
        yield name, bool(set(getattr(head, name)) - set(getattr(base, name)))
    for name in ("packs", "require_signoff"):
        yield name.replace("_", "-"), bool(set(getattr(base, name)) - set(getattr(head, name)))
    yield "pedantic", base.pedantic and not head.pedantic
    yield "allow-incomplete", head.allow_incomplete and not base.allow_incomplete
    yield "baseline", base.baseline != head.baseline
    yield "paths", _paths(base, head)
    for name in {*base.surfaces, *head.surfaces}:
        yield f"surfaces.{name}", _surface(base, head, name)
    was, now = base.ai, head.ai
    yield "ai", any(getattr(was, n) and not getattr(now, n) for n in ("report", "raise_severity", "assume_ai"))
    yield "ai", bool(set(was.require_signoff) - set(now.require_signoff))


def _lower(base: str | None, head: str | None) -> bool:
    return _ORDER.index(head or NEVER) < _ORDER.index(base or NEVER)


def _paths(base: Settings, head: Settings) -> bool:
    """Whether a gate for some files is gone, another, or below the general one."""
    kept = head.paths[: len(base.paths)] == base.paths
    return not kept or any(_lower(head.fail_on, entry.gate) for entry in head.paths[len(base.paths) :])


def _surface(was: Settings, now: Settings, name: str) -> bool:
    base, head = was.surfaces.get(name, SurfaceSettings()), now.surfaces.get(name, SurfaceSettings())
    tiers = {glob: tier for glob, tier in head.tiers.items() if base.tiers.get(glob) != tier}
    return (
        (base.enabled and not head.enabled)
        or _lower(base.gate or was.fail_on, head.gate or now.fail_on)
        or (base.tier != head.tier and not _stricter(base.tier, head.tier))
        or not set(base.tiers) <= set(head.tiers)
        or any(not _stricter(base.tiers.get(glob), tier) for glob, tier in tiers.items())
    )


def _stricter(base: Tier | None, head: Tier | None) -> bool:
    """Whether a tier is stricter than one of which, where it is None, only the pack knows."""
    return head is Tier.FORBIDDEN or (base is not None and head is not None and _TIERS.index(head) > _TIERS.index(base))
