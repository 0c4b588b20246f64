"""Findings that are about a way through several functions, and the places that a finding names besides its own."""

from __future__ import annotations

from collections.abc import Sequence

from guardrail.model import Finding, Note


def path_of(f: Finding) -> Sequence[Note]:
    """The hops of a systemic finding, from where its context begins to the effect; nothing for other findings."""
    hops = [note for note in f.notes if note.side == "head"]
    return hops if len(hops) > 1 else ()


def lost_lines(f: Finding) -> Sequence[Note]:
    """The lines of base that are gone."""
    return [note for note in f.notes if note.side == "base"]


def other_places(f: Finding) -> Sequence[Note]:
    """Places of head that explain the finding and are no way through functions."""
    return [] if path_of(f) else [note for note in f.notes if note.side == "head"]
