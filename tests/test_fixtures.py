"""The proof beside the rules: every example says what is found in it, and every rule has one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guardrail.packs import NOT_PACKS, Rules, load_packs
from guardrail.prove import examples, marks, prove_file, surface_marks
from guardrail.run import judge_source

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures"
PACKS = {path.stem for path in (ROOT / "rules").glob("*.toml")} - {path.removesuffix(".toml") for path in NOT_PACKS}
FOLDERS = [folder for folder in sorted(FIXTURES.iterdir()) if folder.name != "demo"]
OF_PACKS = [path.relative_to(FIXTURES) for folder in FOLDERS for path in examples(folder)]
EXAMPLES = [path for path in OF_PACKS if path.suffix == ".py" and not path.name.endswith((".before.py", ".after.py"))]
OTHERS = [path for path in OF_PACKS if path not in EXAMPLES and not path.name.endswith(".before.py")]


@pytest.fixture(scope="module")
def rules() -> Rules:
    """guardrail's own packs."""
    return load_packs()


@pytest.mark.parametrize("path", EXAMPLES, ids=str)
def test_an_example_says_what_is_found(path, rules):
    assert prove_file(FIXTURES / path, rules, path.as_posix()) == []


@pytest.mark.parametrize("path", OTHERS, ids=str)
def test_a_project_or_a_change_says_what_is_found(path, rules):
    assert prove_file(FIXTURES / path, rules, path.as_posix()) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=str)
def test_triage_loses_nothing(path, rules):
    text = (FIXTURES / path).read_text("utf-8")
    picked, all_of_it = (judge_source(text, rules, path.as_posix(), triage=triage) for triage in (True, False))
    assert picked.head == all_of_it.head
    assert picked.placements == all_of_it.placements


@pytest.mark.parametrize("pack", sorted(PACKS))
def test_every_rule_of_a_pack_has_an_example_in_its_folder(pack, rules):
    texts = [path.read_text("utf-8") for path in (FIXTURES / pack).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    shown = {rule for text in texts for _, rule in marks(text, "expect")}
    assert sorted({rule.id for rule in rules.rules if rule.pack == f"{pack}.toml"} - shown) == []


def test_marks_name_rules_that_exist(rules):
    known = {rule.id for rule in rules.rules} | {"ALW001", "ALW002"}
    for path in EXAMPLES:
        text = (FIXTURES / path).read_text("utf-8")
        named = {rule for kind in ("expect", "missed") for _, rule in marks(text, kind)}
        assert sorted(named - known) == [], path


def test_every_folder_of_examples_belongs_to_a_pack():
    assert sorted({path.parts[0] for path in EXAMPLES} - PACKS) == []


@pytest.mark.parametrize("pack", sorted(PACKS - {"source-text"}))  # it places nothing
def test_a_surface_has_a_dozen_marked_definitions_and_a_third_of_them_are_look_alikes(pack):
    marked = [item for path in (FIXTURES / pack).rglob("*.py") for _, item in surface_marks(path.read_text("utf-8"))]
    everywhere = [item for path in FIXTURES.rglob("*.py") for _, item in surface_marks(path.read_text("utf-8"))]
    there = [item for item in marked if re.fullmatch(rf"{pack}( \(\w+\))?", item)]
    look_alikes = marked.count("none") + everywhere.count(f"not {pack}")
    assert len(there) >= 6
    assert look_alikes >= 4
    assert len(there) + look_alikes >= 12
