"""Snapshot rules: what is wrong with a definition as it stands, and which of it a change introduced."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from guardrail.findings import filled, finding_of, order, texts_of
from guardrail.model import Confidence, Definition, Finding, Status

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match
    from guardrail.packs import Rule

ALIKE = 0.6  # two findings of one rule in one definition are the same when their code is at least so similar


def find(facts: Facts, rules: Sequence[Rule]) -> list[Finding]:
    """All findings of these rules in one definition."""
    from guardrail.detect import detect  # late: to compare what was found needs none of it

    return _once_each([_finding(rule, match) for rule, match in detect(facts, rules) if not match.facts.dead(match.node)])


def _finding(rule: Rule, match: Match) -> Finding:
    facts = match.facts
    texts = texts_of(match.env, facts, match.node)
    assert facts.definition is not None
    return finding_of(
        rule,
        facts.path,
        facts.definition.symbol,
        facts.span(match.node),
        match.message or filled(rule.message, texts),
        _head(facts.normal(match.node), match.node),
        texts=texts,
    )


def _head(text: str, node: Any) -> str:
    """Of a block only its beginning, so that a change in its body is not a new finding."""
    from guardrail.detect import COMPOUND

    return text[:200] if type(node).__name__ in COMPOUND - {"ExceptHandler"} else text


def _once_each(found: list[Finding]) -> list[Finding]:
    """One finding for a rule and place, the most severe; in order."""
    best: dict[tuple[str, int, int], Finding] = {}
    for finding in sorted(found, key=lambda f: (f.severity, f.confidence != Confidence.HIGH)):
        best.setdefault((finding.rule, finding.line, finding.column), finding)
    return sorted(best.values(), key=order)


# ---- base and head -------------------------------------------------------------------------------


def compare(
    base: Sequence[Finding], head: Sequence[Finding], renames: dict[str, str], gone: Callable[[Finding], bool]
) -> list[Finding]:
    """The findings of both sides with their status: introduced, preexisting (of head) and fixed (of base).

    Matched as a multiset, never by line: first the same code in the same definition, then similar code of the same rule in the
    same definition, then the same code in a definition that is `gone` from base's place (moved or renamed).
    """
    left = list(base)
    result: list[Finding] = []
    todo = list(head)

    def same_place(a: Finding, b: Finding) -> bool:
        return a.rule == b.rule and a.definition == b.definition and renames.get(a.path, a.path) == b.path

    steps: tuple[Callable[[Finding, Finding], bool], ...] = (
        lambda a, b: same_place(a, b) and a.node == b.node,
        lambda a, b: a.rule == b.rule and a.node == b.node and gone(b),
        lambda a, b: same_place(a, b) and _similar(a.node, b.node),
        lambda a, b: a.rule == b.rule and gone(b) and _similar(a.node, b.node) and _last(a) == _last(b),
    )
    for alike in steps:
        rest = []
        for finding in todo:
            twin = next((b for b in left if alike(finding, b)), None)
            if twin is None:
                rest.append(finding)
            else:
                left.remove(twin)
                result.append(replace(finding, status=Status.PREEXISTING))
        todo = rest
    result += [replace(f, status=Status.INTRODUCED) for f in todo]
    result += [replace(f, status=Status.FIXED) for f in left]
    return sorted(result, key=order)


def _last(finding: Finding) -> str:
    return finding.definition.rpartition(".")[2]


def _similar(a: str, b: str) -> bool:
    if not a or not b or min(len(a), len(b)) < 0.4 * max(len(a), len(b)):
        return False
    import difflib  # late: only what differs a little is compared so

    return difflib.SequenceMatcher(None, a[:2000], b[:2000], autojunk=False).ratio() >= ALIKE


def fingerprinted(findings: Iterable[Finding]) -> list[Finding]:
    """The findings with their fingerprints: rule, path, symbol, normalised code, and the order among equals."""
    seen: Counter[tuple[str, ...]] = Counter()
    result = []
    for finding in findings:
        key = (finding.rule, finding.path, finding.definition, finding.node)
        ordinal = seen[(*key, finding.status)]
        seen[(*key, finding.status)] += 1
        digest = hashlib.sha256("\0".join((*key, str(ordinal))).encode("utf-8", "surrogatepass")).hexdigest()
        result.append(replace(finding, fingerprint=f"v1:{digest[:32]}"))
    return result


def changed(
    head: Sequence[Definition],
    base: Sequence[Definition],
    key_head: Callable[[Definition], Any],
    key_base: Callable[[Definition], Any],
) -> tuple[list[Definition], list[Definition]]:
    """The definitions of each side that the other does not have with the same text and meaning under the same symbol."""
    known = Counter((d.symbol, key_base(d)) for d in base)
    ours = Counter((d.symbol, key_head(d)) for d in head)
    only_head = [d for d in head if not known[d.symbol, key_head(d)]]
    only_base = [d for d in base if not ours[d.symbol, key_base(d)]]
    return only_head, only_base
