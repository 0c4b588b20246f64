"""The GitHub report, held as a whole."""

from __future__ import annotations

from verdicts import CLEAN, FULL, HOSTILE, SKIPPED, decided, verdict

from guardrail import cli
from guardrail.report import FORMATS
from guardrail.report.github import render


def test_a_whole_report():
    assert render(FULL) == (
        "::error file=auth/login.py,line=6,endLine=6,col=16,endColumn=31,title=[P0] TIM001 mac-compared-with-equals::"
        "`==` compares an HMAC digest%0ALeaks by timing how much of the digest is right.%0AFix: "
        "hmac.compare_digest(a, b)%0Asee auth/keys.py:3 the key is read here\n"
        "::warning file=app/café.py,line=1,endLine=3,title=[P2] NET004 no-timeout::`requests.get` waits for ever\n"
        "::notice file=a\\n%3A%3Aerror%3A%3Ab\\x1b[2J%2Cc%3A\\u202ed\\udcff.py,line=2,title=allowed%3A PRC001 shell-command::"
        "app.py:1 allows PRC001: legacy job, T-231\n"
        "::group::guardrail review map\n"
        "| Review map (HEAD → working tree)\n"
        "| do-not-use\n"
        "|   auth/login.py:4 Login.verify [6]  timing-compare (implements)  calls hmac.new, line 5; compares a digest, line 6"
        "  + network (integrates)\n"
        "|   Ask of Comparison of secrets (timing-compare):\n"
        "|     - Is it constant in time?\n"
        "|     - Who calls it?\n"
        "|   Ask of Calls over the network (network):\n"
        "|     - Is there a timeout?\n"
        "| review-carefully\n"
        "|   app/café.py:1 <module> [1-3]  network (composes)  calls requests.get1, line 1; calls requests.get2, line 2; "
        "calls requests.get3, line 3; 2 more\n"
        "| use-freely\n"
        "|   auth/login.py:8 Login.__repr__ [9]  plain\n"
        "| 5 touched lines: 20% mechanical (use-freely), 80% need judgment (20% do-not-use, 60% review-carefully)\n"
        "| suggested reviewers: @ann (network), @org/security (network, timing-compare)\n"
        "| unclassified: art/logo.xcf, odd\\nname\n"
        "::endgroup::\n"
        "::notice::2 introduced (1 P0, 1 P2), 1 fixed, 2 preexisting, 1 allowed, 0 files unread\n"
    )


def test_a_hostile_name_stays_inside_its_property_and_on_its_line():
    assert render(verdict(decided(HOSTILE))) == (
        r"::error file=a\n%3A%3Aerror%3A%3Ab\x1b[2J%2Cc%3A\u202ed\udcff.py,line=2,endLine=2,col=5,endColumn=9,"
        r"title=[P1] PRC001 shell-command::100%25 of `x\r\ny\x07` \x23#[error] \u2066late\u2069 😀%0A\x3a:add-mask::why"
        "\n::notice::1 introduced (1 P1), 0 fixed, 0 preexisting, 0 allowed, 0 files unread\n"
    )


def test_an_unread_file_is_an_error_without_a_line():
    assert render(SKIPPED) == (
        "::error file=app/old.py,title=unread file::not analysed: invalid syntax at line 2\n"
        "::error file=bad\\x00.py,title=unread file::not analysed: null bytes\n"
        "::notice::0 introduced, 0 fixed, 0 preexisting, 0 allowed, 2 files unread\n"
    )


def test_nothing_found_is_a_notice():
    assert render(CLEAN) == "::notice::0 introduced, 0 fixed, 0 preexisting, 0 allowed, 0 files unread\n"


def test_every_format_ends_its_last_line():
    assert tuple(FORMATS) == cli.FORMATS
    assert all(FORMATS[name](shown).endswith("\n") for name in FORMATS for shown in (FULL, CLEAN, SKIPPED))
