"""The proof beside the rules: every example says what is found in it, and every rule has one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guardrail.packs import Rules, load_packs
from guardrail.prove import AFTER, examples, marks, prove_file, sides, surface_marks
from guardrail.run import check_change, judge_source

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures"
PACKS = {path.stem for path in (ROOT / "rules").glob("*.toml")} - {"library", "effects"}
EXAMPLES = [
    path.relative_to(FIXTURES) for path in examples(FIXTURES) if path.relative_to(FIXTURES).parts[0] not in ("demo", "trial")
]
CHANGES = [path for path in EXAMPLES if path.name.endswith(AFTER) or (FIXTURES / path).is_dir()]
TEXTS = [path for path in EXAMPLES if path not in CHANGES]


@pytest.fixture(scope="module")
def rules() -> Rules:
    """guardrail's own packs."""
    return load_packs()


@pytest.mark.parametrize("path", EXAMPLES, ids=str)
def test_an_example_says_what_is_found(path, rules):
    assert prove_file(FIXTURES / path, rules, path.as_posix()) == []


@pytest.mark.parametrize("path", CHANGES, ids=str)
def test_triage_loses_nothing_of_a_change(path, rules):
    base, head, _ = sides(FIXTURES / path, path.as_posix())
    picked, all_of_it = (check_change(base, head, rules, triage=triage) for triage in (True, False))
    assert picked == all_of_it


@pytest.mark.parametrize("path", CHANGES, ids=str)
def test_what_did_not_change_lost_nothing(path, rules):
    base, head, _ = sides(FIXTURES / path, path.as_posix())
    assert check_change(base, base, rules) == check_change(head, head, rules) == []


@pytest.mark.parametrize("path", TEXTS, ids=str)
def test_triage_loses_nothing(path, rules):
    text = (FIXTURES / path).read_text("utf-8")
    picked, all_of_it = (judge_source(text, rules, path.as_posix(), triage=triage) for triage in (True, False))
    assert picked.head == all_of_it.head
    assert picked.placements == all_of_it.placements


@pytest.mark.parametrize("pack", sorted(PACKS))
def test_every_rule_of_a_pack_has_an_example_in_its_folder(pack, rules):
    texts = [path.read_text("utf-8") for path in (FIXTURES / pack).rglob("*.py")]
    shown = {rule for text in texts for _, rule in marks(text, "expect")}
    assert sorted({rule.id for rule in rules.rules if rule.pack == f"{pack}.toml"} - shown) == []


def test_marks_name_rules_that_exist(rules):
    known = {rule.id for rule in rules.rules} | {"ALW001", "ALW002"}
    for path in TEXTS:
        text = (FIXTURES / path).read_text("utf-8")
        named = {rule for kind in ("expect", "missed") for _, rule in marks(text, kind)}
        assert sorted(named - known) == [], path


def test_every_folder_of_examples_belongs_to_a_pack():
    assert sorted({path.parts[0] for path in EXAMPLES} - PACKS) == []


@pytest.mark.parametrize("pack", sorted(PACKS))
def test_a_surface_has_a_dozen_marked_definitions_and_a_third_of_them_are_look_alikes(pack):
    marked = [item for path in (FIXTURES / pack).rglob("*.py") for _, item in surface_marks(path.read_text("utf-8"))]
    everywhere = [item for path in FIXTURES.rglob("*.py") for _, item in surface_marks(path.read_text("utf-8"))]
    there = [item for item in marked if re.fullmatch(rf"{pack}( \(\w+\))?", item)]
    look_alikes = marked.count("none") + everywhere.count(f"not {pack}")
    assert len(there) >= 6
    assert look_alikes >= 4
    assert len(there) + look_alikes >= 12
