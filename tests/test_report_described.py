"""Rules and surfaces in words."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from verdicts import SURFACES

from guardrail.model import Confidence, GuardrailError, Severity
from guardrail.report.described import as_json, explained, table


@dataclass(frozen=True)
class Rule:
    """A rule as packs make it, as far as it is told of."""

    id: str
    name: str
    severity: Severity
    surface: str
    confidence: Confidence = Confidence.HIGH
    message: str = "It is wrong."
    why: str = ""
    remedy: str = ""
    refs: tuple[str, ...] = ()
    any: tuple[str, ...] = ()


TIMING = Rule(
    id="TIM001",
    name="mac-compared-with-equals",
    severity=Severity.P0,
    surface="timing-compare",
    message="`==` compares an HMAC digest",
    why="Leaks by timing.\nAn attacker measures.",
    remedy="hmac.compare_digest(a, b)",
    refs=("CWE-208", "https://docs.python.org/3/library/hmac.html"),
    any=("$A == hmac.digest(...)", "hmac.new(...).digest() == $B"),
)
NET = Rule("NET004", "no-timeout", Severity.P2, "network", Confidence.MEDIUM)
RULES = (TIMING, NET, Rule("NET004", "no-connect-timeout", Severity.P1, "network"))


def test_a_rule_in_words():
    assert explained("tim001", RULES, SURFACES) == (
        """\
TIM001 mac-compared-with-equals

severity: P0
confidence: high
surface: timing-compare (do-not-use)
refs: CWE-208, https://docs.python.org/3/library/hmac.html

`==` compares an HMAC digest

Leaks by timing.
An attacker measures.

Fix: hmac.compare_digest(a, b)

Looks at any of:
  $A == hmac.digest(...)
  hmac.new(...).digest() == $B
"""
    )


def test_a_surface_in_words():
    assert explained("network", RULES, SURFACES) == (
        """\
network — Calls over the network

tier: review-carefully

It hangs.

Ask in review:
  - Is there a timeout?

Rules:
  NET004  P1  high    network  no-connect-timeout
  NET004  P2  medium  network  no-timeout
"""
    )


def test_a_surface_without_rules_says_none():
    assert "Rules:" not in explained("plain", RULES, SURFACES)


def test_one_id_may_stand_for_several_rules_and_a_name_for_one():
    both = explained("NET004", RULES, SURFACES)
    assert [line for line in both.splitlines() if line.startswith("NET004")] == [
        "NET004 no-timeout",
        "NET004 no-connect-timeout",
    ]
    assert explained("no-timeout", RULES, {}).startswith("NET004 no-timeout\n\nseverity: P2\nconfidence: medium\n")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("TIM01", "no rule or surface 'TIM01' (did you mean 'TIM001'?)"),
        ("netwrk", "no rule or surface 'netwrk' (did you mean 'network'?)"),
        ("zzz", "no rule or surface 'zzz'"),
    ],
)
def test_an_unknown_name_is_an_error_with_a_guess(name, sentence):
    with pytest.raises(GuardrailError) as caught:
        explained(name, RULES, SURFACES)
    assert str(caught.value) == sentence


def test_a_table_is_sorted_and_aligned():
    assert table(RULES) == (
        """\
NET004  P1  high    network         no-connect-timeout
NET004  P2  medium  network         no-timeout
TIM001  P0  high    timing-compare  mac-compared-with-equals
"""
    )
    assert table(()) == ""


def test_rules_for_a_program():
    listed = json.loads(as_json(RULES, SURFACES))
    assert [(rule["rule"], rule["name"]) for rule in listed] == [
        ("NET004", "no-connect-timeout"),
        ("NET004", "no-timeout"),
        ("TIM001", "mac-compared-with-equals"),
    ]
    assert listed[2] == {
        "rule": "TIM001",
        "name": "mac-compared-with-equals",
        "severity": "P0",
        "confidence": "high",
        "surface": "timing-compare",
        "tier": "do-not-use",
        "message": "`==` compares an HMAC digest",
        "why": "Leaks by timing.\nAn attacker measures.",
        "remedy": "hmac.compare_digest(a, b)",
        "refs": ["CWE-208", "https://docs.python.org/3/library/hmac.html"],
    }
