"""The page: one file that loads nothing, both sides of the code beside each other, a map in proportion to the change."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as reader
from verdicts import AFTER, CLEAN, FULL, LOST, PAY, RATES, RICH, SKIPPED, TIMING, decided, verdict

from guardrail.drafted import Provenance
from guardrail.model import FileChange
from guardrail.report.html import render
from guardrail.report.html.sides import Row, hunks, paired
from guardrail.report.html.treemap import Box, divide


def page(shown):
    """The page as a tree."""
    return reader.fromstring(render(shown))


def text(element):
    """The words of an element, blanks made one."""
    return " ".join(element.text_content().split())


def test_the_policy_names_the_style_and_the_script_by_their_hashes_and_nothing_else():
    made = render(RICH)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', made)[1]
    parts = re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", made, re.DOTALL)
    hashes = [f"'sha256-{b64encode(sha256(part.encode()).digest()).decode()}'" for part in parts]
    assert len(hashes) == 2
    assert policy == f"default-src 'none'; img-src data:; style-src {hashes[0]}; script-src {hashes[1]}; base-uri 'none'"
    assert "http" not in re.sub(r"http-equiv", "", made)


def test_a_lost_guard_is_red_beside_what_took_its_place():
    article = page(RICH).get_element_by_id("finding-0")
    [lost] = [e for e in article.iter("td") if "lost" in e.get("class") and "line" in e.get("class")]
    assert text(lost) == "lost: @login_required"
    rows = [[text(cell) for cell in row.findall("td")] for row in article.findall(".//tbody/tr")]
    assert ["4", "lost: @login_required", "", ""] in rows
    assert ["5", "def pay(request):", "1", "def pay(request):"] in rows
    assert [text(mark) for mark in article.findall(".//mark")] == ["pay"]


def test_a_way_through_functions_is_drawn_with_its_code():
    [chain] = page(RICH).find_class("chain")
    assert [text(hop) for hop in chain] == [
        "the async begins here, in price shop/views.py:1def pay(request):",
        "price calls fetch shop/views.py:2return charge(request.amount)",
        "fetch calls time.sleep shop/rates.py:5time.sleep(3)",
    ]


def test_a_new_file_has_one_side():
    article = page(RICH).get_element_by_id("finding-1")
    assert [table.get("class") for table in article.findall("table")] == ["code one"]


def test_what_is_lost_in_another_file_is_told_though_its_text_is_not_beside():
    away = replace(LOST, notes=(replace(LOST.notes[0], path="old/views.py"),))
    [gone] = page(replace(RICH, decisions=(decided(away),))).find_class("gone")
    assert text(gone) == "old/views.py:4 @login_required"


def test_a_finding_without_its_text_stands_without_code():
    [article] = page(verdict(decided(TIMING), sources={})).find_class("finding")
    assert article.find("table") is None
    assert "compares an HMAC digest" in text(article)


@pytest.mark.parametrize("line", [0, 7, 99])
def test_a_finding_outside_of_its_text_stands_without_code(line):
    [article] = page(verdict(decided(replace(TIMING, line=line, end_line=line)))).find_class("finding")
    assert article.find("table") is None


def test_the_map_has_every_definition_once_with_its_tier_and_findings():
    cells = page(FULL).find_class("cell")
    assert [(c.get("data-tier"), c.get("data-surface"), c.get("aria-label")) for c in cells] == [
        ("review-carefully", "network", "<module>, 3 lines, review-carefully, network, 1 finding"),
        ("do-not-use", "timing-compare network", "Login.verify, 1 line, do-not-use, timing-compare, network, 1 finding"),
        ("use-freely", "plain", "Login.__repr__, 1 line, use-freely, plain, 0 findings"),
    ]
    assert {c.get("href")[1:] for c in cells} == {d.get("id") for d in page(FULL).find_class("definition")}


def test_a_definition_says_why_and_what_to_ask():
    [entry, *_] = page(FULL).find_class("definition do-not-use")
    assert "calls hmac.new, line 5" in text(entry)
    assert "Is it constant in time?" in text(entry)
    assert [link.get("href") for link in entry.findall(".//a")] == ["#finding-0"]


def test_the_page_can_be_filtered_by_provenance_only_where_it_is_known():
    drafted = replace(RICH, provenance=Provenance({"shop/rates.py": frozenset({5})}, 2))
    assert [article.get("data-origin") for article in page(drafted).find_class("finding")] == ["person", "assistant"]
    assert [b.get("data-value") for b in page(drafted).find_class("switch") if b.get("data-filter") == "origin"] == [
        "assistant",
        "person",
    ]
    assert "drafted with an assistant: 1 of 2 touched lines (50%)" in text(page(drafted))
    assert "data-origin" not in render(RICH)


@pytest.mark.parametrize(
    ("shown", "state", "sentence"),
    [
        (CLEAN, "passing", "Nothing at or above the gate"),
        (RICH, "failing", "Findings at or above the gate"),
        (SKIPPED, "unsure", "Incomplete: a file could not be read"),
    ],
)
def test_the_first_thing_said_is_the_answer(shown, state, sentence):
    tree = page(shown)
    assert tree.find(".//h1").text == sentence
    assert tree.find_class(f"top {state}")


def test_a_page_of_many_findings_stays_within_bounds():
    many = [decided(replace(TIMING, line=n % 6 + 1, end_line=n % 6 + 1, definition=f"f{n}")) for n in range(2500)]
    places = tuple(replace(PAY, definition=f"f{n}", line=n) for n in range(2500))
    made = render(verdict(*many, placements=places))
    assert made.count("<article") == 2000
    assert made.count("<table") == 300
    assert made.count('class="cell ') == 400
    assert "500 more findings are in the other reports" in made


def test_long_lines_and_long_files_are_cut():
    wide = replace(TIMING, path="a.py", line=1, column=1, end_line=1, end_column=9000)
    made = render(verdict(decided(wide), sources={"a.py": f"x = '{'y' * 9000}'\n" * 100}))
    assert len(made) < 60_000


# ---- both sides ----------------------------------------------------------------------------------


def test_rows_pair_what_git_says_belongs_together():
    file = FileChange("a", "a", added=frozenset({2, 3}), removed=frozenset({2}))
    assert paired(file, 3, 4) == [Row(1, 1, False), Row(2, 2, True), Row(None, 3, True), Row(3, 4, False)]


@settings(deadline=None)
@given(st.integers(0, 12), st.integers(0, 12), st.frozensets(st.integers(1, 14)), st.frozensets(st.integers(1, 14)))
def test_every_line_of_both_sides_is_in_one_row(base, head, removed, added):
    rows = paired(FileChange("a", "a", added=added, removed=removed), base, head)
    assert [row.base for row in rows if row.base] == [*range(1, base + 1)]
    assert [row.head for row in rows if row.head] == [*range(1, head + 1)]


def test_hunks_hold_the_wanted_lines_and_do_not_touch():
    rows = [Row(n, n, False) for n in range(1, 101)]
    assert [(h[0].head, h[-1].head) for h in hunks(rows, [5, 12], [90])] == [(1, 16), (86, 94)]


# ---- the map -------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.integers(1, 1000), min_size=1, max_size=60).map(lambda sizes: sorted(sizes, reverse=True)))
def test_boxes_are_in_proportion_and_inside(sizes):
    whole = Box(0, 0, 1000, 420)
    boxes = divide(sizes, whole)
    unit = whole.width * whole.height / sum(sizes)
    for size, box in zip(sizes, boxes, strict=True):
        assert box.width * box.height == pytest.approx(size * unit)
        assert -1e-6 <= box.left <= box.left + box.width <= whole.width + 1e-6
        assert -1e-6 <= box.top <= box.top + box.height <= whole.height + 1e-6


def test_highlighting_changes_no_character():
    assert RATES.strip().split("\n")[-1].strip() in text(page(RICH).get_element_by_id("finding-1"))
    assert AFTER.split("\n")[0] in text(page(RICH).get_element_by_id("finding-0"))
