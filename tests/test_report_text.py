"""The text report, held as a whole."""

from __future__ import annotations

import re
from dataclasses import replace

from verdicts import CLEAN, FETCH, FULL, HOSTILE, LOGIN, PLAIN, SKIPPED, TIMING, VERIFY, WEAK, decided, verdict

from guardrail.model import Outcome, Surface, Tier
from guardrail.report.text import render

FINDING = """\
[P0] auth/login.py:6 — `==` compares an HMAC digest  (TIM001 mac-compared-with-equals, timing-compare)
     Leaks by timing how much of the digest is right.
     Fix: hmac.compare_digest(a, b)
     see auth/keys.py:3 the key is read here
"""


def test_a_whole_report():
    assert render(FULL) == FINDING + (
        """
[P2] app/café.py:1 — `requests.get` waits for ever  (NET004 no-timeout, network)

Review map (HEAD → working tree)
do-not-use
  auth/login.py:4 Login.verify [6]  timing-compare (implements)  calls hmac.new, line 5; compares a digest, line 6  """
        """+ network (integrates)
  Ask of Comparison of secrets (timing-compare):
    - Is it constant in time?
    - Who calls it?
  Ask of Calls over the network (network):
    - Is there a timeout?
review-carefully
  app/café.py:1 <module> [1-3]  network (composes)  calls requests.get1, line 1; calls requests.get2, line 2; """
        r"""calls requests.get3, line 3; 2 more
use-freely
  auth/login.py:8 Login.__repr__ [9]  plain
5 touched lines: 20% mechanical (use-freely), 80% need judgment (20% do-not-use, 60% review-carefully)
suggested reviewers: @ann (network), @org/security (network, timing-compare)
unclassified: art/logo.xcf, odd\nname

allowed: a\n::error::b\x1b[2J,c:\u202ed\udcff.py:2 PRC001 — app.py:1 allows PRC001: legacy job, T-231

2 introduced (1 P0, 1 P2), 1 fixed, 2 preexisting, 1 allowed, 0 files unread
"""
    )


def test_the_words_of_a_hostile_repository_are_escaped_and_order_nothing():
    assert render(verdict(decided(HOSTILE))) == (
        r"""[P1] a\n::error::b\x1b[2J,c:\u202ed\udcff.py:2 — 100% of `x\r\ny\x07` \x23#[error] \u2066late\u2069 😀"""
        r"""  (PRC001 shell-command, process)
     \x3a:add-mask::why

1 introduced (1 P1), 0 fixed, 0 preexisting, 0 allowed, 0 files unread
"""
    )


def test_a_clean_change_with_nothing_to_map_is_the_last_line():
    assert render(CLEAN) == "0 introduced, 0 fixed, 0 preexisting, 0 allowed, 0 files unread\n"


def test_files_that_were_not_read_are_named_with_the_reason():
    assert render(SKIPPED) == (
        """\
unread: app/old.py — invalid syntax at line 2
unread: bad\\x00.py — null bytes

0 introduced, 0 fixed, 0 preexisting, 0 allowed, 2 files unread
"""
    )


def test_quiet_is_silent_only_where_there_is_nothing_to_see():
    nothing = verdict(decided(WEAK, Outcome.ALLOWED), decided(WEAK, status="fixed"), placements=(FETCH,))
    assert render(nothing, quiet=True) == ""
    assert render(SKIPPED, quiet=True) == render(SKIPPED)
    assert render(replace(CLEAN, complete=False), quiet=True) == render(CLEAN)


def test_quiet_leaves_findings_and_the_last_line():
    last = "1 introduced (1 P0), 0 fixed, 0 preexisting, 1 allowed, 0 files unread\n"
    noisy = verdict(decided(TIMING), decided(WEAK, Outcome.ALLOWED), placements=(FETCH, VERIFY))
    assert render(noisy, quiet=True) == f"{FINDING}\n{last}"


def test_a_scan_counts_definitions_instead_of_mapping_them():
    scan = verdict(label="scan of .", placements=(FETCH, VERIFY))
    counted = """\
definitions: 1 do-not-use, 1 review-carefully, 0 use-freely
4 lines: 0% mechanical (use-freely), 100% need judgment (25% do-not-use, 75% review-carefully)

0 introduced, 0 fixed, 0 preexisting, 0 allowed, 0 files unread
"""
    assert render(scan) == counted
    assert render(scan, map=False) == counted
    assert render(scan, map=True).startswith("Review map (scan of .)\ndo-not-use\n  auth/login.py:4 Login.verify")
    assert render(replace(scan, label="HEAD"), map=False) == render(CLEAN)


def test_the_map_alone_has_no_findings_but_says_what_was_not_read():
    alone = render(replace(FULL, skipped=SKIPPED.skipped), map=True, quiet=True)
    assert alone.startswith("Review map (HEAD → working tree)\ndo-not-use\n")
    assert "TIM001" not in alone
    assert "allowed:" not in alone
    assert "unread: app/old.py — invalid syntax at line 2" in alone
    assert alone.endswith("\n2 introduced (1 P0, 1 P2), 1 fixed, 2 preexisting, 1 allowed, 2 files unread\n")


def test_a_little_is_never_nothing():
    some = (replace(FETCH, size=1), replace(VERIFY, size=1), replace(PLAIN, size=998))
    assert "1000 touched lines: 98% mechanical (use-freely), 2% need judgment (1% do-not-use, 1% review-carefully)" in render(
        verdict(placements=some)
    )


