"""A change, judged by the rules about the whole project: both trees, from the functions that the change touches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from guardrail import places
from guardrail.model import FileChange, Finding, Status
from guardrail.packs import Rule
from guardrail.systemic.findings import Judging, compared
from guardrail.systemic.project import Key, Project

Lines = Mapping[str, frozenset[int] | None]


def find(
    base: Project | None, head: Project, files: Sequence[FileChange], rules: Iterable[Rule], tables: Mapping[str, Any], whole: bool
) -> list[Finding]:
    """What the rules with `reaches` find in a change, with its status; `whole` is a scan, in which all files are touched."""
    wanted = [rule for rule in rules if rule.reaches]
    files = [f for f in files if _counts(f.path)]
    if not wanted or not files:
        return []
    head.prepare(f.head_path for f in files if f.head_path)
    now = _lines(files, head=True)
    before = _lines(files, head=False) if base is not None else {}
    ours = set(_touched(head, now))
    theirs = set(_touched(base, before)) if base is not None else set()
    names = {f.head_path: f.base_path for f in files if f.head_path and f.base_path}
    back = {old: new for new, old in names.items()}
    ours |= {(back[p], s) for p, s in theirs if p in back and s in head.module(back[p]).functions}
    if base is not None:
        theirs |= {(old, s) for p, s in ours if (old := names.get(p)) and s in base.module(old).functions}
    found = list(Judging(head, tables, sorted(ours), now).find(wanted, whole))
    past = list(Judging(base, tables, sorted(theirs), before).find(wanted, False)) if base is not None and theirs else []
    return _once(compared(found, past))


def _counts(path: str) -> bool:
    """Whether anybody minds what the functions of a file do: nobody those of tests and of migrations."""
    return not places.is_test(path) and not places.is_migration(path)


def _lines(files: Iterable[FileChange], head: bool) -> Lines:
    """Path → its touched lines on one side, None for all."""
    if head:
        return {f.head_path: f.added if f.base_path else None for f in files if f.head_path}
    return {f.base_path: f.removed if f.head_path else None for f in files if f.base_path}


def _touched(project: Project, lines: Lines) -> Iterator[Key]:
    """The functions that have a touched line; of a class whose header is touched, its methods."""
    for path, some in lines.items():
        if not path.endswith(".py"):
            continue
        module = project.module(path)
        if some is None:
            yield from ((path, symbol) for symbol in module.functions)
            continue
        classes = {c.symbol for c in module.classes.values() if c.line in some}
        for symbol, function in module.functions.items():
            if function.owner in classes or any(function.first <= line <= function.last for line in some):
                yield path, symbol


def _once(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for a rule and a place; the introduced before the others."""
    best: dict[tuple[str, str, int, bool], Finding] = {}
    for finding in findings:
        best.setdefault((finding.rule, finding.path, finding.line, finding.status is Status.FIXED), finding)
    return list(best.values())


def without(findings: Iterable[Finding], said: Iterable[Finding]) -> list[Finding]:
    """Those that no snapshot rule of the same id has reported at one of the hops already."""
    known = {(f.rule, f.path, f.line) for f in said}
    return [
        f
        for f in findings
        if (f.rule, f.path, f.line) not in known and not any((f.rule, note.path, note.line) in known for note in f.notes[1:])
    ]


__all__ = ["find", "without"]
