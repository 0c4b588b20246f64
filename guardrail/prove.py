"""Proof beside the rule: marked examples held against the packs, for ours and for users' packs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from guardrail import systemic
from guardrail.change import EmptyTree, MemoryTree
from guardrail.index import index_source
from guardrail.judge import Judge
from guardrail.judgement import is_python
from guardrail.model import FileChange, Finding, GuardrailError, Placement
from guardrail.packs import Rules, load_packs, own_packs
from guardrail.run import check_change, judge_source

MARK = re.compile(r"#\s*(expect|missed):\s*((?:[A-Z]{3}\d{3}[,\s]*)+)")
SURFACE = re.compile(r"#\s*surface:\s*([^#]+)")
PLACED = re.compile(r"(not\s+)?([a-z][a-z-]*)(?:\s*\((\w+)\))?")
BEFORE, AFTER = ".before.py", ".after.py"  # the two sides of one file
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
    if path.name.endswith(BEFORE):
        return []
    if path.name.endswith(AFTER) or (path / "after").is_dir():
        return _prove_pair(path, rules, shown)
    if path.is_dir():
        return _prove_project(path, rules, shown)
    text = path.read_text("utf-8")
    try:
        judgement = judge_source(text, rules, shown)
    except ValueError as error:
        return [str(error)]
    return [*_mistaken(text, shown, judgement.head), *_misplaced(text, shown, judgement.placements)]


def _prove_project(folder: Path, rules: Rules, shown: str) -> list[str]:
    """The same of a folder whose files are one small project, Python or not."""
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    files = {name: data for name, data in files.items() if "__pycache__" not in name}
    tree = MemoryTree(EmptyTree(), files)
    judge = Judge(EmptyTree(), tree, rules, whole=True)
    found: list[Finding] = []
    for name in files:
        change = FileChange(None, name)
        found += (judge.judge(change) if is_python(name, tree) else judge.judge_page(change)).head
    found += systemic.find(judge, [FileChange(None, name) for name in files], found).findings
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


def _prove_pair(path: Path, rules: Rules, shown: str) -> list[str]:
    """The same for two sides: `NAME.before.py` and `NAME.after.py`, or the folders `before` and `after` of a change.

    The marks are those of the head side; a mark of a file that is gone stands in the file `gone` of the head side.
    """
    base, head, prefix = sides(path, shown)
    try:
        findings = check_change(base, head, rules)
    except ValueError as error:
        return [str(error)]
    texts = {**dict.fromkeys(sorted({f.path for f in findings} - head.keys()), ""), **head}
    by_path = {name: [f for f in findings if f.path == name] for name in texts}
    return [failure for name, text in texts.items() for failure in _mistaken(text, prefix + name, by_path[name])]


def sides(path: Path, shown: str) -> tuple[dict[str, str], dict[str, str], str]:
    """Path → text of both sides of a pair, and what to put before a path to show it."""
    if path.is_dir():
        found = [
            {p.relative_to(path / side).as_posix(): p.read_text("utf-8") for p in sorted((path / side).rglob("*")) if p.is_file()}
            for side in ("before", "after")
        ]
        return found[0], found[1], f"{shown}/after/"
    name = shown.removesuffix(AFTER) + ".py"
    before = path.with_name(path.name.removesuffix(AFTER) + BEFORE)
    return {name: before.read_text("utf-8")}, {name: path.read_text("utf-8")}, ""


def examples(folder: Path) -> list[Path]:
    """The examples of a folder: Python files, and folders that are small projects or hold both sides of a change.

    Changes stand together in a folder `delta`.
    """
    inside = [p for p in folder.iterdir() if p.suffix == ".py" or (p.is_dir() and p.name not in ("__pycache__", "delta"))]
    return sorted([*inside, *(examples(folder / "delta") if (folder / "delta").is_dir() else [])])


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
        folder = _folder(each)
        hit: set[str] = set()
        if folder is not None:
            for path in examples(folder):
                failures += prove_file(path, rules, path.relative_to(folder.parent).as_posix())
            hit = {rule for path in folder.rglob("*") if path.is_file() for _, rule in marks(_text(path), "expect")}
        ids = {r.id for r in rules.rules if Path(r.pack).name == each.name}
        failures += [f"{each.name}: {rule} has no example that it finds" for rule in sorted(ids - hit)]
    return failures


def _folder(pack: Path) -> Path | None:
    folders = (pack.parent / "fixtures" / pack.stem, pack.parent.parent / "fixtures" / pack.stem)
    return next((folder for folder in folders if folder.is_dir()), None)


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")
