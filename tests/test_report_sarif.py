"""The SARIF report: its schema, what code scanning reads in it, another tool that reads it, and GitHub's hash of a line."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import attr
import pytest
import sarif_om
from schema import conforms
from verdicts import AFTER, CLEAN, FULL, HOSTILE, LOST, RICH, SKIPPED, TIMING, WAY, WEAK, decided, verdict

from guardrail.model import Outcome
from guardrail.report.linehash import line_hashes
from guardrail.report.sarif import render

SHOWN = {"clean": CLEAN, "full": FULL, "rich": RICH, "skipped": SKIPPED, "hostile": verdict(decided(HOSTILE))}


def run(shown):
    """The one run of a report."""
    [only] = conforms(render(shown), "sarif")["runs"]
    return only


@pytest.mark.parametrize("name", SHOWN)
def test_a_report_is_what_the_standard_says(name):
    assert run(SHOWN[name])["tool"]["driver"]["name"] == "guardrail"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("run", [run(RICH)]),
        ("tool_component", [run(RICH)["tool"]["driver"]]),
        ("reporting_descriptor", run(FULL)["tool"]["driver"]["rules"]),
        ("invocation", run(SKIPPED)["invocations"]),
        ("notification", run(SKIPPED)["invocations"][0]["toolExecutionNotifications"]),
        ("result", [*run(FULL)["results"], *run(RICH)["results"]]),
        ("location", [loc for r in run(RICH)["results"] for loc in r["locations"] + r.get("relatedLocations", [])]),
        ("region", [loc["physicalLocation"]["region"] for r in run(RICH)["results"] for loc in r["locations"]]),
    ],
)
def test_every_key_is_one_of_the_official_schema(kind, values):
    """sarif-om is generated from a draft of that schema: its classes know the keys, and which of them are needed.

    Of suppressions it knows a `state` that has become a `status`, so they are not held against it.
    """
    known = getattr(sarif_om, "".join(word.capitalize() for word in kind.split("_"))).__attrs_attrs__
    names = {a.metadata["schema_property_name"] for a in known}
    needed = {a.metadata["schema_property_name"] for a in known if a.default is attr.NOTHING}
    assert values
    assert all(needed <= value.keys() <= names for value in values)


def test_a_finding_of_a_change():
    [result] = run(verdict(decided(TIMING)))["results"]
    assert result["ruleId"] == "TIM001"
    assert result["level"] == "error"
    assert result["baselineState"] == "new"
    assert result["message"]["text"] == "`==` compares an HMAC digest Fix: hmac.compare_digest(a, b)"
    [location] = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "auth/login.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 6, "startColumn": 16, "endLine": 6, "endColumn": 31},
    }
    assert location["logicalLocations"] == [{"fullyQualifiedName": "Login.verify"}]
    assert result["partialFingerprints"]["guardrail/v1"] == "0123456789abcdef"
    assert set(result["partialFingerprints"]) == {"guardrail/v1", "primaryLocationLineHash"}
    [related] = result["relatedLocations"]
    assert (related["id"], related["message"]["text"]) == (1, "the key is read here")


def test_a_rule_says_what_code_scanning_shows():
    rules = {rule["id"]: rule for rule in run(FULL)["tool"]["driver"]["rules"]}
    timing = rules["TIM001"]
    assert timing["shortDescription"]["text"] == "Mac compared with equals"
    assert timing["fullDescription"]["text"] == TIMING.why
    assert "Is it constant in time?" in timing["help"]["text"]
    assert "**Fix:** hmac.compare_digest(a, b)" in timing["help"]["markdown"]
    assert timing["properties"]["tags"] == ["security", "external/cwe/cwe-208", "timing-compare", "do-not-use"]
    assert timing["properties"]["security-severity"] == "9.5"
    assert timing["properties"]["precision"] == "high"
    assert "security-severity" not in rules["NET004"]["properties"]  # no weakness, so no security


def test_what_was_there_before_is_unchanged_and_what_is_fixed_is_no_alert():
    shown = verdict(decided(TIMING, status="preexisting"), decided(WEAK, status="fixed"), decided(HOSTILE, Outcome.UNSELECTED))
    [result] = run(shown)["results"]
    assert result["baselineState"] == "unchanged"


def test_a_scan_has_no_baseline():
    [result] = run(verdict(decided(TIMING), label="scan of ."))["results"]
    assert "baselineState" not in result


def test_what_is_allowed_is_suppressed_with_its_reason():
    beside = "auth/login.py:6 allows TIM001: T-231"
    for outcome, because, kind in (
        (Outcome.ALLOWED, beside, "inSource"),
        (Outcome.ALLOWED, "waivers.toml allows TIM001", "external"),
        (Outcome.BASELINED, "known since 2026-01-01", "external"),
    ):
        [result] = run(verdict(decided(TIMING, outcome, because=because)))["results"]
        assert result["suppressions"] == [{"kind": kind, "status": "accepted", "justification": because}]


def test_a_way_through_functions_is_a_code_flow():
    [result] = run(verdict(decided(WAY)))["results"]
    [flow] = result["codeFlows"]
    [thread] = flow["threadFlows"]
    places = [at["location"]["physicalLocation"] for at in thread["locations"]]
    assert [(p["artifactLocation"]["uri"], p["region"]["startLine"]) for p in places] == [
        ("shop/views.py", 1),
        ("shop/views.py", 2),
        ("shop/rates.py", 5),
    ]
    assert "relatedLocations" not in result


def test_a_lost_line_is_a_place_in_the_other_tree():
    [result] = run(verdict(decided(LOST), sources={"shop/views.py": AFTER}))["results"]
    [related] = result["relatedLocations"]
    assert related["physicalLocation"]["artifactLocation"]["uriBaseId"] == "%BASE%"
    assert related["physicalLocation"]["region"] == {"startLine": 4, "snippet": {"text": "@login_required"}}
    assert related["message"]["text"] == "before the change, line 4: @login_required"


def test_an_unread_file_is_told_and_the_run_did_not_succeed():
    [invocation] = run(SKIPPED)["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [n["message"]["text"] for n in invocation["toolExecutionNotifications"]] == [
        "not analysed: invalid syntax at line 2",
        "not analysed: null bytes",
    ]


def test_words_of_the_repository_make_no_link():
    [result] = run(verdict(decided(replace(TIMING, message="see [this](https://example.org)", remedy=""))))["results"]
    assert result["message"]["text"] == "see \\[this\\](https://example.org)"


@pytest.mark.parametrize("path", ["c:/x.py", "//host/x.py", "a b#c?.py", "é.py", "bad\udcff.py"])
def test_a_path_is_a_relative_reference_whatever_it_is(path):
    [result] = run(verdict(decided(replace(TIMING, path=path))))["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.isascii()
    assert ":" not in uri
    assert "#" not in uri


def test_sarif_tools_reads_it(tmp_path):
    report = tmp_path / "out.sarif"
    report.write_text(render(FULL))
    table = tmp_path / "out.csv"
    subprocess.run([sys.executable, "-m", "sarif", "csv", "-o", table, report], capture_output=True, check=True)
    told = table.read_text()
    assert "guardrail" in told
    assert "TIM001" in told
    assert "auth/login.py" in told
    subprocess.run([sys.executable, "-m", "sarif", "summary", report], capture_output=True, check=True)


# ---- GitHub's hash of a line --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "hashes"),
    [
        ("", ["c129715d7a2bc9a3:1"]),
        (" a\nb\n  \t\tc\n d", ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"]),
    ],
)
def test_the_hash_of_a_line_is_that_of_the_upload_action(text, hashes):
    """The values are those that github/codeql-action works out for these texts."""
    assert [*line_hashes(text, range(1, 9)).values()] == hashes


def test_equal_lines_are_counted_and_blanks_do_not_count():
    text = "print(total, sep='-')\n" * 9
    found = line_hashes(text, range(1, 11))
    assert [value.partition(":")[2] for value in found.values()][:3] == ["1", "2", "3"]
    assert line_hashes(text.replace(", ", ",\t ").replace("\n", "\r\n"), range(1, 11)) == found


def test_a_line_that_moves_keeps_its_hash():
    code = (
        "def total(rows):\n    return sum(row.amount for row in rows if row.amount is not None and row.paid and not row.void)\n" * 2
    )
    assert line_hashes("import sys\n" + code, [3])[3] == line_hashes(code, [2])[2]


def test_characters_beyond_the_first_plane_count_twice():
    pair = "\ud83d\ude00"
    assert line_hashes("😀\n", [1]) == line_hashes(pair + "\n", [1])


def test_the_same_verdict_makes_the_same_bytes():
    assert render(FULL) == render(replace(FULL))
    assert render(FULL).isascii()
    assert json.loads(render(FULL))["version"] == "2.1.0"
