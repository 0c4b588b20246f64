"""The side of a patch that the working tree does not hold, rebuilt from the one that it does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from guardrail.change.patch_fit import Fitted, Misfit, fit
from guardrail.change.patch_names import Step, batches
from guardrail.change.trees import Held
from guardrail.model import Unreadable

_UNTOLD = Unreadable("the patch does not hold its content, which is binary")


@dataclass(frozen=True, slots=True)
class Way:
    """How hunks are laid: forwards or backwards, and whether the patch is bare of context."""

    backwards: bool
    bare: bool


@dataclass(frozen=True, slots=True)
class Side:
    """Some files as they are on disk, and as they are on the other side."""

    backwards: bool
    disk: dict[str, Held]
    files: dict[str, Held]
    fits: tuple[tuple[Step, Fitted], ...]
    exact: bool  # the ids that the patch gives are those of the files on disk

    @property
    def sureness(self) -> tuple[bool, int]:
        """What speaks for this direction if the other is possible, too."""
        return self.exact, -sum(f.offset for _, f in self.fits)

    @property
    def matched(self) -> int:
        """How many lines of the working tree the patch names."""
        return sum(f.matched for _, f in self.fits)

    def only(self, base_path: str, head_path: str) -> Fitted | None:
        """How the one step fits that makes a file of head out of a file of base; None if there are several."""
        steps = [(s, f) for s, f in self.fits if not s.copy and (s.old == base_path or s.new == head_path)]
        return steps[0][1] if len(steps) == 1 and (steps[0][0].old, steps[0][0].new) == (base_path, head_path) else None


def rebuild(group: list[Step], read: Callable[[str], bytes | None], way: Way) -> Side:
    """Go through the steps of a group, from the working tree to the other side; Misfit if one does not fit."""
    names = {name for step in group for name in (step.old, step.new) if name}
    disk: dict[str, Held] = {name: read(name) for name in sorted(names)}
    state = dict(disk)
    fits: list[tuple[Step, Fitted]] = []
    for batch in batches(group)[:: -1 if way.backwards else 1]:
        gone: dict[str, Held] = {}
        written: dict[str, Held] = {}
        for step in batch:
            source, target = (step.new, step.old) if way.backwards else (step.old, step.new)
            fitted = _turned(step, state, source, target, way, len(fits))
            fits += [(step, fitted)] if fitted else []
            if source and source != target and (way.backwards or not step.copy):
                gone[source] = None
            if target and not (way.backwards and step.copy):
                written[target] = fitted.content if fitted else _UNTOLD
        state |= gone | written
    return Side(way.backwards, disk, state, tuple(fits), _exact(group, disk, way.backwards))


def _turned(step: Step, state: dict[str, Held], source: str | None, target: str | None, way: Way, reached: int) -> Fitted | None:
    """One file of the other side, None if the patch does not tell its content; Misfit if the step does not fit."""
    content = state[source] if source else b""
    standing = state[target] if target and not source else None
    first = f"hunk `{step.hunks[0].header}`" if step.hunks else "which is not as the patch says"
    misfit = Misfit(f"{step.name}, {first}", reached)
    if content is None or (standing is not None and (step.git or standing)):
        raise misfit
    if step.binary or isinstance(content, Unreadable):
        return None
    try:
        fitted = fit(content, step.hunks, way.backwards, way.bare)
    except Misfit as error:
        raise Misfit(f"{step.name}, {error.place}", reached + error.reached) from None
    if not target and fitted.content:
        raise misfit  # a file that goes away must be used up
    return fitted


def _exact(group: Sequence[Step], disk: dict[str, Held], backwards: bool) -> bool:
    """Whether a file on disk has the id that the patch gives for this side."""
    for step in reversed(group) if backwards else group:
        name, wanted = (step.new, step.ids[1]) if backwards else (step.old, step.ids[0])
        content = disk[name] if name else None
        if isinstance(content, bytes) and len(wanted) >= 7:
            blob = b"blob %d\0" % len(content) + content
            return any(hashlib.new(kind, blob).hexdigest().startswith(wanted) for kind in ("sha1", "sha256"))
    return False
