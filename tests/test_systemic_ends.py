"""Every finding of the example projects, introduced by a change at either end of its path."""

from __future__ import annotations

from pathlib import Path

import pytest

from guardrail import systemic
from guardrail.change.trees import EmptyTree, MemoryTree
from guardrail.judge import Judge
from guardrail.model import FileChange, Finding, Status
from guardrail.packs import Rules, load_packs
from guardrail.prove import marks

FOLDER = Path(__file__).parent.parent / "fixtures" / "systemic"
PROJECTS = sorted(path for path in FOLDER.iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def rules() -> Rules:
    """guardrail's own packs."""
    return load_packs()


def texts(folder: Path) -> dict[str, str]:
    """The files of a project."""
    return {p.relative_to(folder).as_posix(): p.read_text() for p in sorted(folder.rglob("*.py"))}


def introduced(base: dict[str, str], head: dict[str, str], rules: Rules) -> list[Finding]:
    """What a change of the first into the second introduces, by its calls alone."""
    trees = [MemoryTree(EmptyTree(), {path: text.encode() for path, text in side.items()}) for side in (base, head)]
    files = [FileChange(p if p in base else None, p if p in head else None) for p in sorted(head) if base.get(p) != head[p]]
    found = systemic.find(Judge(*trees, rules), files, []).findings
    return [f for f in found if f.status is Status.INTRODUCED]


def scanned(files: dict[str, str], rules: Rules) -> list[Finding]:
    """What a scan finds, by its calls alone."""
    judge = Judge(EmptyTree(), MemoryTree(EmptyTree(), {p: t.encode() for p, t in files.items()}), rules, whole=True)
    return list(systemic.find(judge, [FileChange(None, path) for path in files], []).findings)


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda path: path.name)
def test_whoever_opens_the_context_introduces_it(folder, rules):
    head = texts(folder)
    for path, text in head.items():
        wanted = {(line, rule) for line, rule in marks(text, "expect") if any(r.id == rule and r.reaches for r in rules.rules)}
        base = {name: other for name, other in head.items() if name != path}
        found = {(f.line, f.rule) for f in introduced(base, head, rules) if f.path == path}
        assert wanted <= found, path


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda path: path.name)
def test_whoever_adds_the_effect_introduces_it(folder, rules):
    head = texts(folder)
    for finding in scanned(head, rules):
        last = finding.notes[-1].path
        base = {name: other for name, other in head.items() if name != last}
        told = [f for f in introduced(base, head, rules) if f.rule == finding.rule and f.path in (last, finding.path)]
        assert told, (finding.rule, finding.path, finding.line)


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda path: path.name)
def test_a_change_beside_the_path_introduces_nothing(folder, rules):
    head = texts(folder) | {"beside.py": "def nothing():\n    return None\n"}
    assert introduced(texts(folder), head, rules) == []
