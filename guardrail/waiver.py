"""`[[waiver]]` in guardrail.toml: a finding accepted on record, bound to the code that it was accepted for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from guardrail import fields
from guardrail.fields import Inside, Read, Wrong
from guardrail.reason import is_reason

CODE = re.compile(r"c1:[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Waiver:
    """Who accepts which finding where, why, and until when."""

    rule: str
    path: str  # of the file, relative to the root
    definition: str  # as reports name it: `Login.verify`, `<module>`
    reason: str
    owner: str
    until: date  # the last day that it holds
    code: str  # the fingerprint of the code, as `guardrail waive` prints it

    def expired(self, today: date) -> bool:
        """Whether its last day has passed."""
        return today > self.until


def waivers(value: object) -> tuple[Waiver, ...]:
    """The `[[waiver]]` tables; Wrong or Inside with what they must be."""
    if not isinstance(value, list):
        raise Wrong("must be [[waiver]] tables")
    found, mistakes = [], []
    for number, table in enumerate(value, 1):
        try:
            found.append(Waiver(**_complete(fields.inside(table, FIELDS))))
        except Inside as error:
            mistakes += [f"{number}.{mistake}" for mistake in error.mistakes]
        except Wrong as error:
            mistakes.append(f"{number}: {error}")
    if mistakes:
        raise Inside(mistakes)
    return tuple(found)


def _complete(given: dict[str, Any]) -> dict[str, Any]:
    if missing := [key for key in FIELDS if key not in given]:
        raise Inside([f"{key}: is missing" for key in missing])
    return given


def _reason(value: object) -> str:
    text = fields.text(value)
    if not is_reason(text):
        raise Wrong("must be a reason that a reviewer could judge")
    return text


def _rule(value: object) -> str:
    text = fields.text(value)
    if not re.fullmatch(r"[A-Z]{3}\d{3}", text):
        raise Wrong("must be one rule id such as JWT001")
    return text


def _code(value: object) -> str:
    text = fields.text(value)
    if not CODE.fullmatch(text):
        raise Wrong("must be a fingerprint as `guardrail waive` prints it")
    return text


FIELDS: Mapping[str, Read] = {
    "rule": _rule,
    "path": fields.text,
    "definition": fields.text,
    "reason": _reason,
    "owner": fields.text,
    "until": fields.day,
    "code": _code,
}
