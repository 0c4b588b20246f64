"""What is searched once per file is found where a search of each part's own lines would find it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.grep import Grep, mask
from guardrail.packs import Rules, read_packs
from guardrail.patterns.literals import by_line
from guardrail.run import check_source, judge_source

LINES = [
    'query = "select a"',
    "total_price = qty * 3",
    "",
    "    self.cache.get(",
    "        key)",
    "def charge():",
    "return other",
    "# PRICE",
]
PATTERNS = [
    r"(?i)price|amount",
    r"(?<!\w)qty(?!\w)",
    r"(?m)^[ \t]*def\b",
    r"\.get\(\s*key",
    r"(?i)\b\w{0,40}query\w{0,40} *= *\(?\s*[rbf]?[\x22\x27]",
    r"\A[ \t]*def\b",
    r"[^\W\d]+\(\)",
]


@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=12), st.data())
def test_a_span_has_what_a_search_of_its_text_finds(lines, data):
    first = data.draw(st.integers(1, len(lines)))
    last = data.draw(st.integers(first, len(lines)))
    grep, text = Grep(lines), "\n".join(lines[first - 1 : last])
    for pattern in PATTERNS:
        if re.search(pattern, text):
            assert grep.found(pattern, mask([(first, last)]), [(first, last)])
        elif by_line(pattern):
            assert not grep.found(pattern, mask([(first, last)]), [(first, last)])


@pytest.mark.parametrize(
    ("pattern", "alone"),
    [
        ("price", True),
        ("(?i)a.b", True),
        ("(?s)a.b", False),
        (r"a\s*b", False),
        (r"a[^)]b", False),
        (r"[^\W\d]\w*(?!\w)", True),
        (r"(?m)^a$", True),
        ("^a", False),
        (r"a\Z", False),
        ("a|b\n", False),
        ("(?:a|[b-d]){2,}?", True),
        ("a[\t-z]", False),
        ("(", False),
    ],
)
def test_which_patterns_are_found_in_single_lines(pattern, alone):
    assert by_line(pattern) is alone


@pytest.mark.parametrize(
    "lines",
    [
        ['x = "pass" "word"'],
        ["x = (", '    "pass"', "    'word')"],
        ["x = 'pass' + \\", "    f'word'"],
    ],
)
def test_strings_side_by_side_are_read_as_one(lines):
    grep, everything = Grep(lines), (1, len(lines))
    for pattern in ("password", r"pass\s*word"):
        assert grep.found(pattern, mask([everything]), [everything])
    assert not grep.found("x = word", mask([everything]), [everything])


def test_the_quotes_of_a_docstring_join_nothing():
    grep = Grep(['"""A pass"""', "word = 1"])
    assert not grep.found(r"pass\s*word", mask([(1, 2)]), [(1, 2)])


NEAR = """
[surface]
id = "keys"
title = "Keys"
tier = "review-carefully"
why = "They open doors."
review = ["Whose are they?"]

[surface.signals]
calls = ["keys.Ring.*", "sqlite3.Cursor.*"]
imports = ["sqlite3"]

[[rule]]
id = "KEY001"
name = "key-copied"
severity = "P1"
any = ["copy($K)"]
near = "(?i)lock"
message = "A key is copied."
why = "Two of them are one too many."
remedy = "Do not."
"""


@pytest.fixture(scope="module")
def keys() -> Rules:
    """A pack whose rule looks only near locks, and whose surface knows objects by their class."""
    return read_packs([("keys.toml", NEAR.encode())])


@pytest.mark.parametrize("triage", [True, False])
@pytest.mark.parametrize(("text", "found"), [("def f(k):\n    copy(k)\n", []), ("def f(lock):\n    copy(lock)\n", ["KEY001"])])
def test_what_is_wanted_near_counts_with_and_without_triage(keys, triage, text, found):
    assert [f.rule for f in check_source(text, keys, triage=triage)] == found


@pytest.mark.parametrize("triage", [True, False])
def test_who_is_given_an_object_need_not_name_its_class(keys, triage):
    text = "import sqlite3\n\n\ndef rows(place):\n    found = sqlite3.connect(place).cursor()\n    return found.fetchall()\n"
    placed = judge_source(text, keys, triage=triage).placements
    assert [p.definition for p in placed if p.surface == "keys"] == ["rows"]
