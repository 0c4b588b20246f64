"""What is written equals what is true: generated pages, the README's example, links."""

import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
import tomli

from guardrail.examples import as_toml, gather
from guardrail.model import Severity, Tier
from guardrail.packs import load_packs
from guardrail.settings import FIELDS, SIGNALS, SURFACE_FIELDS, check_names, load_settings

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
GENERATED = ["rules.md", "surfaces.md"]


@pytest.fixture(scope="module")
def generate():
    """What docs/generate.py defines."""
    return SimpleNamespace(**runpy.run_path(str(ROOT / "docs" / "generate.py")))


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_page_says_what_the_packs_say(name, generate):
    pages = generate.pages(load_packs())
    assert (ROOT / "docs" / name).read_text("utf-8") == pages[name], "run `make docs`"
    assert sorted(pages) == GENERATED


def test_the_examples_of_rules_are_those_of_the_fixtures(generate):
    ids = {rule.id for rule in load_packs().rules}
    given = gather(ROOT / "fixtures", ids)
    assert (ROOT / "rules" / "examples.toml").read_text("utf-8") == as_toml(given), "run `make docs`"
    assert set(given) == ids
    assert sum(bool(example.fine or example.before) for example in given.values()) > 0.9 * len(ids)


def test_the_readme_shows_what_the_demo_prints(generate):
    shown = generate.EXAMPLE.search((ROOT / "README.md").read_text("utf-8"))["shown"]
    assert shown == generate.example(), "run `make docs`"
    assert {f"[{severity}]" for severity in Severity} <= set(re.findall(r"^\[P\d\]", shown, re.MULTILINE))
    assert set(Tier) <= set(shown.splitlines())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_page_of_settings_shows_every_one_of_them():
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    shown = "".join(line[4:] for line in page.splitlines(keepends=True) if line.startswith("    "))
    settings = load_settings({"pyproject.toml": shown.encode()}.get)
    table = tomli.loads(shown)["tool"]["guardrail"]
    assert set(table) == set(FIELDS)
    assert {key for one in table["surfaces"].values() for key in one} == set(SURFACE_FIELDS)
    assert settings.surfaces["business-logic"].tier_of("scripts/x.py") == Tier.FREE
    assert all(re.search(rf"\b{signal}\b", page) for signal in SIGNALS)
    check_names(settings, [rule.id for rule in load_packs().rules], load_packs().surfaces)
