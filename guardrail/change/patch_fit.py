"""Hunks laid onto a file, forwards or backwards, where their lines match exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guardrail.change.patch_text import Hunk, split_lines
from guardrail.model import GuardrailError


class Misfit(GuardrailError):
    """A hunk whose lines are not in the file, or in two places equally near."""

    def __init__(self, place: str, reached: int) -> None:
        super().__init__(place)
        self.place = place
        self.reached = reached  # how many hunks fitted before it


@dataclass(frozen=True, slots=True)
class Fitted:
    """The other side of a file, which lines the hunks touch on both, and how sure the fit is."""

    content: bytes
    removed: frozenset[int]
    added: frozenset[int]
    offset: int  # how far the hunks lay from where they said
    matched: int  # how many lines of the file they name


def fit(content: bytes, hunks: Sequence[Hunk], backwards: bool, bare: bool) -> Fitted:
    """Replace what the hunks name; `bare` if the patch has no context, so that its hunks may lie anywhere."""
    lines = split_lines(content)
    result: list[bytes] = []
    touched: tuple[set[int], set[int]] = (set(), set())
    done = drift = offset = matched = 0
    for number, hunk in enumerate(hunks):
        here, there, start = (hunk.new, hunk.old, hunk.new_start) if backwards else (hunk.old, hunk.new, hunk.old_start)
        expected = (start - 1 if here else start) + drift
        at = _place(lines, here, expected, done, start <= 1 and not bare, hunk.last != b" " and not bare)
        if at is None:
            raise Misfit(f"hunk `{hunk.header}`", number)
        result += lines[done:at]
        ours, theirs = (hunk.new_lines, hunk.old_lines) if backwards else (hunk.old_lines, hunk.new_lines)
        touched[0].update(at + line + 1 for line in ours)
        touched[1].update(len(result) + line + 1 for line in theirs)
        result += there
        done = at + len(here)
        offset += abs(at - expected)
        drift += at - expected
        matched += len(here)
    result += lines[done:]
    ours_, theirs_ = frozenset(touched[0]), frozenset(touched[1])
    removed, added = (theirs_, ours_) if backwards else (ours_, theirs_)
    return Fitted(b"".join(result), removed, added, offset, matched)


def _place(lines: list[bytes], wanted: list[bytes], expected: int, first: int, at_start: bool, at_end: bool) -> int | None:
    """Where the wanted lines lie nearest to where they are expected; None if nowhere, or twice equally near."""
    last = len(lines) - len(wanted)
    if at_start:
        last = min(last, 0)
    if at_end:
        first = max(first, len(lines) - len(wanted))
    if not wanted:
        return expected if first <= expected <= last else None
    for distance in range(max(abs(expected - first), abs(expected - last)) + 1 if first <= last else 0):
        found = [
            at
            for at in {expected - distance, expected + distance}
            if first <= at <= last and lines[at] == wanted[0] and lines[at : at + len(wanted)] == wanted
        ]
        if found:
            return found[0] if len(found) == 1 else None
    return None
