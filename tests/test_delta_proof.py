"""Every rule about a loss shows that it knows a loss from a move, from an equivalent form and from a stricter one.

The examples are those of fixtures/*/delta; the lines of head that must stay silent say why: `# moved: RULE`, `# same: RULE`,
`# stricter: RULE`. That they are silent, test_fixtures.py holds: a line without `expect` is a negative example for every rule.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guardrail.packs import load_packs

FIXTURES = Path(__file__).parent.parent / "fixtures"
MARK = re.compile(r"# (?P<kind>expect|moved|same|stricter): (?P<rules>[A-Z]{3}\d{3}(?:, [A-Z]{3}\d{3})*)")
RULES = sorted({rule.id for rule in load_packs().rules if rule.delta is not None})
HAS_NO = {  # what a rule cannot have, and why
    ("moved", "TST008"): "a comment is about its own line",
    ("moved", "TST009"): "each tool reads its own file",
    ("moved", "MIG009"): "a migration that ran elsewhere ran there",
    ("moved", "STM002"): "the new member is the finding, not what was lost",
    ("moved", "TST005"): "what fails is new",
    ("stricter", "API001"): "a route is there or it is not",
    ("stricter", "API002"): "a contract is kept or it is not",
    ("stricter", "API003"): "a contract is kept or it is not",
    ("stricter", "API005"): "a contract is kept or it is not",
    ("stricter", "API007"): "a contract is kept or it is not",
    ("stricter", "API006"): "a message fits or it does not",
    ("stricter", "API004"): "a status is the same or another",
    ("stricter", "MIG008"): "a model is migrated or it is not",
    ("stricter", "MIG009"): "a migration is as it was or it is not",
    ("stricter", "STM002"): "a member is handled or it is not",
    ("stricter", "TST005"): "what fails is tested or it is not",
    ("stricter", "BIZ001"): "no decision is stricter than another one",
    ("stricter", "ASY010"): "a call holds up the loop or it does not",
    ("stricter", "AUT009"): "a form is protected or it is not",
    ("stricter", "SQL010"): "a value is bound or it is not",
}


def marked() -> set[tuple[str, str]]:
    """Kind of mark and rule, of all examples of changes."""
    texts = [p.read_text("utf-8") for folder in FIXTURES.glob("*/delta") for p in sorted(folder.rglob("*")) if p.is_file()]
    return {(m["kind"], rule) for text in texts for m in MARK.finditer(text) for rule in m["rules"].split(", ")}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", ["expect", "moved", "same", "stricter"])
def test_a_rule_about_a_loss_has_an_example_of(kind, rule):
    assert ((kind, rule) in marked()) != ((kind, rule) in HAS_NO)
