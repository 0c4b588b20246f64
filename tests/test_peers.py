"""Codes and comments of Bandit and Ruff: listed, and honoured only where the settings say so."""

from __future__ import annotations

import json

import pytest
from command import guardrail
from repos import Repo

from guardrail import cli
from guardrail.cli import telling
from guardrail.packs import load_packs
from guardrail.peers import covered, suppressions

CODE = """\
import os
import subprocess
import sys


def first():
    subprocess.run(f"tar {sys.argv[1]}", shell=True, timeout=5)  # nosec B602


def second():
    os.system(  # noqa: S605
        "tar "
        + sys.argv[1]
    )


def third():
    os.system("tar " + sys.argv[1])  # nosec


def fourth():
    os.system("tar " + sys.argv[1])  # noqa: S608, E501


def fifth():
    os.system("# nosec B605" + sys.argv[1])
"""


@pytest.fixture
def repo(tmp_path) -> Repo:
    """A repository that honours one kind of comment."""
    repo = Repo(tmp_path)
    repo.write("app.py", "")
    repo.commit()
    return repo


def lines(repo: Repo) -> tuple[list[int], list[tuple[int, str]]]:
    """The lines of the findings, and those that are allowed with the reason."""
    shown = guardrail("check", "--format", "json", "--no-map", cwd=repo.root).told
    ours = [f["line"] for f in shown["findings"] if f["rule"] == "INJ001"]  # that comments came is told, too: TST008
    return ours, [(f["line"], f["because"]) for f in shown["allowed"]]


def test_comments_of_peers_say_nothing_by_default(repo):
    repo.write("app.py", CODE)
    assert lines(repo) == ([7, 11, 18, 22, 26], [])


def test_a_project_may_honour_them_where_they_name_the_code(repo):
    repo.write("pyproject.toml", '[tool.guardrail]\nhonour = ["nosec", "noqa"]\n')
    repo.commit()
    repo.write("app.py", CODE)
    assert lines(repo) == (
        [18, 22, 26],
        [
            (7, "app.py:7 `# nosec B602` is honoured by the settings"),
            (11, "app.py:11 `# noqa: S605` is honoured by the settings"),
        ],
    )


def test_one_kind_may_be_honoured_alone(repo):
    repo.write("pyproject.toml", '[tool.guardrail]\nhonour = ["noqa"]\n')
    repo.commit()
    repo.write("app.py", CODE)
    assert [line for line, _ in lines(repo)[1]] == [11]


def test_a_change_cannot_make_itself_honour_them(repo):
    repo.write("pyproject.toml", '[tool.guardrail]\nhonour = ["nosec"]\n')
    repo.write("app.py", CODE)
    assert lines(repo)[1] == []


@pytest.mark.parametrize("comment", ["# nosec", "#nosec B999", "# noqa", "# noqa: E501", "# nosec: reason", "nosec B602"])
def test_what_names_no_code_that_is_covered_allows_nothing(comment):
    assert suppressions(f"run()  {comment}\n" if comment.startswith("#") else f'"{comment}"\n', ("nosec", "noqa")) == []


@pytest.mark.parametrize(
    "comment", ["# nosec B602", "#nosec: B602,B607", "# NOSEC b602", "# noqa:S602", "# fine # noqa: E501, S602"]
)
def test_the_spellings_that_peers_take(comment):
    (found,) = suppressions(f"run(\n)  {comment}\n", ("nosec", "noqa"))
    assert (found.rules, found.extent, found.line) == ({"INJ001"}, (1, 2), 2)


@pytest.mark.parametrize("peer", telling.PEERS)
def test_every_code_leads_to_rules_that_exist(peer):
    known = {rule.id for rule in load_packs().rules}
    assert {id for ids in covered(peer).values() for id in ids} <= known


def test_the_map_is_listed(capsys):
    assert cli.main(["rules", "--map", "bandit"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert "B608  SQL001 query-built-from-strings, LLM002 model-output-in-sql" in shown
    assert shown == sorted(shown)
    assert cli.main(["rules", "--map", "ruff", "--format", "json"]) == 0
    codes = json.loads(capsys.readouterr().out)
    assert codes["peer"] == "ruff"
    assert codes["codes"]["S501"] == ["NET004"]
