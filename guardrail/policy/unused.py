"""Allows and waivers that let nothing pass, and waivers whose day has come: told in scans of the whole project only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from guardrail.allows import AllowsOfFile
from guardrail.model import Change, Finding, Unreadable
from guardrail.ownrules import ALLOW_EXPIRED, ALLOW_UNUSED, finding
from guardrail.places import PYTHON, WHOLE_FILE
from guardrail.policy.decisions import unwanted
from guardrail.policy.terms import Terms
from guardrail.settings import FILES, Settings

if TYPE_CHECKING:
    from guardrail.packs import Rules


def audit(
    change: Change, settings: Settings, rules: Rules, allows: Mapping[str, AllowsOfFile], terms: Terms, found: Sequence[Finding]
) -> list[Finding]:
    """What is said of the allows and waivers of a scan that found this; nothing where the scan did not see all of the project."""
    if not settings.waiver and not any(of_file.allows for of_file in allows.values()):
        return []
    seen = {f.head_path for f in change.files}
    if any(path.endswith(PYTHON) and path not in seen for path in change.head.paths()):
        return []
    asked = {r.id for r in rules.rules if r.delta is None and not unwanted(settings, r.id, r.surface)}
    return [*_of_allows(allows, asked, found), *_of_waivers(change, settings, asked, terms, found)]


def _of_allows(allows: Mapping[str, AllowsOfFile], asked: set[str], found: Sequence[Finding]) -> Iterator[Finding]:
    used = {(f.path, allow.line, f.rule) for f in found if (of := allows.get(f.path)) and (allow := of.of(f))}
    for path, of_file in sorted(allows.items()):
        for allow in of_file.allows:
            for rule in sorted(allow.rules & asked):
                if (path, allow.line, rule) not in used:
                    message = f"This allow of {rule} lets nothing pass: nothing of that rule is found here."
                    yield finding(ALLOW_UNUSED, path, allow.line, message, f"{rule} {allow.reason}", allow.symbol)


def _of_waivers(change: Change, settings: Settings, asked: set[str], terms: Terms, found: Sequence[Finding]) -> Iterator[Finding]:
    for waiver in settings.waiver:
        path, line = _place(change, waiver.code)
        what = f"{waiver.rule} {waiver.path} {waiver.definition} {waiver.code}"
        here = f"waiver of {waiver.rule} for {waiver.definition} in {waiver.path}"
        about = [f for f in found if (f.rule, f.path, f.definition) == (waiver.rule, waiver.path, waiver.definition)]
        if terms.today and waiver.expired(terms.today):
            message = f"The {here} held until {waiver.until}; {waiver.owner} answers for it."
            yield finding(ALLOW_EXPIRED, path, line, message, what, WHOLE_FILE)
        elif waiver.rule in asked and not any(terms.codes(f) == waiver.code for f in about):
            why = "its code has changed, so it has lapsed" if about else "nothing of that rule is found there"
            yield finding(ALLOW_UNUSED, path, line, f"The {here} lets nothing pass: {why}.", what, WHOLE_FILE)


def _place(change: Change, code: str) -> tuple[str, int]:
    """The file and line in which a waiver stands."""
    for name in FILES:
        try:
            lines = (change.head.read(name) or b"").decode("utf-8", "replace").split("\n")
        except Unreadable:
            continue
        for number, text in enumerate(lines, 1):
            if code in text:
                return name, number
    return FILES[0], 1
