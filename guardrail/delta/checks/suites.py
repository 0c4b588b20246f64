"""Tests that are gone or switched off."""

from __future__ import annotations

import re
from collections.abc import Iterator

from guardrail import places
from guardrail.delta.files import Change, FilePair
from guardrail.delta.pairs import become
from guardrail.model import Definition

_OFF = re.compile(
    r"@(?:\w+\.)*(?:skip\b|expectedFailure\b|flaky\b|skipif\(\s*(?:True|1)\b|skipIf\(\s*(?:True|1)\b|xfail\b(?!.*strict\s*=\s*True))[^\n]*"
)
_SKIPS = re.compile(r"^\s*(?:pytest\.skip\(|self\.skipTest\(|raise\s+(?:unittest\.)?SkipTest|pytest\.xfail\(|return\s*$)")
MERGED = 0.6  # of the words of a test that a new one has, to have taken it in


def tests_gone(pair: FilePair) -> Iterator[Change]:
    """Tests of base that no file of the change has any more, and those that are now skipped."""
    if not places.is_test(pair.path) or pair.change.base_path is None:
        return
    old, new = pair.sides()
    if old is None:
        return
    ours = {d.symbol: d for d in new.definitions} if new else {}
    missing = [d for d in old.definitions if _is_test(d) and d.symbol not in ours]
    come = [
        (side, d)
        for side in pair.changed_tests()
        for d in side.definitions
        if side.file.path != pair.path or d.symbol not in _symbols(old)
    ]
    fresh = [d for side, d in come if _is_test(d) and (side.file.path == pair.path or side.file.path in pair.new_files())]
    names = {d.symbol.rpartition(".")[2] for _, d in come}
    gone = [
        d for d in missing if d.symbol.rpartition(".")[2] not in names and become(old, d, come) is None and not _merged(d, fresh)
    ]
    if len(gone) > len(fresh):
        removed = pair.project.removed_words
        for d in gone:
            owner = next((k for k in old.definitions if k.symbol == d.symbol.rpartition(".")[0]), d)
            words = d.words | owner.words
            if not words & removed and not pair.project.takes_away(words, d.symbol):
                yield Change(1, f"The test `{d.symbol}` is gone.", d.header, d.symbol, d.symbol)
    for d in old.definitions:
        after = ours.get(d.symbol)
        if after is not None and _is_test(d, True) and (line := _newly_off(pair, d, after)):
            yield Change(line, f"`{d.symbol}` is switched off: `{pair.head[line - 1].strip()}`.", d.header, d.symbol, d.symbol)


def _merged(test: Definition, fresh: list[Definition]) -> bool:
    """Whether a new test with cases does what a test did."""
    own = test.words - {test.symbol.rpartition(".")[2]}
    return any("parametrize" in new.words and len(own & new.words) >= MERGED * len(own) for new in fresh)


def _symbols(side) -> set[str]:  # type: ignore[no-untyped-def]
    return {d.symbol for d in side.definitions}


def _is_test(definition: Definition, classes: bool = False) -> bool:
    name = definition.symbol.rpartition(".")[2]
    if definition.kind == "class":
        return classes and name.startswith("Test")
    return definition.kind == "function" and name.startswith("test") and "<locals>" not in definition.symbol


def _newly_off(pair: FilePair, old: Definition, new: Definition) -> int:
    """The line that switches a test off at head and did not in base, 0 where there is none."""
    before = "\n".join(pair.base[old.first - 1 : old.header + 2])
    for number in range(new.first, min(new.header + 2, new.last) + 1):
        line = pair.head[number - 1]
        wanted = _OFF if number <= new.header else _SKIPS
        if wanted.search(line) and not wanted.search(before) and line.strip() not in before:
            return number if new.kind == "function" or number <= new.header else 0
    return 0
