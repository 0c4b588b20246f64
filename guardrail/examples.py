"""One example for each rule, code that is flagged beside code that is not, taken from the proof and kept in rules/examples.toml."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import tomli

from guardrail.index import index_source
from guardrail.packs import own_packs
from guardrail.prove import AFTER, BEFORE, MARK, SURFACE, marks

_LONGEST = 14  # lines
_ALIKE = 0.35  # two examples with less in common explain nothing to each other


@dataclass(frozen=True, slots=True)
class Example:
    """Code that a rule flags (the lines are marked with its id), and code like it that is fine; "" where there is none."""

    flagged: str
    fine: str = ""
    before: str = ""  # of a loss: what the flagged code replaced


@dataclass(frozen=True, slots=True)
class _Piece:
    """A definition of an example file, and the rules that flag its lines."""

    text: str
    rules: frozenset[str]
    symbol: str = ""


@cache
def examples() -> Mapping[str, Example]:
    """Rule id → its example, as rules/examples.toml has them."""
    table = tomli.loads((own_packs() / "examples.toml").read_text("utf-8"))
    return {rule: Example(**given) for rule, given in table.items()}


def gather(fixtures: Path, rules: Iterable[str]) -> dict[str, Example]:
    """The best example of each rule id that the files in a folder of fixtures have."""
    found: dict[str, list[Example]] = {}
    for path in sorted(p for p in fixtures.rglob("*") if p.is_file() and p.suffix != ".pyc" and "demo" not in p.parts):
        text = path.read_text("utf-8")
        pieces = list(_definitions(path.name, text) if path.suffix == ".py" else _lines(text))
        before = _before(path)
        for piece in pieces:
            was = before.get(piece.symbol, "") if before is not None else ""
            for rule in piece.rules:
                fine = _fine(piece, pieces) if before is None else ""
                found.setdefault(rule, []).append(Example(_shown(piece.text, rule), fine, was))
    return {rule: min(found[rule], key=_worth) for rule in sorted(rules) if rule in found}


def _before(path: Path) -> dict[str, str] | None:
    """Symbol → code of the base side of an example of losses; None for other examples."""
    parts = path.parts
    if path.name.endswith(AFTER):
        old = path.with_name(path.name.removesuffix(AFTER) + BEFORE)
    elif "delta" in parts and "after" in parts:
        old = Path(*("before" if part == "after" else part for part in parts))
    else:
        return None
    if path.suffix != ".py" or not old.is_file():
        return {}
    return {piece.symbol: _shown(piece.text) for piece in _definitions(path.name, old.read_text("utf-8")) if piece.symbol}


def as_toml(given: Mapping[str, Example]) -> str:
    """The text of rules/examples.toml."""
    lines = ["# written by `make docs` from fixtures/; edit those"]
    for rule, example in given.items():
        lines += ["", f"[{rule}]", f"flagged = {_quoted(example.flagged)}"]
        lines += [f"fine = {_quoted(example.fine)}"] if example.fine else []
        lines += [f"before = {_quoted(example.before)}"] if example.before else []
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = "".join(c if c == "\n" or (c.isprintable() and c not in '"\\') else _escape(c) for c in text)
    return f'"""\n{escaped}"""'


def _escape(char: str) -> str:
    return f"\\{char}" if char in '"\\' else f"\\U{ord(char):08x}"


def _definitions(name: str, text: str) -> Iterator[_Piece]:
    """The functions of a file, methods included, and the single marked lines of its module and classes."""
    expected = marks(text, "expect")
    lines = text.split("\n")
    for definition in index_source(name, text).definitions:
        rules = frozenset(rule for line, rule in expected if definition.owns(line))
        if definition.kind == "function" and definition.last - definition.first < _LONGEST:
            yield _Piece(_dedented(lines[definition.first - 1 : definition.last]), rules, definition.symbol)
        else:
            yield from (_Piece(_dedented([lines[n - 1]]), frozenset({rule})) for n, rule in sorted(expected) if definition.owns(n))


def _lines(text: str) -> Iterator[_Piece]:
    expected = marks(text, "expect")
    for number, line in enumerate(text.split("\n"), 1):
        yield _Piece(_dedented([line]), frozenset(rule for n, rule in expected if n == number))


def _dedented(lines: list[str]) -> str:
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[indent:] for line in lines)


def _shown(text: str, rule: str = "") -> str:
    """Without the marks of the proof, but for the rule that it is about."""
    out = []
    for line in text.split("\n"):
        flagged = rule and any(rule in mark[2] for mark in MARK.finditer(line) if mark[1] == "expect")
        plain = re.sub(r"\s*(?:<!--\s*)?(?:-->)?\s*$", "", SURFACE.sub("", MARK.sub("", line)))
        out.append(f"{plain}  # {rule}" if flagged else plain)
    return "\n".join(out).strip("\n") + "\n"


def _fine(piece: _Piece, pieces: Iterable[_Piece]) -> str:
    """What is most like it and flagged by nothing."""
    others = [p for p in pieces if not p.rules and p.text.strip()]
    best = max(others, key=lambda p: _likeness(piece.text, p.text), default=None)
    return _shown(best.text) if best and _likeness(piece.text, best.text) >= _ALIKE else ""


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, re.findall(r"\w+", one), re.findall(r"\w+", other), autojunk=False).ratio()


def _worth(example: Example) -> tuple[bool, int, str]:
    """What is complete and short comes first; two lines alone say too little."""
    length = (example.flagged + example.fine + example.before).count("\n")
    return (not example.fine and not example.before, length + 10 * (example.flagged.count("\n") < 2), example.flagged)
