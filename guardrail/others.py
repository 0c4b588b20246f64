"""The files of a change that are not Python: where they stand, by their path alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from guardrail import places, surfaces
from guardrail.model import Change, FileChange, Placement, Unreadable

if TYPE_CHECKING:
    from guardrail.packs import Rules


def place_others(files: Iterable[FileChange], change: Change, rules: Rules) -> tuple[list[Placement], list[str]]:
    """A placement for every surface that a file is on, and the paths of files that no surface knows."""
    placements: list[Placement] = []
    unclassified = []
    for file in files:
        found = list(_placements(file, change, rules))
        placements += found
        unclassified += [] if found else [file.path]
    return placements, unclassified


def _placements(file: FileChange, change: Change, rules: Rules) -> Iterator[Placement]:
    touched = _touched(file, change)
    for place in surfaces.place_file(file.path, rules, min(touched, default=1)):
        yield Placement(
            path=file.path,
            definition=places.WHOLE_FILE,
            line=min(touched, default=1),
            end_line=max(touched, default=1),
            touched=tuple(touched),
            surface=place.surface.id,
            tier=place.tier,
            role=place.role,
            evidence=place.evidence,
            size=0 if places.is_lock(file.path) else len(touched),
        )


def _touched(file: FileChange, change: Change) -> list[int]:
    """The touched lines of head; none of a deleted file, of a binary one, and of one that cannot be read."""
    if file.head_path is None:
        return []
    if file.added is not None:
        return sorted(file.added)
    try:
        data = change.head.read(file.head_path) or b""
    except Unreadable:
        return []
    return [] if b"\0" in data[:8000] else list(range(1, len(data.splitlines()) + 1))
