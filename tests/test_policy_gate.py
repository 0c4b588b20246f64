"""Waivers, baseline, gate and settings of base, in real repositories."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from command import ROOT, guardrail
from policed import PACKS, SETTINGS, check, project, rules_of, scan, since, told

OPEN = "def enter(key):\n    return unlock(key)\n"
LOUD = "def enter(guest):\n    return shout(guest)\n"


# ---- waivers --------------------------------------------------------------------------------------


def waiver(repo, rule: str, place: str, until: str = "2999-12-31") -> str:
    """The table that `guardrail waive` prints."""
    words = ("--reason", "the old door, replaced in T-7", "--owner", "@org/doors", "--until", until)
    ran = guardrail("waive", rule, place, *words, cwd=repo.root)
    assert ran.code == 0, ran.err
    return ran.out


@pytest.fixture
def waived(tmp_path):
    """A repository in which base waives a finding of the change."""
    repo = project(tmp_path)
    repo.write("app.py", OPEN)
    text = waiver(repo, "VLT001", "app.py:2")
    repo.write("app.py", "def enter(guest):\n    return guest\n")
    repo.commit({"guardrail.toml": text})
    repo.write("app.py", OPEN)
    return repo


def test_a_waiver_lets_a_finding_on_do_not_use_code_pass_and_says_whose_it_is(waived):
    ran = check(waived)
    assert (ran.code, ran.found) == (0, [])
    (allowed,) = ran.told["allowed"]
    assert allowed["because"] == "guardrail.toml waives VLT001 until 2999-12-31 (@org/doors): the old door, replaced in T-7"


@pytest.mark.parametrize(
    "text",
    [
        "import os\n\n\n" + OPEN,  # moved
        OPEN.replace("(key)", "(\n    key,\n)"),  # formatted
        OPEN.replace("return", "# the door\n    return"),
    ],
)
def test_a_waiver_outlives_formatters_and_moved_lines(text, waived):
    waived.write("app.py", text)
    assert check(waived).code == 0


@pytest.mark.parametrize(
    "text",
    [
        OPEN.replace("unlock(key)", "unlock(key, 2)"),
        OPEN.replace("    return", "    key = key or 1\n    return"),
        OPEN.replace("(key):", "(key=1):"),
        "@open\n" + OPEN,
        OPEN.replace("enter", "leave"),
    ],
)
def test_a_waiver_lapses_when_the_code_changes(text, waived):
    waived.write("app.py", text)
    ran = check(waived)
    assert (ran.code, rules_of(ran)) == (1, {"VLT001"})


def test_a_waiver_does_not_cover_a_second_finding_in_other_code(waived):
    waived.write("app.py", OPEN + "\n\ndef other(key):\n    return unlock(key)\n")
    assert told(check(waived)) == ["P0 VLT001 app.py:6"]


def test_a_waiver_expires(tmp_path):
    repo = project(tmp_path, **{"door.py": OPEN})
    repo.commit({"guardrail.toml": waiver(repo, "VLT001", "door.py", "2001-01-01")})
    ran = scan(repo)
    assert told(ran) == ["P0 VLT001 door.py:2", "P2 ALW003 guardrail.toml:8"]
    assert "held until 2001-01-01" in ran.told["findings"][0]["notes"][0]["message"]


def test_a_waiver_that_lets_nothing_pass_is_told_in_full_scans(waived):
    waived.commit({"app.py": OPEN.replace("unlock(key)", "unlock(key, 2)")})
    assert told(scan(waived)) == ["P0 VLT001 app.py:2", "P2 ALW004 guardrail.toml:8"]
    waived.commit({"app.py": "x = 1\n", "more.py": "y = 2\n"})
    assert told(scan(waived)) == ["P2 ALW004 guardrail.toml:8"]
    assert rules_of(scan(waived, "app.py")) == set()


@pytest.mark.parametrize("key", ["rule", "path", "definition", "reason", "owner", "until", "code"])
def test_a_waiver_is_complete(key, waived):
    text = (waived.root / "guardrail.toml").read_text()
    lines = [line for line in text.splitlines() if not line.startswith(f"{key} =")]
    waived.commit({"guardrail.toml": "\n".join(lines) + "\n"})
    assert f"waiver.1.{key}: is missing" in check(waived).refused()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("the old door, replaced in T-7", "todo", "must be a reason that a reviewer could judge"),
        ("VLT001", "VLT999", "is no rule"),
        ("VLT001", "VLT", "must be one rule id"),
        ("2999-12-31", "some day", "must be a date"),
        ("c1:", "x1:", "must be a fingerprint"),
    ],
)
def test_a_wrong_waiver_is_an_error(old, new, said, waived):
    text = (waived.root / "guardrail.toml").read_text()
    waived.commit({"guardrail.toml": text.replace(old, new)})
    assert said in check(waived).refused()


def test_waive_says_where_nothing_is_found(tmp_path):
    ran = guardrail("waive", "VLT001", "app.py", cwd=project(tmp_path).root)
    assert "there is no finding of VLT001 at app.py" in ran.refused()


# ---- baseline -------------------------------------------------------------------------------------


def baseline(repo, *options: str) -> list[str]:
    ran = guardrail("baseline", *options, cwd=repo.root)
    assert ran.code == 0, ran.err
    return (repo.root / ".guardrail-baseline").read_text().splitlines()


def test_a_baseline_holds_one_sorted_line_a_finding_without_lines_and_times(tmp_path):
    repo = project(tmp_path, **{"b.py": LOUD, "a.py": OPEN + "\n\n" + OPEN.replace("enter", "leave")})
    lines = baseline(repo)
    assert lines == sorted(lines)
    assert [line.rpartition(" ")[0] for line in lines] == ["a.py enter VLT001", "a.py leave VLT001", "b.py enter HAL001"]
    assert (scan(repo).code, scan(repo).found, scan(repo).told["baselined"]) == (0, [], 3)


def test_a_baseline_survives_moved_lines_and_formatters(tmp_path):
    repo = project(tmp_path, **{"a.py": OPEN})
    before = baseline(repo)
    repo.write("a.py", "import os\n\n\n" + OPEN.replace("(key)", "(\n    key,\n)", 1).replace("unlock(key)", "unlock( key )"))
    assert (scan(repo).code, baseline(repo)) == (0, before)


def test_one_known_finding_never_absorbs_a_second(tmp_path):
    repo = project(tmp_path, **{"a.py": "def f():\n    unlock(1)\n"})
    baseline(repo)
    repo.write("a.py", "def f():\n    unlock(1)\n    unlock(1)\n    unlock(1)\n")
    ran = scan(repo)
    assert (ran.code, len(ran.found), ran.told["baselined"]) == (1, 2, 1)
    repo.write("a.py", "def f():\n    pass\n\n\ndef g():\n    unlock(1)\n")
    assert scan(repo).found == ["VLT001 a.py:6"]


def test_prune_takes_away_what_is_gone_and_adds_nothing(tmp_path):
    repo = project(tmp_path, **{"a.py": OPEN, "b.py": LOUD})
    baseline(repo)
    repo.write("a.py", "x = 1\n")
    repo.write("c.py", OPEN)
    assert [line.split()[0] for line in baseline(repo, "--prune")] == ["b.py"]
    assert scan(repo).found == ["VLT001 c.py:2"]


def test_a_baseline_has_the_same_bytes_for_any_seed_and_number_of_workers(tmp_path):
    files = {f"m{n}.py": OPEN + "\n\n" + LOUD.replace("enter", f"f{n}") for n in range(30)}
    repo = project(tmp_path, **files)
    seen = set()
    for seed, jobs in (("0", "1"), ("1", "3"), ("7", "2")):
        ran = guardrail("baseline", "--jobs", jobs, cwd=repo.root, PYTHONHASHSEED=seed)
        assert ran.code == 0, ran.err
        seen.add((repo.root / ".guardrail-baseline").read_bytes())
    assert len(seen) == 1
    assert seen.pop().count(b"\n") == 60


def test_two_branches_merge_by_union(tmp_path):
    repo = project(tmp_path, **{".gitattributes": ".guardrail-baseline merge=union\n", "a.py": OPEN})
    baseline(repo)
    repo.commit()
    repo.git("checkout", "-q", "-b", "left")
    repo.commit({"b.py": LOUD})
    baseline(repo)
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.commit({"c.py": LOUD})
    baseline(repo)
    repo.commit()
    repo.git("merge", "-q", "--no-edit", "left")
    assert (scan(repo).code, scan(repo).told["baselined"]) == (0, 3)
    assert len(baseline(repo)) == 3


def test_a_baseline_is_not_written_over_what_was_not_read(tmp_path):
    repo = project(tmp_path, **{"a.py": OPEN, "broken.py": "def (:\n"})
    assert "nothing was written" in guardrail("baseline", cwd=repo.root).refused()
    assert not (repo.root / ".guardrail-baseline").exists()


def test_a_line_that_is_none_of_a_baseline_is_an_error(tmp_path):
    repo = project(tmp_path, **{".guardrail-baseline": "<<<<<<< HEAD\n"})
    assert ".guardrail-baseline:1: no line of a baseline" in scan(repo).refused()


def test_a_baseline_that_the_settings_name_must_be_there(tmp_path):
    repo = project(tmp_path, 'baseline = "known.txt"\n', **{"a.py": OPEN})
    assert "there is no such baseline" in scan(repo).refused()
    guardrail("baseline", "--output", "known.txt", cwd=repo.root)
    repo.write("known.txt", "")
    assert guardrail("baseline", cwd=repo.root).code == 0
    assert scan(repo).code == 0


def test_an_empty_change_asks_nothing_of_policy(tmp_path):
    repo = project(tmp_path)
    program = (
        "import sys\nfrom guardrail.cli import main\nassert main(['check']) == 0\n"
        "late = ('guardrail.policy.guarding', 'guardrail.policy.signoff', 'guardrail.provenance', 'guardrail.doctor', 'libcst')\n"
        "print('late:', *(name for name in late if name in sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=repo.root, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "late:"


# ---- the gate -------------------------------------------------------------------------------------

GATES = """\
fail-on = "P1"
[[tool.guardrail.paths]]
glob = "payments/**"
fail-on = "P2"
[[tool.guardrail.paths]]
glob = "payments/old/**"
fail-on = "never"
[tool.guardrail.surfaces.vaults]
fail-on = "P2"
[tool.guardrail.surfaces.halls]
fail-on = "never"
"""
MILD = "def f():\n    shout_loosely(1)\n"


@pytest.mark.parametrize(
    ("path", "text", "code"),
    [
        ("app.py", "knock_loosely(1)\n", 0),
        ("app.py", "knock(1)\n", 1),
        ("payments/a.py", "knock_loosely(1)\n", 1),
        ("payments/old/a.py", "knock(1)\n", 0),
        ("app.py", "unlock_loosely(1)\n", 1),
        ("payments/old/a.py", "unlock_loosely(1)\n", 1),  # of path and surface the stricter
        ("app.py", "shout(1)\n", 0),
        ("payments/a.py", "shout_loosely(1)\n", 1),
    ],
)
def test_the_gate_is_that_of_path_and_surface(path, text, code, tmp_path):
    repo = project(tmp_path, GATES)
    repo.write(path, text)
    assert check(repo).code == code


def test_the_command_line_is_the_gate_of_everything(tmp_path):
    repo = project(tmp_path, GATES, **{"payments/a.py": "x = 1\n"})
    repo.write("payments/a.py", "knock_loosely(1)\nunlock_loosely(1)\n")
    assert [check(repo, "--fail-on", gate).code for gate in ("P0", "P1", "P2", "never")] == [0, 0, 1, 0]


def test_the_gate_does_not_depend_on_where_one_stands(tmp_path):
    repo = project(tmp_path, GATES, **{"payments/deep/a.py": "x = 1\n"})
    repo.write("payments/deep/a.py", "knock_loosely(1)\n")
    outs = {guardrail("check", "--format", "json", cwd=repo.root / place).out for place in (".", "payments", "payments/deep")}
    assert len(outs) == 1
    told = {
        guardrail("config", os.path.relpath(repo.root / "payments/deep/a.py", repo.root / place), cwd=repo.root / place).out
        for place in (".", "payments", "payments/deep", "rules")
    }
    assert len(told) == 1


def test_config_tells_what_applies_and_from_where(tmp_path):
    repo = project(tmp_path, GATES + '[tool.guardrail.surfaces.doors.tiers]\n"payments/**" = "do-not-use"\n')
    ran = guardrail("config", "payments/a.py", "--format", "json", cwd=repo.root)
    found = {entry["key"]: (entry["value"], entry["source"]) for entry in json.loads(ran.out)}
    assert found["fail-on"] == ("P2", 'paths 1 (glob = "payments/**")')
    assert found["excluded"][0] == "no"
    assert found["tier of doors"][0] == "do-not-use"
    assert found["settings"][0] == "pyproject.toml"
    ran = guardrail("config", "payments/old/a.py", cwd=repo.root)
    lines = [line.split("  ")[0] + "|" + " ".join(line.split()) for line in ran.out.splitlines()]
    assert any("never" in line and 'glob = "payments/old/**"' in line for line in lines)
    assert any("fail-on of vaults P2 (surfaces.vaults.fail-on)" in line for line in lines)


# ---- judged by the base ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "severity"),
    [
        ({"pyproject.toml": SETTINGS + 'ignore = ["VLT"]\n'}, "P1"),
        ({"pyproject.toml": SETTINGS + 'fail-on = "never"\n'}, "P1"),
        ({"pyproject.toml": SETTINGS + 'exclude = ["app.py"]\n'}, "P1"),
        ({"pyproject.toml": SETTINGS + 'select = ["HAL"]\n'}, "P1"),
        ({"pyproject.toml": SETTINGS + "[tool.guardrail.surfaces.vaults]\nenabled = false\n"}, "P1"),
        ({"pyproject.toml": SETTINGS + '[tool.guardrail.surfaces.vaults]\ntier = "use-freely"\n'}, "P1"),
        ({"pyproject.toml": SETTINGS + '[[tool.guardrail.paths]]\nglob = "*"\nfail-on = "never"\n'}, "P1"),
        ({"pyproject.toml": "[tool.guardrail]\n"}, "P1"),
        ({"pyproject.toml": None}, "P1"),
        ({"pyproject.toml": SETTINGS + "fail-on = 3\n"}, "P1"),
        ({"pyproject.toml": SETTINGS + 'fail-on = "P2"\n'}, "P2"),
        ({"pyproject.toml": SETTINGS + '[tool.guardrail.owners]\nvaults = ["@a"]\n'}, "P2"),
        ({"rules/vaults.toml": PACKS["rules/vaults.toml"].replace("P0", "P2")}, "P1"),
        ({"rules/more.toml": PACKS["rules/vaults.toml"].replace("vaults", "safes").replace("VLT", "SAF")}, "P2"),
    ],
)
def test_a_change_is_judged_by_base_and_its_edit_of_the_settings_is_a_finding(files, severity, tmp_path):
    repo = project(tmp_path)
    base = repo.git("rev-parse", "HEAD").decode().strip()
    repo.commit({"app.py": OPEN, **files})
    found = told(since(repo, base))
    assert "P0 VLT001 app.py:2" in found
    assert [line.split()[:2] for line in found if "POL001" in line] == [[severity, "POL001"]]


def test_other_tables_of_pyproject_are_nobodys_business(tmp_path):
    repo = project(tmp_path)
    repo.write("pyproject.toml", SETTINGS + '[project]\nname = "x"\n')
    assert "POL001" not in rules_of(check(repo))


def test_a_new_baseline_entry_is_a_finding_and_counts_from_the_next_change_on(tmp_path):
    repo = project(tmp_path)
    base = repo.git("rev-parse", "HEAD").decode().strip()
    repo.write("app.py", OPEN)
    baseline(repo)
    repo.commit()
    assert told(since(repo, base)) == ["P1 POL001 .guardrail-baseline:1", "P0 VLT001 app.py:2"]
    repo.commit({"app.py": "x = 1\n"})
    repo.write("app.py", OPEN)
    assert check(repo).told["baselined"] == 1


def test_a_new_waiver_is_a_finding_and_counts_from_the_next_change_on(tmp_path):
    repo = project(tmp_path)
    repo.write("app.py", OPEN)
    repo.write("guardrail.toml", waiver(repo, "VLT001", "app.py"))
    assert told(check(repo)) == ["P0 VLT001 app.py:2", "P1 POL001 guardrail.toml:1"]


def test_the_settings_of_head_count_when_somebody_says_so(tmp_path):
    repo = project(tmp_path)
    repo.write("app.py", OPEN)
    repo.write("pyproject.toml", SETTINGS + 'ignore = ["VLT", "POL"]\n')
    assert check(repo).code == 1
    ran = check(repo, "--config-from", "head")
    assert (ran.code, ran.found) == (0, [])
    assert "judged by the settings of head" in guardrail("check", "--config-from", "head", cwd=repo.root).out


HOOK = """\
repos:
  - repo: local
    hooks:
      - id: guardrail
        entry: guardrail check --staged
