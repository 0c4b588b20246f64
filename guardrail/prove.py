"""Proof beside the rule: marked examples held against the packs, for ours and for users' packs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from guardrail import systemic
from guardrail.change import EmptyTree, MemoryTree
from guardrail.index import index_source
from guardrail.judge import Judge, is_python
from guardrail.model import FileChange, Finding, GuardrailError, Placement
from guardrail.packs import Rules, load_packs, own_packs
from guardrail.run import judge_source

MARK = re.compile(r"#\s*(expect|missed):\s*((?:[A-Z]{3}\d{3}[,\s]*)+)")
SURFACE = re.compile(r"#\s*surface:\s*([^#]+)")
PLACED = re.compile(r"(not\s+)?([a-z][a-z-]*)(?:\s*\((\w+)\))?")
Marks = set[tuple[int, str]]


def marks(text: str, kind: str) -> Marks:
    """Line and rule of every `# expect:` or `# missed:` mark."""
    found: Marks = set()
    for number, line in enumerate(text.split("\n"), 1):
        for match in MARK.finditer(line):
            if match[1] == kind:
                found.update((number, rule) for rule in re.findall(r"[A-Z]{3}\d{3}", match[2]))
    return found


def prove_file(path: Path, rules: Rules, shown: str) -> list[str]:
    """What an example shows that its marks do not say, and the other way round."""
    text = path.read_text("utf-8")
    try:
        judgement = judge_source(text, rules, shown)
    except ValueError as error:
        return [str(error)]
    return [*_mistaken(text, shown, judgement.head), *_misplaced(text, shown, judgement.placements)]


def prove_project(folder: Path, rules: Rules, shown: str) -> list[str]:
    """The same of a folder whose files are one small project, Python or not."""
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    files = {name: data for name, data in files.items() if "__pycache__" not in name}
    tree = MemoryTree(EmptyTree(), files)
    judge = Judge(EmptyTree(), tree, rules, whole=True)
    found: list[Finding] = []
    for name in files:
        change = FileChange(None, name)
        found += (judge.judge(change) if is_python(name, tree) else judge.judge_page(change)).head
    found += systemic.find(judge, [FileChange(None, name) for name in files], found)
    texts = {name: data.decode("utf-8") for name, data in files.items()}
    return [said for name in texts for said in _mistaken(texts[name], f"{shown}/{name}", (f for f in found if f.path == name))]


def _mistaken(text: str, shown: str, findings: Iterable[Finding]) -> list[str]:
    """Where the marks and the findings differ."""
    found = {(f.line, f.rule) for f in findings}
    expected, missed = marks(text, "expect"), marks(text, "missed")
    return [
        *(f"{shown}:{line}: {rule} is not found" for line, rule in sorted(expected - found)),
        *(f"{shown}:{line}: {rule} is found, and not marked" for line, rule in sorted(found - expected - missed)),
        *(f"{shown}:{line}: {rule} is found at last: turn `missed` into `expect`" for line, rule in sorted(missed & found)),
    ]


def surface_marks(text: str) -> list[tuple[int, str]]:
    """Line and words of every `# surface:` mark: each item is `jwt`, `jwt (implements)`, `not jwt`, or `none`."""
    lines = enumerate(text.split("\n"), 1)
    return [(n, item.strip()) for n, line in lines for match in SURFACE.finditer(line) for item in match[1].split(",")]


def _misplaced(text: str, shown: str, placements: Iterable[Placement]) -> list[str]:
    """Where a `# surface:` mark is wrong about its definition; `none` means: not on the surface of the folder."""
    definitions = index_source(shown, text).definitions
    own = shown.partition("/")[0]
    failures = []
    for line, item in surface_marks(text):
        symbol, first = next((d.symbol, d.first) for d in definitions if d.owns(line))
        roles = {p.surface: p.role for p in placements if p.definition == symbol and p.line == first}
        mark = PLACED.fullmatch(f"not {own}" if item == "none" else item)
        if mark is None:
            failures.append(f"{shown}:{line}: surface mark {item!r} is not understood")
        elif mark[1] and mark[2] in roles:
            failures.append(f"{shown}:{line}: {symbol} is on {mark[2]}, and must not be")
        elif not mark[1] and (mark[2] not in roles or (mark[3] or roles[mark[2]]) != roles[mark[2]]):
            is_on = ", ".join(f"{name} ({role})" for name, role in sorted(roles.items()))
            failures.append(f"{shown}:{line}: {symbol} is not on {item}, but on {is_on}")
    return failures


def prove(pack: Path) -> list[str]:
    """Hold a pack file, or a folder of packs, against its examples; the failures, none when all is well.

    The examples of `NAME.toml` are in `fixtures/NAME/` beside the pack or beside its folder: Python files, each on its own, and
    folders, each of them a small project.
    """
    packs = sorted(pack.glob("*.toml")) if pack.is_dir() else [pack]
    if not packs:
        raise GuardrailError(f"{pack}: there is no pack here")
    own = own_packs().resolve()
    rules = load_packs([str(p) for p in packs if p.resolve().parent != own])
    failures: list[str] = []
    for each in packs:
        examples = _examples(each)
        for path in examples:
            shown = str(path.relative_to(path.parent.parent))
            failures += prove_project(path, rules, shown) if path.is_dir() else prove_file(path, rules, shown)
        hit = {rule for path in examples for text in _texts(path) for _, rule in marks(text, "expect")}
        ids = {r.id for r in rules.rules if Path(r.pack).name == each.name}
        failures += [f"{each.name}: {rule} has no example that it finds" for rule in sorted(ids - hit)]
    return failures


def _examples(pack: Path) -> list[Path]:
    for folder in (pack.parent / "fixtures" / pack.stem, pack.parent.parent / "fixtures" / pack.stem):
        if folder.is_dir():
            return sorted(p for p in folder.iterdir() if p.suffix == ".py" or (p.is_dir() and p.name != "__pycache__"))
    return []


def _texts(example: Path) -> list[str]:
    """Of a file, or of all files of a project."""
    files = [p for p in example.rglob("*") if p.is_file() and p.suffix != ".pyc"] if example.is_dir() else [example]
    return [path.read_text("utf-8") for path in files]
