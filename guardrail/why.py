"""One line of the working tree → why its definition stands where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from guardrail import surfaces
from guardrail.change import Paths, read_change
from guardrail.index import decode, index_source
from guardrail.judge import Judge
from guardrail.judgement import is_python
from guardrail.model import GuardrailError, SourceFile, Surface, Tree, Unreadable
from guardrail.places import WHOLE_FILE
from guardrail.run import settings_and_rules
from guardrail.side import Side
from guardrail.surfaces import Place, Reasons


@dataclass(frozen=True, slots=True)
class Why:
    """A definition, or a whole file that is not Python, and what speaks for and against its surfaces."""

    path: str
    definition: str
    first: int
    last: int
    reasons: tuple[Reasons, ...]
    surfaces: Mapping[str, Surface]
    owners: Mapping[str, tuple[str, ...]]


def why(path: str, line: int, cwd: Path) -> Why:
    """Why the definition at a line (1-based) of a file stands where it stands; GuardrailError where there is no such line."""
    change = read_change(Paths((path,)), cwd)
    if len(change.files) != 1 or change.skipped:
        reason = change.skipped[0].reason if change.skipped else "not a single file"
        raise GuardrailError(f"{path}: {reason}")
    name = change.files[0].path
    settings, rules = settings_and_rules(change.head)
    if not is_python(name, change.head):
        found = tuple(_decided(p) for p in surfaces.place_file(name, rules))
        return Why(name, WHOLE_FILE, 1, 1, found, rules.surfaces, settings.owners)
    file = _source(name, change.head)
    if not 1 <= line <= file.text.count("\n") + 1:
        raise GuardrailError(f"{path} has no line {line}")
    definition = next(d for d in file.index.definitions if d.owns(line))
    places = surfaces.place_by_path(name, rules, definition.first)
    reasons = tuple(map(_decided, places))
    if not places:
        judge = Judge(change.base, change.head, rules)
        facts = Side(judge, file).facts.facts(definition)
        reasons = surfaces.explain(definition, file.index, rules, facts)
    return Why(name, definition.symbol, definition.first, definition.last, reasons, rules.surfaces, settings.owners)


def _source(name: str, tree: Tree) -> SourceFile:
    try:
        text = decode(tree.read(name) or b"")
        return SourceFile(name, text, index_source(name, text))
    except Unreadable as error:
        raise GuardrailError(f"{name}: {error}") from None


def _decided(place: Place) -> Reasons:
    """What the path alone decides."""
    return Reasons(place.surface.id, place, 0, tuple((0, e) for e in place.evidence))