"""
CALLS = {
    ".pre-commit-config.yaml": HOOK,
    ".github/workflows/ci.yml": "jobs:\n  a:\n    steps:\n      - run: guardrail check --base main\n      - run: pytest\n",
    ".gitlab-ci.yml": "guardrail:\n  script:\n    - guardrail check --base origin/main\n",
    "Makefile": "check:\n\tguardrail check\n",
}


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("edit", ["gone", "unheard", "other"])
def test_a_change_to_what_calls_guardrail_is_a_finding(path, edit, tmp_path):
    text = CALLS[path]
    repo = project(tmp_path, **{path: text})
    edits = {
        "gone": "\n".join(line for line in text.splitlines() if "guardrail check" not in line) + "\n",
        "unheard": text.replace("guardrail check", "guardrail check --exit-zero"),
        "other": text + "# a remark\n",
    }
    repo.write(path, edits[edit])
    found = [line for line in told(check(repo)) if "POL002" in line]
    assert [line.split()[0] for line in found] == ["P2" if edit == "other" else "P1"]


def test_a_ci_file_that_does_not_call_guardrail_may_change(tmp_path):
    repo = project(tmp_path, **{".gitlab-ci.yml": "test:\n  script:\n    - pytest\n"})
    repo.write(".gitlab-ci.yml", "test:\n  script:\n    - pytest -q\n")
    assert "POL002" not in rules_of(check(repo))
