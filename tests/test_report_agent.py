"""The report for an assistant, beside its snapshot: that it is short and orders nothing."""

from __future__ import annotations

from dataclasses import replace

from verdicts import CLEAN, HOSTILE, SKIPPED, TIMING, decided, verdict

from guardrail.report.agent import render


def test_nothing_found_is_one_line():
    assert render(CLEAN) == "guardrail: nothing introduced (HEAD → working tree)\n"
    assert render(CLEAN, quiet=True) == ""


def test_an_unread_file_is_told_even_where_it_is_quiet():
    assert render(SKIPPED, quiet=True).splitlines()[:2] == [
        "guardrail: nothing introduced, 2 unread (HEAD → working tree)",
        r"unread: bad\x00.py: null bytes; mend the file, it was not judged",
    ]


def test_a_hostile_word_gives_no_order_of_its_own_line():
    lines = render(verdict(decided(HOSTILE))).splitlines()
    assert [line for line in lines if line.lstrip().startswith(("::", "##"))] == []
    assert sum(line.startswith("   what: ") for line in lines) == 1


def test_it_stays_short():
    report = render(verdict(*(decided(replace(TIMING, line=n, message="x" * 5000)) for n in range(1, 200))))
    assert "149 more; mend these first and run again" in report
    assert max(map(len, report.splitlines())) < 450
