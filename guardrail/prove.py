"""Proof beside the rule: marked examples held against the packs, for ours and for users' packs."""

from __future__ import annotations

import re
from pathlib import Path

from guardrail.judge import Judge
from guardrail.model import GuardrailError
from guardrail.packs import Rules, load_packs, own_packs
from guardrail.run import check_source

MARK = re.compile(r"#\s*(expect|missed):\s*((?:[A-Z]{3}\d{3}[,\s]*)+)")
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
        found = {(f.line, f.rule) for f in check_source(text, rules, shown)}
    except ValueError as error:
        return [str(error)]
    expected, missed = marks(text, "expect"), marks(text, "missed")
    return [
        *(f"{shown}:{line}: {rule} is not found" for line, rule in sorted(expected - found)),
        *(f"{shown}:{line}: {rule} is found, and not marked" for line, rule in sorted(found - expected - missed)),
        *(f"{shown}:{line}: {rule} is found at last: turn `missed` into `expect`" for line, rule in sorted(missed & found)),
    ]


def prove(pack: Path) -> list[str]:
    """Hold a pack file, or a folder of packs, against its examples; the failures, none when all is well.

    The examples of `NAME.toml` are the Python files in `fixtures/NAME/` beside the pack or beside its folder.
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
            failures += prove_file(path, rules, str(path.relative_to(path.parent.parent)))
        hit = {rule for path in examples for _, rule in marks(path.read_text("utf-8"), "expect")}
        ids = {r.id for r in rules.rules if Path(r.pack).name == each.name}
        failures += [f"{each.name}: {rule} has no example that it finds" for rule in sorted(ids - hit)]
    return failures


def _examples(pack: Path) -> list[Path]:
    for folder in (pack.parent / "fixtures" / pack.stem, pack.parent.parent / "fixtures" / pack.stem):
        if folder.is_dir():
            return sorted(folder.rglob("*.py"))
    return []


__all__ = ["Judge", "marks", "prove", "prove_file"]
