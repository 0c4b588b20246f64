"""The JSON report: the same bytes for the same verdict, and what the schema promises."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from verdicts import CLEAN, FETCH, FULL, HOSTILE, PLAIN, SKIPPED, TIMING, VERIFY, VERIFY_SENDS, WEAK, decided, verdict

from guardrail.model import Status
from guardrail.report.json import render

SCHEMA = json.loads((Path(__file__).parent.parent / "docs/schema/guardrail-1.json").read_text("utf-8"))
EXPECTED = Path(__file__).parent / "reports"
HOSTILE_ONE = verdict(decided(HOSTILE))


def test_a_whole_report():
    assert render(FULL) == (EXPECTED / "full.json").read_text("utf-8")


def test_nothing_found():
    assert render(CLEAN) == (
        """\
{
  "schema": "guardrail/1",
  "version": "0.1.0",
  "complete": true,
  "files": {
    "considered": 2,
    "analysed": 2,
    "skipped": []
  },
  "limits": [],
  "findings": [],
  "allowed": [],
  "surfaces": [],
  "unclassified": [],
  "reviewers": [],
  "summary": {
    "P0": 0,
    "P1": 0,
    "P2": 0,
    "use-freely": 0,
    "review-carefully": 0,
    "do-not-use": 0,
    "lines": {
      "use-freely": 0,
      "review-carefully": 0,
      "do-not-use": 0
    }
  }
}
"""
    )


def test_skipped_files_are_sorted_and_the_report_is_not_complete():
    report = json.loads(render(SKIPPED))
    assert report["complete"] is False
    assert report["files"]["skipped"] == [
        {"path": "app/old.py", "reason": "invalid syntax at line 2"},
        {"path": "bad\0.py", "reason": "null bytes"},
    ]


def test_hostile_names_come_back_as_they_were_from_plain_ascii():
    text = render(HOSTILE_ONE)
    assert text.isascii()
    assert r'"path": "a\n::error::b\u001b[2J,c:\u202ed\udcff.py"' in text
    found = json.loads(text)["findings"][0]
    assert (found["path"], found["message"]) == (HOSTILE.path, HOSTILE.message)


def test_the_order_of_the_verdict_does_not_show():
    other = replace(FULL, decisions=FULL.decisions[::-1], placements=(PLAIN, VERIFY, VERIFY_SENDS, FETCH))
    assert render(other) == render(FULL)


def test_findings_are_by_path_line_column_and_rule():
    places = [("b.py", 1, 1, "B"), ("a.py", 9, 1, "B"), ("a.py", 9, 1, "A"), ("a.py", 2, 7, "B"), ("a.py", 2, 3, "B")]
    some = [decided(replace(WEAK, path=p, line=li, column=c, rule=r)) for p, li, c, r in places]
    found = json.loads(render(verdict(decided(TIMING), *some)))["findings"]
    assert [(f["path"], f["line"], f["column"], f["rule"]) for f in found] == sorted([*places, ("auth/login.py", 6, 16, "TIM001")])


def test_a_definition_counts_once_under_its_strictest_tier():
    assert json.loads(render(verdict(placements=(VERIFY, VERIFY_SENDS, FETCH))))["summary"] == {
        "P0": 0,
        "P1": 0,
        "P2": 0,
        "use-freely": 0,
        "review-carefully": 1,
        "do-not-use": 1,
        "lines": {"use-freely": 0, "review-carefully": 3, "do-not-use": 1},
    }


@pytest.mark.parametrize("shown", [FULL, CLEAN, SKIPPED, HOSTILE_ONE], ids=["full", "clean", "skipped", "hostile"])
def test_a_report_fits_the_schema(shown):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(render(shown)))


@pytest.mark.parametrize(
    ("place", "value"),
    [("line", 0), ("path", "/abs.py"), ("severity", "P3"), ("status", Status.FIXED), ("node", "x"), ("refs", "CWE-1")],
)
def test_the_schema_refuses_what_the_contract_does_not_say(place, value):
    report = json.loads(render(FULL))
    report["findings"][0][place] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(report)
