"""Code that a change takes to where less is said of it: out of the scope, to test or generated paths, behind links."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from guardrail import findings, places
from guardrail.drafted import Provenance
from guardrail.model import Change, Confidence, Finding, Severity, Status, Tree, Unreadable
from guardrail.ownrules import LEFT_SCOPE, NOT_JUDGED, finding
from guardrail.places import PYTHON, WHOLE_FILE
from guardrail.settings import Settings

if TYPE_CHECKING:
    from guardrail.packs import Rule

_NAMES = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+([A-Za-z]\w*)", re.M)
_COMMON = frozenset({"main", "get", "post", "run", "setup", "Meta", "Config"})
SHARED = 0.3  # of its lines a new file has from another when its code was taken from there
TELLING = 8  # characters from which a line says something


def origins(change: Change, settings: Settings) -> dict[str, str]:
    """Python files of head that took their code from another file → that file of base: by git, or by names and lines."""
    found = {f.head_path: f.base_path or f.copied_from or "" for f in change.files if f.head_path}
    found = {path: old for path, old in found.items() if old and old != path and path.endswith(PYTHON)}
    fresh = [f.head_path for f in change.files if f.base_path is None and f.head_path and f.head_path.endswith(PYTHON)]
    suspects = [path for path in fresh if path not in found and (settings.excluded(path) or _judged_less(path))]
    gone = _gone(change, settings) if suspects else {}
    for path in suspects:
        taken = [gone[name] for name in sorted(_defined(change.head, path)) if name in gone]
        if taken and _shared(_text(change.head, path), _text(change.base, taken[0])) >= SHARED:
            found[path] = taken[0]
    return found


def left(change: Change, settings: Settings, taken: Mapping[str, str]) -> Iterator[Finding]:
    """Files that come from where they were judged to where they are not, and what leads out of what is read."""
    for path, old in sorted(taken.items()):
        if settings.excluded(path) and not settings.excluded(old):
            yield finding(LEFT_SCOPE, path, 1, f"Code of {old} goes to {path}, which the settings exclude.", path, WHOLE_FILE)
    for thing in change.opaque:
        yield finding(NOT_JUDGED, thing.path, 1, f"{thing.path} is {thing.reason}.", thing.path, WHOLE_FILE)


def reweighed(
    rules: Iterable[Rule], taken: Mapping[str, str], forbids: Callable[[Finding], bool], drafted: Provenance | None
) -> Callable[[Finding], Finding]:
    """What a finding of a change weighs there.

    Code that was moved weighs what it did where it was; what is exploitable counts in foreign code, too, as P1; on do-not-use
    code that was `drafted` with an assistant everything weighs a step more.
    """
    strongest: dict[str, Rule] = {}
    for rule in rules:
        known = strongest.get(rule.id)
        strongest[rule.id] = rule if known is None or rule.severity < known.severity else known

    def reweigh(found: Finding) -> Finding:
        rule = strongest.get(found.rule)
        if found.status is not Status.INTRODUCED or rule is None:
            return found
        if found.path in taken:
            found = _as_heavy(found, *findings.weigh(rule, taken[found.path]))
        if places.is_foreign(found.path) and rule.severity is Severity.P0 and rule.confidence is Confidence.HIGH:
            found = _as_heavy(found, Severity.P1, Confidence.MEDIUM)
        if drafted and drafted.holds(found.path, found.line, found.end_line) and forbids(found):
            found = findings.raised(found)
        return found

    return reweigh


def _as_heavy(found: Finding, severity: Severity, confidence: Confidence) -> Finding:
    """The finding, at least as severe and as sure."""
    order = list(Confidence)
    surer = min(found.confidence, confidence, key=order.index)
    return replace(found, severity=min(found.severity, severity), confidence=surer)


def _judged_less(path: str) -> bool:
    return places.is_test(path) or places.is_foreign(path) or places.is_script(path) or places.is_migration(path)


def _gone(change: Change, settings: Settings) -> dict[str, str]:
    """Name → the judged file of base that defined it and does not any more."""
    found: dict[str, str] = {}
    for file in change.files:
        if file.base_path and file.base_path.endswith(PYTHON) and not settings.excluded(file.base_path):
            if not _judged_less(file.base_path):
                now = _defined(change.head, file.head_path) if file.head_path == file.base_path else frozenset()
                found |= dict.fromkeys(_defined(change.base, file.base_path) - now, file.base_path)
    return found


def _defined(tree: Tree, path: str | None) -> frozenset[str]:
    return frozenset(_NAMES.findall(_text(tree, path))) - _COMMON


def _shared(new: str, old: str) -> float:
    """What part of the lines of a file that say something, those with `def` and `class` left out, is in another."""
    there = {line.strip() for line in old.split("\n")}
    lines = [line.strip() for line in _NAMES.sub("", new).split("\n") if len(line.strip()) >= TELLING]
    return sum(line in there for line in lines) / len(lines) if lines else 0


def _text(tree: Tree, path: str | None) -> str:
    try:
        data = tree.read(path) if path else None
    except Unreadable:
        data = None
    return (data or b"").decode("utf-8", "replace")
