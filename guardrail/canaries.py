"""Known mistakes, one for every pack, sent through the installed pipeline: whether each is still found."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import tomli

from guardrail.packs import Rules, own_packs


@dataclass(frozen=True, slots=True)
class Canary:
    """A mistake, and what a run said of it."""

    pack: str
    rule: str
    alive: bool


def canaries(rules: Rules) -> list[Canary]:
    """The canaries of all packs that have rules, sorted; a pack without one counts as a dead one."""
    given = tomli.loads((own_packs() / "canaries.toml").read_text("utf-8"))
    packs = {rule.pack.removesuffix(".toml") for rule in rules.rules}
    found = _scanned(given) | _changed(given, rules)
    return [Canary(pack, given.get(pack, {}).get("rule", "none"), pack in found) for pack in sorted(packs)]


def _scanned(given: Mapping[str, Mapping[str, str]]) -> set[str]:
    """The packs whose mistake a scan of all of them finds."""
    from guardrail.change import Paths
    from guardrail.run import run

    with tempfile.TemporaryDirectory(prefix="guardrail-") as folder:
        for canary in given.values():
            file = Path(folder, canary["path"])
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(canary["code"], "utf-8")
        verdict = run(Paths((folder,)), Path(folder), {"jobs": 1, "pedantic": True})
    seen = {(f.rule, f.path) for f in verdict.findings}
    return {pack for pack, canary in given.items() if "before" not in canary and (canary["rule"], canary["path"]) in seen}


def _changed(given: Mapping[str, Mapping[str, str]], rules: Rules) -> set[str]:
    """The packs whose mistake is found in a change."""
    from guardrail.run import check_change

    pairs = {pack: canary for pack, canary in given.items() if "before" in canary}
    base = {canary["path"]: canary["before"] for canary in pairs.values()}
    head = {canary["path"]: canary["code"] for canary in pairs.values()}
    seen = {(f.rule, f.path) for f in check_change(base, head, rules)}
    return {pack for pack, canary in pairs.items() if (canary["rule"], canary["path"]) in seen}
