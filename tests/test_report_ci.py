"""The reports that CI servers read: GitLab's Code Quality, JUnit XML, reviewdog's diagnostics."""

from __future__ import annotations

from dataclasses import replace

import pytest
from schema import conforms, conforms_to_junit
from verdicts import CLEAN, FULL, HOSTILE, RICH, SKIPPED, TIMING, WEAK, decided, verdict

from guardrail.model import Outcome
from guardrail.report import FORMATS

SHOWN = {"clean": CLEAN, "full": FULL, "rich": RICH, "skipped": SKIPPED, "hostile": verdict(decided(HOSTILE))}


def gitlab(shown):
    """The entries of GitLab's report."""
    return conforms(FORMATS["gitlab"](shown), "gitlab")


def rdjson(shown):
    """The diagnostics of reviewdog's report."""
    return conforms(FORMATS["rdjson"](shown), "rdjson")["diagnostics"]


def junit(shown):
    """The tests of the JUnit report: class, name, outcome, message."""
    root = conforms_to_junit(FORMATS["junit"](shown))
    cases = root.findall("testsuite/testcase")
    return [(c.get("classname"), c.get("name"), *((o.tag, o.get("message")) for o in c)) for c in cases]


@pytest.mark.parametrize("name", SHOWN)
def test_each_is_what_its_schema_says(name):
    assert len(gitlab(SHOWN[name])) == len(rdjson(SHOWN[name]))
    assert junit(SHOWN[name])


def test_gitlab_has_a_violation_for_each_finding_of_the_change():
    assert gitlab(FULL) == [
        {
            "description": "`requests.get` waits for ever",
            "check_name": "NET004",
            "fingerprint": "fedcba9876543210",
            "severity": "minor",
            "location": {"path": "app/café.py", "lines": {"begin": 1, "end": 3}},
        },
        {
            "description": "`==` compares an HMAC digest Fix: hmac.compare_digest(a, b)",
            "check_name": "TIM001",
            "fingerprint": "0123456789abcdef",
            "severity": "blocker",
            "location": {"path": "auth/login.py", "lines": {"begin": 6, "end": 6}},
        },
        {
            "description": "allowed: app.py:1 allows PRC001: legacy job, T-231",
            "check_name": "PRC001",
            "fingerprint": "3fd4b57363d69685e715e42f6cac86e7",
            "severity": "info",
            "location": {"path": "a\n::error::b\x1b[2J,c:\u202ed\\udcff.py", "lines": {"begin": 2, "end": 2}},
        },
    ]


def test_rdjson_tells_what_was_allowed_and_why():
    told = [(d["message"], d["severity"], d["code"]["value"]) for d in rdjson(FULL)]
    assert told[-1] == ("allowed: app.py:1 allows PRC001: legacy job, T-231", "INFO", "PRC001")


def test_gitlab_never_sees_one_fingerprint_twice():
    prints = [entry["fingerprint"] for entry in gitlab(verdict(decided(TIMING), decided(TIMING), decided(TIMING)))]
    assert len(set(prints)) == 3
    assert prints[0] == "0123456789abcdef"


def test_an_unread_file_is_in_every_one_of_them():
    assert [(e["check_name"], e["severity"], e["location"]["path"]) for e in gitlab(SKIPPED)] == [
        ("unread-file", "blocker", "app/old.py"),
        ("unread-file", "blocker", "bad\x00.py"),
    ]
    assert [(d["code"]["value"], d["severity"]) for d in rdjson(SKIPPED)] == [("unread-file", "ERROR")] * 2
    assert junit(SKIPPED)[0] == ("app/old.py", "unread file", ("error", "not analysed: invalid syntax at line 2"))


def test_rdjson_counts_columns_in_bytes():
    line = 'token = "é😀" == given\n'
    f = replace(WEAK, path="a.py", line=1, column=9, end_line=1, end_column=22)
    [found] = rdjson(verdict(decided(f), sources={"a.py": line}))
    assert found["location"]["range"] == {"start": {"line": 1, "column": 9}, "end": {"line": 1, "column": 26}}
    assert line.encode()[8:25].decode() == '"é😀" == given'


def test_rdjson_names_whole_lines_where_the_text_is_not_known():
    [found] = rdjson(verdict(decided(WEAK), sources={}))
    assert found["location"]["range"] == {"start": {"line": 1}, "end": {"line": 3}}


def test_rdjson_tells_what_is_lost():
    lost = rdjson(RICH)[1]
    assert lost["message"].split("\n")[:2] == ["`@login_required` is gone from `pay`.", "before, line 4: @login_required"]


def test_junit_fails_what_fails_the_gate_and_skips_the_rest():
    assert junit(FULL) == [
        ("app/café.py", "NET004 no-timeout, line 1", ("skipped", "`requests.get` waits for ever")),
        ("auth/login.py", "TIM001 mac-compared-with-equals, line 6", ("failure", "`==` compares an HMAC digest")),
        (
            r"a\n::error::b\x1b[2J,c:\u202ed\udcff.py",
            "PRC001 shell-command, line 2",
            ("skipped", "app.py:1 allows PRC001: legacy job, T-231"),
        ),
    ]
    root = conforms_to_junit(FORMATS["junit"](FULL))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "1", "0")


def test_junit_has_a_test_that_passes_where_nothing_was_found():
    assert junit(CLEAN) == [("guardrail", "nothing introduced")]


def test_what_is_not_wanted_or_not_new_is_in_none_of_them():
    quiet = verdict(decided(TIMING, Outcome.UNSELECTED), decided(WEAK, status="preexisting"), decided(WEAK, status="fixed"))
    assert gitlab(quiet) == rdjson(quiet) == []
    assert len(junit(quiet)) == 1
