"""`guardrail doctor` and `guardrail init`, in real folders."""

from __future__ import annotations

import re
import shutil

import pytest
import tomli
from command import ROOT, contents, guardrail
from repos import Repo

from guardrail.canaries import canaries
from guardrail.ownrules import RULES
from guardrail.packs import load_packs
from guardrail.settings import Settings, load_settings


@pytest.fixture
def repo(tmp_path) -> Repo:
    repo = Repo(tmp_path / "repo")
    repo.commit({"app.py": "x = 1\n"})
    return repo


# ---- doctor ---------------------------------------------------------------------------------------


def test_every_pack_has_a_canary_that_lives():
    rules = load_packs()
    found = canaries(rules)
    assert {c.pack for c in found} == {rule.pack.removesuffix(".toml") for rule in rules.rules}
    assert [c.pack for c in found if not c.alive] == []


def test_the_doctor_shows_what_is_there(repo):
    repo.commit({".github/workflows/ci.yml": "- run: guardrail check\n", "pyproject.toml": '[tool.guardrail]\nfail-on = "P2"\n'})
    hook = repo.root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("guardrail check --staged\n")
    ran = guardrail("doctor", cwd=repo.root)
    assert (ran.code, ran.err) == (0, "")
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines[0].startswith("ok version guardrail ")
    rules = load_packs().rules
    ids = len({rule.id for rule in rules})
    assert f"ok packs {len({r.pack for r in rules})} packs, {ids} rules in {len(rules)} tables" in lines
    assert any(line.startswith("ok git git version") for line in lines)
    assert any(line.startswith("ok settings pyproject.toml;") for line in lines)
    assert "ok hooks .git/hooks/pre-commit" in lines
    assert "ok calls .github/workflows/ci.yml" in lines
    assert any(line.startswith("ok cache ") for line in lines)
    assert lines[-1] == "the guard is closed"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('fail-on = "never"', "nothing fails a run"),
        ("allow-incomplete = true", "a file that is not read passes"),
        ('exclude = ["*.py"]', "nothing is judged"),
        ("fail-on = 7", "must be one of P0, P1, P2, never"),
        ('packs = ["./none"]', "there is no pack here"),
        ("baseline = 3", "must be a string"),
    ],
)
def test_an_open_guard_is_exit_code_2(settings, said, repo):
    repo.write("pyproject.toml", f"[tool.guardrail]\n{settings}\n")
    ran = guardrail("doctor", cwd=repo.root)
    assert ran.code == 2
    (line,) = [line for line in ran.out.splitlines() if line.startswith("OPEN")]
    assert said in line
    assert ran.out.splitlines()[-1] == "the guard is open in 1 place"


def test_settings_that_nobody_reads_are_an_open_guard(repo):
    repo.write("elsewhere.toml", 'fail-on = "P2"\n')
    (repo.root / "guardrail.toml").symlink_to("elsewhere.toml")
    assert guardrail("doctor", cwd=repo.root).code == 2


def test_outside_git_the_guard_is_open(tmp_path):
    ran = guardrail("doctor", cwd=tmp_path)
    assert ran.code == 2
    assert "OPEN  git" in ran.out


def test_a_pack_that_finds_nothing_any_more_is_an_open_guard(tmp_path, repo):
    """An installation whose rule for shells was broken: the canary of its pack says so."""
    shutil.copytree(ROOT / "guardrail", tmp_path / "installed/guardrail", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "rules", tmp_path / "installed/rules")
    pack = tmp_path / "installed/rules/injection.toml"
    pack.write_text(pack.read_text("utf-8").replace('"eval(', '"evil('), "utf-8")
    ran = guardrail("doctor", cwd=repo.root, PYTHONPATH=str(tmp_path / "installed"))
    assert ran.code == 2
    assert "OPEN  canary     injection: INJ002 does not find its known mistake" in ran.out


# ---- init -----------------------------------------------------------------------------------------


def test_init_shows_first_and_writes_after_a_yes(repo):
    before = contents(repo.root)
    ran = guardrail("init", cwd=repo.root, input=b"n\n")
    assert ran.code == 0
    assert "Nothing was written." in ran.out
    assert contents(repo.root) == before
    shown = guardrail("init", cwd=repo.root, input=b"y\n").out
    for path in ("guardrail.toml", ".pre-commit-config.yaml", ".github/workflows/guardrail.yml"):
        text = (repo.root / path).read_text("utf-8")
        assert f"{path} (new):" in shown
        assert all(f"  + {line}".rstrip() in shown for line in text.splitlines())
    assert load_settings(lambda name: (repo.root / name).read_bytes() if (repo.root / name).exists() else None) == Settings()
    repo.commit()
    assert guardrail("check", "--staged", cwd=repo.root).code == 0
    assert guardrail("doctor", cwd=repo.root).code == 0


