"""`guardrail config`: which settings apply, to the project or to one file, and which of them say so."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from guardrail import fields, places
from guardrail.change import FolderTree
from guardrail.policy.baseline import read_baseline
from guardrail.policy.gate import gate
from guardrail.policy.known import root_of
from guardrail.run import settings_and_rules
from guardrail.settings import BASELINE, FILES, Settings

_KINDS = (
    (places.is_test, "a test: rules about tests only count in full"),
    (places.is_foreign, "foreign or generated: what is found is shown by --pedantic; in a change P0 counts as P1"),
    (places.is_migration, "a migration: only rules about migrations, SQL, secrets and texts count in full"),
    (places.is_script, "a script: what is found counts a step less"),
)


@dataclass(frozen=True, slots=True)
class Applied:
    """One setting: its key, what holds, and what says so."""

    key: str
    value: str
    source: str


def applied(cwd: Path, path: str) -> list[Applied]:
    """What applies in the folder as it stands, whatever folder one stands in; `check` reads the same from base."""
    root = root_of(cwd)
    tree = FolderTree(str(root))
    settings, rules = settings_and_rules(tree)
    inside = Path(os.path.relpath(cwd / path, root)).as_posix() if path else ""
    files = [name for name in FILES if tree.read(name) is not None and _speaks(tree, name)]
    found = [Applied("settings", " and ".join(files) or "defaults", str(len(files)) + " files")]
    known = read_baseline(tree.read, settings.baseline, settings.baseline != BASELINE)
    inside_word = inside.encode("unicode_escape").decode("ascii").replace(" ", "\\x20") + " "
    entries = [line for line in known.values() if not inside or line.startswith(inside_word)]
    found += _gates(settings, inside, sorted(rules.surfaces))
    found += _of_file(settings, inside) if inside else _general(settings)
    for name, surface in sorted(settings.surfaces.items()):
        if surface.tier_of(inside):
            found.append(Applied(f"tier of {name}", str(surface.tier_of(inside)), f"surfaces.{name}.tier(s)"))
        if not surface.enabled:
            found.append(Applied(f"surface {name}", "off", f"surfaces.{name}.enabled"))
    found += [
        Applied(f"waiver {w.rule} {w.path} {w.definition}", f"until {w.until}, {w.owner}: {w.reason}", "waiver")
        for w in settings.waiver
        if w.path == inside or not inside
    ]
    return [*found, Applied("baseline", f"{len(entries)} entries", settings.baseline)]


def _speaks(tree: FolderTree, name: str) -> bool:
    return name == FILES[0] or b"tool.guardrail" in (tree.read(name) or b"")


def _gates(settings: Settings, path: str, surfaces: list[str]) -> Iterator[Applied]:
    general = gate(settings, path, "")
    yield Applied("fail-on", general.fail_on, general.source)
    for name in surfaces:
        own = gate(settings, path, name)
        if own != general:
            yield Applied(f"fail-on of {name}", own.fail_on, own.source)


def _of_file(settings: Settings, path: str) -> Iterator[Applied]:
    excluded = [glob for glob in settings.exclude if fields.spec((glob,)).match_file(path)]
    yield Applied("excluded", "yes" if settings.excluded(path) else "no", ", ".join(excluded) or "exclude")
    yield from (Applied("judged as", words, "its path") for holds, words in _KINDS if holds(path))
    asked = [*settings.require_signoff, *(f"{name} (drafted)" for name in settings.ai.require_signoff)]
    yield Applied("sign-off", ", ".join(asked) or "none", "require-signoff")


def _general(settings: Settings) -> Iterator[Applied]:
    for name in ("select", "ignore", "exclude", "packs", "honour", "require_signoff"):
        if value := getattr(settings, name):
            yield Applied(name.replace("_", "-"), ", ".join(value), name.replace("_", "-"))
    ai = settings.ai
    names = ("report", "raise_severity", "assume_ai")
    on = [n.removesuffix("_severity").replace("_", "-") for n in names if getattr(ai, n)]
    yield Applied("ai", ", ".join([*on, *ai.require_signoff]) or "off", "ai")
    yield from (Applied(f"paths {n}", f"{p.glob}: {p.gate}", "paths") for n, p in enumerate(settings.paths, 1))


def in_words(found: list[Applied]) -> str:
    """One line for each: key, value, and where it is from."""
    from guardrail.report.escape import one_line

    width = max(len(f.key) for f in found)
    return "".join(f"{one_line(f.key):<{width}}  {one_line(f.value)}  ({one_line(f.source)})\n" for f in found)


def as_json(found: list[Applied]) -> str:
    """The same for a program."""
    return json.dumps([{"key": f.key, "value": f.value, "source": f.source} for f in found], indent=2) + "\n"
