"""The comment on a pull request, beside its snapshot: that it fits, and that its words stay words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from verdicts import CLEAN, LOST, PAY, RICH, SKIPPED, WAY, decided, verdict

from guardrail.drafted import Provenance
from guardrail.model import Severity
from guardrail.report.markdown import MARKER, render
from guardrail.report.marked import code, prose


def test_a_clean_change_has_a_comment_of_four_lines():
    assert render(CLEAN).splitlines() == [
        MARKER,
        "## guardrail: ✅ nothing found",
        "",
        "0 introduced, 0 fixed, 0 preexisting, 0 allowed, 0 files unread · `HEAD → working tree`",
        "",
        "<sub>guardrail 0.1.0</sub>",
    ]


def test_an_unread_file_comes_first():
    assert render(SKIPPED).splitlines()[1] == "## guardrail: ⚠️ incomplete, a file could not be read"
    assert r"> **Not read:** `bad\x00.py`, null bytes" in render(SKIPPED)


def test_a_comment_is_shorter_than_github_allows_and_counts_what_it_leaves_out():
    many = [decided(replace(LOST, path=f"{'folder/' * 30}{n}.py", severity=[*Severity][n % 3])) for n in range(900)]
    places = tuple(replace(PAY, definition=f"pay_{n}", line=n) for n in range(900))
    comment = render(verdict(*many, placements=places, unclassified=("x" * 3000,) * 50, limits=("y" * 5000,) * 20))
    assert 40_000 < len(comment) <= 65_000
    assert comment.count("which do not fit into a comment") == 3
    assert comment.count("<details") == comment.count("</details>")


@pytest.mark.parametrize("part", ["path", "message", "definition", "remedy", "why"])
def test_one_huge_part_does_not_break_the_limit(part):
    assert len(render(verdict(decided(replace(WAY, **{part: "`x` *|<" * 30_000}))))) <= 65_000


def test_what_an_assistant_drafted_is_told():
    comment = render(replace(RICH, provenance=Provenance({"shop/rates.py": frozenset({5})}, 2, assumed=True)))
    assert "drafted with an assistant: 1 of 2 touched lines (50%), as the settings assume" in comment
    assert [line for line in comment.splitlines() if line.endswith("drafted with an assistant")] == [
        "  `shop/rates.py:5` `fetch` · `ASY001` blocking-call-in-async · drafted with an assistant"
    ]


def test_the_worst_findings_are_open_and_the_others_folded():
    opened = [line for line in render(RICH).splitlines() if line.startswith("<details open>")]
    assert len(opened) == 1
    assert "<b>P0</b>" in opened[0]


# ---- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 100%", "plain words, 100%"),
        ("ask @team about #12", "ask `@team` about `#12`"),
        ("see https://example.org now", "see `https://example.org` now"),
        ("since 0123abc", "since `0123abc`"),
        ("`a`@b", "`a` `@b`"),
        ("*bold* [x](y) <b>", "`*bold*` &#91;x&#93;(y) &#60;b&#62;"),
        ("- a list", "&#45; a list"),
        ("12. a list", "12&#46; a list"),
        ("a | b", "a &#124; b"),
    ],
)
def test_words_format_nothing(text, shown):
    assert prose(text) == shown


def test_code_is_code_whatever_is_in_it():
    assert code("a`b") == "`` a`b ``"
    assert code("a|b", table=True) == "`a\\x7cb`"
    assert code("\u202ea\nb") == "`\\u202ea\\nb`"
    assert code(" ") == ""


WORDS = st.text(st.sampled_from("ab1 `*_~|<>[]()@#:/.!\\&-=+\n\u202e"), max_size=30)


@settings(deadline=None)
@given(WORDS)
def test_no_words_become_markdown(text):
    md = MarkdownIt("gfm-like", {"html": True})
    for made in (prose(text), f"x {code(text)} y"):
        tokens = [t for token in md.parse(f"- **a** {made}\n\n  {made}\n") for t in token.children or [token]]
        kinds = {
            "link_open",
            "image",
            "em_open",
            "s_open",
            "html_inline",
            "html_block",
            "heading_open",
            "table_open",
            "hr",
            "fence",
        }
        assert not {t.type for t in tokens} & kinds, made
        assert sum(t.type == "bullet_list_open" for t in tokens) == 1
        assert sum(t.type == "strong_open" for t in tokens) == 1


@settings(deadline=None)
@given(WORDS)
def test_no_words_end_a_cell(text):
    row = f"| a | b |\n|---|---|\n| {prose(text, table=True)} | {code(text, table=True)} |\n"
    [*cells] = [t for t in MarkdownIt("gfm-like").parse(row) if t.type == "td_open"]
    assert len(cells) == 2