def test_init_without_an_answer_writes_nothing(repo):
    before = contents(repo.root)
    assert guardrail("init", cwd=repo.root).code != 0
    assert contents(repo.root) == before


def test_init_adds_to_what_is_there_and_overwrites_nothing(repo):
    project = '[project]\nname = "shop"'
    hooks = "repos:\n- repo: https://example.org/hooks\n  rev: v1\n  hooks:\n  - id: spaces\n"
    repo.commit({"pyproject.toml": project, ".pre-commit-config.yaml": hooks, ".gitlab-ci.yml": "test:\n  script: pytest\n"})
    assert guardrail("init", "--yes", cwd=repo.root).code == 0
    text = (repo.root / "pyproject.toml").read_text("utf-8")
    assert text.startswith(project + "\n\n[tool.guardrail]")
    assert tomli.loads(text)["tool"]["guardrail"] == {"fail-on": "P1"}
    added = (repo.root / ".pre-commit-config.yaml").read_text("utf-8")
    assert added.startswith(hooks + "- repo: local\n  hooks:\n    - id: guardrail\n")
    assert (repo.root / ".gitlab-ci.yml").read_text("utf-8").startswith("test:\n  script: pytest\n\nguardrail:\n")
    assert not (repo.root / ".github").exists()
    once = contents(repo.root)
    ran = guardrail("init", "--yes", cwd=repo.root)
    assert (ran.code, contents(repo.root)) == (0, once)
    assert "has settings already" in ran.out
    assert "calls guardrail already" in ran.out


@pytest.mark.parametrize(
    "hooks",
    [
        "repos: [{repo: local, hooks: []}]\n",
        "repos:\n  - repo: local\n    hooks: []\nci:\n  autofix: false\n",
        "default_stages: [manual]\n",
    ],
)
def test_init_leaves_a_file_of_another_form_alone_and_shows_what_to_add(hooks, repo):
    repo.commit({".pre-commit-config.yaml": hooks})
    ran = guardrail("init", "--yes", "--ci", "none", cwd=repo.root)
    assert (repo.root / ".pre-commit-config.yaml").read_text("utf-8") == hooks
    assert "put this under repos:" in ran.out


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://github.com/acme/shop.git", ".github/workflows/guardrail.yml"),
        ("git@gitlab.example.org:acme/shop.git", ".gitlab-ci.yml"),
    ],
)
def test_init_sets_up_the_ci_that_the_remote_points_to(url, path, repo):
    repo.git("remote", "add", "origin", url)
    assert guardrail("init", "--yes", cwd=repo.root).code == 0
    assert "guardrail check --base" in (repo.root / path).read_text("utf-8")


def test_init_does_not_write_through_a_link(tmp_path, repo):
    (tmp_path / "outside.toml").write_text("[project]\n")
    (repo.root / "pyproject.toml").symlink_to(tmp_path / "outside.toml")
    assert "no regular file" in guardrail("init", "--yes", cwd=repo.root).refused()
    assert (tmp_path / "outside.toml").read_text() == "[project]\n"


def test_init_outside_git_says_what_to_do(tmp_path):
    assert "run `git init` first" in guardrail("init", "--yes", cwd=tmp_path).refused()


# ---- documentation --------------------------------------------------------------------------------


def test_the_page_lists_every_rule_about_policy_and_explain_knows_it():
    page = (ROOT / "docs/policy.md").read_text("utf-8")
    rows = re.findall(r"^\| ([A-Z]{3}\d{3}) (\S+) \| (P\d) \| (.*) \|$", page, re.M)
    assert rows == [(r.id, r.name, str(r.severity), r.message) for r in RULES]
    for rule in RULES:
        assert rule.message in guardrail("explain", rule.id, cwd=ROOT).out


@pytest.mark.parametrize("command", ["baseline", "waive", "signoff", "config", "doctor", "init"])
def test_a_command_says_what_it_does(command, tmp_path):
    ran = guardrail(command, "--help", cwd=tmp_path)
    assert ran.code == 0
    assert ran.out.startswith(f"Usage: guardrail {command}")
