"""What tests assert."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from guardrail import places
from guardrail.delta.compare import Lost, without
from guardrail.delta.guards import Guard, guards, header, inside, nodes_of
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

_WORD = re.compile(r"[A-Za-z_]\w*")
_STRENGTH = {
    "assert_called_once_with": 6, "assert_awaited_once_with": 6, "assert_called_with": 5, "assert_awaited_with": 5,
    "assert_any_call": 4,
    "assert_called_once": 3, "assert_called": 2, "assert_has_calls": 5,
    "assertEqual": 6, "assertEquals": 6, "assertIs": 6, "assertDictEqual": 6, "assertListEqual": 6, "assertRaisesRegex": 6,
    "assertRaisesMessage": 6, "assertQuerySetEqual": 6, "assertAlmostEqual": 5, "assertGreater": 4, "assertLess": 4, "assertIn": 3,
    "assertIsInstance": 2, "assertTrue": 1, "assertIsNotNone": 1, "assertNotEqual": 2, "raises": 5, "assertRaises": 5,
}  # fmt: skip
_COMPARED = {"Equal": 6, "Is": 6, "LessThan": 4, "GreaterThan": 4, "LessThanEqual": 4, "GreaterThanEqual": 4, "In": 3, "NotIn": 3}
_ALIKE = 0.45  # of two assertions about the same thing


def weakened(pair: Pair, rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """Assertions that say less than before, and those that are gone while the test does the same."""
    if not places.is_test(pair.head.path) or pair.new.kind == "module":
        return
    base, head = guards(pair.base, rule.patterns, rule), [g for f in pair.heads for g in guards(f, rule.patterns, rule)]
    gone, come = without(base, head), without(head, base)
    about = [_names(g) for g in come]
    for guard in gone:
        twin = max(come, key=lambda g: _likeness(guard, g), default=None)
        if twin is not None and _likeness(guard, twin) >= _ALIKE:
            come.remove(twin)
            if said := _weaker(guard, twin):
                yield Lost(guard, twin.facts, twin.node, message=said)
        elif come:
            come.pop()
        elif any(_names(guard) <= names for names in about) or _set_now(pair, guard):
            continue
        elif len(head) < len(base) and _subject_stays(pair, guard) and not _helper_came(pair):
            yield Lost(guard, pair.head, header(pair.head))


def _likeness(one: Guard, other: Guard) -> float:
    a, b = set(_WORD.findall(one.text)), set(_WORD.findall(other.text))
    shared = len(a & b) / max(1, min(len(a), len(b)))
    return shared * 0.5 + difflib.SequenceMatcher(None, one.text[:300], other.text[:300], autojunk=False).ratio() * 0.5


def _strength(guard: Guard) -> int:
    """From 6, a value that is told, down to 1, anything that is true; 0 where it is not known."""
    node = guard.node
    if kind_of(node) == "Assert":
        test = node.test
        if kind_of(test) == "Comparison" and len(test.comparisons) == 1:
            right = guard.facts.code(test.comparisons[0].comparator)
            operator = kind_of(test.comparisons[0].operator)
            if operator in ("IsNot", "NotEqual"):
                return 1 if right == "None" else 2
            return 5 if "approx(" in right else _COMPARED.get(operator, 0)
        if kind_of(test) == "Call" and guard.facts.code(test.func) == "isinstance":
            return 2
        return 1 if kind_of(test) in ("Name", "Attribute", "Call", "Subscript") else 0
    name = guard.facts.code(node.func).rpartition(".")[2] if kind_of(node) == "Call" else ""
    return _STRENGTH.get(name, 0)


def _weaker(old: Guard, new: Guard) -> str:
    """What to say where the new assertion says less than the old one."""
    before, after = _strength(old), _strength(new)
    if _tolerance(new) > _tolerance(old) * 2 > 0:
        return f"`{_short(old.text)}` → `{_short(new.text)}`."
    said = f"`{_short(old.text)}` → `{_short(new.text)}`."
    if kind_of(old.node) == "Call" and kind_of(new.node) == "Call" and "aises" in old.text and "aises" in new.text:
        was, now = (g.facts.code(g.node.args[0].value) if g.node.args else "" for g in (old, new))
        broader = now in ("Exception", "BaseException") and was != now
        return said if broader or ("match=" in old.text and "match=" not in new.text and was == now) else ""
    if not (before and after > 0 and after < before) or (before == 6 and after == 5 and "approx" not in new.text):
        return ""
    if after == 1 and kind_of(new.node) == "Assert" and re.search(r"==|!=|\bnot\b|is_|has_|called|\(.*\)", new.text) and before < 5:
        return ""
    return said if _about_the_same(old, new) else ""


def _tolerance(guard: Guard) -> float:
    """What `approx` and `delta=` let pass, 0 where it is not said."""
    found = re.search(r"\b(?:rel|abs|delta|atol|rtol|rel_tol|abs_tol)\s*=\s*(\d[\d.]*(?:e-?\d+)?)", guard.text)
    return float(found[1].rstrip(".")) if found and found[1].count(".") < 2 else 0.0


def _about_the_same(old: Guard, new: Guard) -> bool:
    """Whether the newer assertion is about something that the older one named, and about nothing else."""
    a, b = (
        set(_WORD.findall(old.text)) - {"assert", "self"},
        set(_WORD.findall(new.text)) - {"assert", "self", "not", "None", "is", "in"},
    )
    names = {w for w in b if not w.startswith("assert")} - {
        "isinstance",
        "len",
        "True",
        "False",
        "pytest",
        "approx",
        "any",
        "all",
        "mock",
        "ANY",
    }
    return bool(names) and len(names & a) >= 0.6 * len(names)


def _names(guard: Guard) -> frozenset[str]:
    """The names in an assertion, its texts and the word for asserting left out."""
    inner = [n for n in nodes_of(guard.facts) if inside(guard.facts, n, guard.node)]
    names = (n.value if kind_of(n) == "Name" else n.attr.value for n in inner if kind_of(n) in ("Name", "Attribute"))
    return frozenset(name for name in names if not name.startswith("assert"))


def _set_now(pair: Pair, guard: Guard) -> bool:
    """Whether the test now sets what it asserted before."""
    left = guard.facts.code(getattr(getattr(guard.node, "test", None), "left", None) or guard.node)
    return any(f.is_target(n) and f.code(n) == left for f in pair.heads for n in nodes_of(f))


def _subject_stays(pair: Pair, guard: Guard) -> bool:
    """Whether the test still does what the assertion was about: its words, and most of the test, are still there."""
    words = frozenset().union(*(f.definition.words for f in pair.heads if f.definition))
    names = [w for w in _WORD.findall(guard.text) if w not in ("assert", "self", "not", "in", "is", "None", "True", "False")]
    return bool(names) and names[0] in words and len(pair.old.words & words) >= 0.7 * len(pair.old.words)


def _helper_came(pair: Pair) -> bool:
    called = {f.code(n.func).rpartition(".")[2] for f in pair.heads for n in nodes_of(f) if kind_of(n) == "Call"}
    new = called - pair.old.words
    return any(re.match(r"_?(assert|check|expect|verify|ensure|snapshot)", w, re.I) for w in new)


def _short(text: str) -> str:
    return text if len(text) <= 70 else text[:67] + "…"


def cases(pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Lists of cases that are shorter; the finding says which are gone."""
    for lost in losses:
        if lost.now is None:
            continue
        facts, was = lost.guard.env["CASES"]
        after, now = lost.now.env["CASES"]
        kept = {after.normal(e.value) for e in getattr(now, "elements", ())}
        gone = [facts.code(e.value) for e in getattr(was, "elements", ()) if facts.normal(e.value) not in kept]
        gone = [case for case in gone if not _asked_elsewhere(pair, case)]
        if gone:
            yield Lost(lost.guard, after, lost.node, message=f"Cases of `{pair.new.symbol}` are gone: {_short(', '.join(gone))}.")


def _asked_elsewhere(pair: Pair, case: str) -> bool:
    """Whether the texts that only this case had stand somewhere else in the test file now."""
    texts = [text for text in re.findall(r"([\"'][^\"'\n]+[\"'])", case) if pair.before.file.text.count(text) == case.count(text)]
    return bool(texts) and all(text in pair.after.file.text for text in texts)
