"""Judgements that are kept between runs: the same answer as without, and nothing of what lies there is trusted."""

import hashlib
import json
import os
import pickle
import sqlite3

import pytest
from command import guardrail

from guardrail.cache import FILE

APP = "import hashlib\n\nimport depot\n\n\ndef stored(password):\n    return hashlib.md5(password.encode()).hexdigest()\n"
PYPROJECT = '[project]\nname = "shop"\nversion = "1"\ndependencies = [%s]\n'


@pytest.fixture
def project(tmp_path):
    """A folder with a weak hash and an import of something that is not declared."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    (folder / "pyproject.toml").write_text(PYPROJECT % "")
    return folder


@pytest.fixture
def scan(project, tmp_path):
    """Scans the project with a cache of its own, and gives what was printed."""

    def scanned(*arguments, **variables):
        place = str(tmp_path / "cache")
        return guardrail("scan", "--format", "json", *arguments, cwd=project, GUARDRAIL_CACHE=place, **variables)

    return scanned


def rules(done):
    """The ids of what was found."""
    return [f["rule"] for f in json.loads(done.out)["findings"]]


def test_the_second_answer_is_the_first_and_needs_no_analysis(scan):
    first = scan("--pedantic")
    second = scan("--pedantic", PYTHONPROFILEIMPORTTIME="1")
    assert rules(first) == ["DEP001", "CRY007"]
    assert (second.code, second.out) == (first.code, first.out) == (scan("--pedantic", "--no-cache").code, first.out)
    assert "guardrail.kept" in second.err
    assert "libcst" not in second.err
    assert "libcst" in scan("--no-cache", PYTHONPROFILEIMPORTTIME="1").err


def test_what_the_project_declares_counts_though_the_file_is_the_same(scan, project):
    assert "DEP001" in rules(scan())
    (project / "pyproject.toml").write_text(PYPROJECT % '"depot"')
    assert "DEP001" not in rules(scan())
    (project / "pyproject.toml").write_text(PYPROJECT % "")
    (project / "depot.py").write_text("")
    assert "DEP001" not in rules(scan())


def test_settings_of_surfaces_count_though_the_file_is_the_same(scan, project):
    assert {p["surface"] for p in json.loads(scan().out)["surfaces"]} > {"crypto"}
    (project / "pyproject.toml").write_text(PYPROJECT % "" + "[tool.guardrail.surfaces.crypto]\nenabled = false\n")
    assert "crypto" not in {p["surface"] for p in json.loads(scan().out)["surfaces"]}


def test_the_rules_of_a_pack_count_though_the_file_is_the_same(scan, project):
    assert rules(scan()) == ["DEP001", "CRY007"]
    head = '[[rule]]\nid = "SHP001"\nname = "no-hash"\nseverity = "P1"\nsurface = "crypto"\n'
    table = head + 'any = ["hashlib.NAME(...)"]\nmessage = "No."\nremedy = "Do not."\n'
    (project / "house.toml").write_text(table.replace("NAME", "md5"))
    (project / "pyproject.toml").write_text(PYPROJECT % "" + '[tool.guardrail]\npacks = ["house.toml"]\n')
    assert rules(scan()) == ["DEP001", "CRY007", "SHP001"]
    (project / "house.toml").write_text(table.replace("NAME", "sha1"))
    assert rules(scan()) == ["DEP001", "CRY007"]


def test_only_judgements_are_read_from_the_cache(scan, project, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trapped"),)

    first = scan()
    data = pickle.dumps((Trap(), False))
    with sqlite3.connect(tmp_path / "cache" / FILE) as table:
        changed = table.execute("UPDATE entries SET data = ?, sum = ?", (data, hashlib.sha256(data).digest())).rowcount
    assert changed
    assert scan().out == first.out
    assert not (tmp_path / "trapped").exists()