def test_a_surface_is_asked_about_once_and_an_unknown_one_not_at_all():
    twice = (FETCH, replace(FETCH, definition="f", line=20), replace(FETCH, surface="unknown"))
    assert render(verdict(placements=twice)).count("Is there a timeout?") == 1
    strict_and_not = (replace(FETCH, definition="f", tier=Tier.FORBIDDEN), FETCH)
    assert render(verdict(placements=strict_and_not)).count("Is there a timeout?") == 1


def test_surface_names_and_labels_are_escaped():
    hostile = {"network": Surface("network", "a\x1bb", Tier.CAREFUL, "", ("c\u200dd",))}
    placed = replace(FETCH, definition="e\nf", evidence=FETCH.evidence[:1])
    assert render(verdict(label="x\x1b..y", placements=(placed,), surfaces=hostile)).splitlines()[:5] == [
        r"Review map (x\x1b..y)",
        "review-carefully",
        r"  app/café.py:1 e\nf [1-3]  network (composes)  calls requests.get1, line 1",
        r"  Ask of a\x1bb (network):",
        r"    - c\u200dd",
    ]


def test_the_worst_comes_first_then_path_line_column_rule():
    places = [("b.py", 1, 1, "B"), ("a.py", 9, 1, "B"), ("a.py", 9, 1, "A"), ("a.py", 2, 7, "B"), ("a.py", 2, 3, "B")]
    some = [replace(WEAK, path=p, line=li, column=c, rule=r, message=f"{c}") for p, li, c, r in places]
    lines = render(verdict(*map(decided, some), decided(TIMING))).splitlines()
    assert [line.split("  (")[0] for line in lines if line.startswith("[")] == [
        "[P0] auth/login.py:6 — `==` compares an HMAC digest",
        "[P2] a.py:2 — 3",
        "[P2] a.py:2 — 7",
        "[P2] a.py:9 — 1",
        "[P2] a.py:9 — 1",
        "[P2] b.py:1 — 1",
    ]


# ---- colour ------------------------------------------------------------------------------------


def uncoloured(text: str) -> str:
    """The text as a terminal shows it."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def framed(source: str, line: int, column: int, end_line: int, end_column: int) -> list[str]:
    """The lines between headline and why."""
    place = {"line": line, "column": column, "end_line": end_line, "end_column": end_column}
    found = decided(replace(TIMING, **place))
    lines = uncoloured(render(verdict(found, sources={"auth/login.py": source}), color=True)).split("\n")
    return lines[1 : lines.index("     Leaks by timing how much of the digest is right.")]


def test_colour_brings_a_code_frame():
    coloured = render(verdict(decided(TIMING)), color=True)
    assert uncoloured(coloured).startswith(
        """\
[P0] auth/login.py:6 — `==` compares an HMAC digest  (TIM001 mac-compared-with-equals, timing-compare)
   5 │         digest = hmac.new(KEY, body, "sha256").hexdigest()
   6 │         return digest == given
     │                ‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾
     Leaks by timing how much of the digest is right.
"""
    )
    assert coloured.startswith("\x1b[1;31m[P0]\x1b[0m \x1b[1mauth/login.py:6\x1b[0m — ")
    assert "\x1b[94mreturn\x1b[39;49;00m" in coloured


def test_without_its_source_a_finding_has_no_frame():
    bare = verdict(decided(TIMING), sources={})
    assert uncoloured(render(bare, color=True)) == render(bare)
    assert framed(LOGIN, 99, 1, 99, 2) == []


def test_the_first_line_has_no_line_before_it():
    assert framed("x = 1\n", 1, 1, 1, 2) == ["   1 │ x = 1", "     │ ‾"]


def test_every_line_of_a_finding_is_underlined_and_a_long_one_is_cut():
    source = "run(\n    1,\n    2,\n)\n"
    assert framed(source, 1, 1, 4, 2) == [
        "   1 │ run(",
        "     │ ‾‾‾‾",
        "   2 │     1,",
        "     │     ‾‾",
        "   3 │     2,",
        "     │     ‾‾",
        "   4 │ )",
        "     │ ‾",
    ]
    assert framed("run(\n" + "    1,\n" * 9 + ")\n", 1, 1, 11, 2)[-2:] == ["     │     ‾‾", "     │ …"]


def test_tabs_wide_and_unseen_characters_keep_the_underline_in_place():
    assert framed('\tx = "日\u202e" == y\n', 1, 6, 1, 10) == [
        '   1 │     x = "日\\u202e" == y',
        "     │         " + "‾" * 10,
    ]


def test_a_very_long_line_is_shown_around_the_finding():
    shown = framed("x = " + "a" * 1_000_000 + " == b" + "c" * 500 + "\n", 1, 1_000_006, 1, 1_000_008)
    assert len(shown[0]) < 200
    assert "…a" in shown[0]
    assert shown[0].endswith("c…")
    assert shown[0][shown[1].index("‾") :].startswith("== b")


def test_a_string_that_is_open_on_the_line_before_does_not_colour_the_finding():
    found = decided(replace(TIMING, line=3, end_line=3))
    sources = {"auth/login.py": '"""a\n"""\nif x == y: z\n'}
    coloured = render(verdict(found, sources=sources), color=True)
    assert "\x1b[94mif\x1b[39;49;00m" in coloured
