"""The texts that a verdict brings along for its reports, in real repositories."""

from __future__ import annotations

import pytest
from lxml import html as reader
from repos import Repo

from guardrail.change import Paths, WorkingTree
from guardrail.report.html import render
from guardrail.run import run

LOGIN = """\
import hmac


def verify(body, given):
    expected = hmac.new(KEY, body, "sha256").hexdigest()
    return hmac.compare_digest(expected, given)
"""
WEAK = LOGIN.replace("hmac.compare_digest(expected, given)", "expected == given")


@pytest.fixture
def repo(tmp_path):
    """A repository with a guard."""
    repo = Repo(tmp_path)
    repo.commit({"app/login.py": LOGIN, "app/other.py": "x = 1\n"})
    return repo


def test_both_sides_of_a_file_with_a_finding_are_there_and_no_other(repo):
    repo.write("app/login.py", WEAK)
    repo.write("app/other.py", "x = 2\n")
    verdict = run(WorkingTree(), repo.root)
    assert dict(verdict.sources) == {"app/login.py": WEAK}
    assert dict(verdict.base_sources) == {"app/login.py": LOGIN}
    assert [file.path for file in verdict.files] == ["app/login.py", "app/other.py"]


def test_a_renamed_file_is_shown_beside_what_it_was(repo):
    repo.git("mv", "app/login.py", "app/access.py")
    repo.write("app/access.py", WEAK)
    verdict = run(WorkingTree(), repo.root)
    assert {*verdict.sources} == {"app/access.py"}
    assert {*verdict.base_sources} == {"app/login.py"}
    page = reader.fromstring(render(verdict))
    rows = [[" ".join(cell.text_content().split()) for cell in row] for row in page.iter("tr")]
    assert ["4", "def verify(body, given):", "4", "def verify(body, given):"] in rows
    assert any("hmac.compare_digest(expected, given)" in row[1] and "expected == given" in row[3] for row in rows if len(row) == 4)


def test_a_scan_has_one_side(repo):
    repo.write("app/login.py", WEAK)
    verdict = run(Paths(), repo.root)
    assert {*verdict.sources} == {"app/login.py"}
    assert not verdict.base_sources
    assert verdict.files == ()


def test_the_files_along_a_way_through_calls_are_there(repo):
    repo.commit(
        {
            "app/slow.py": "def fetch():\n    return 2\n",
            "app/views.py": "from app.slow import fetch\n\n\nasync def view():\n    return fetch()\n",
        }
    )
    repo.write("app/slow.py", "import time\n\n\ndef fetch():\n    time.sleep(3)\n    return 2\n")
    verdict = run(WorkingTree(), repo.root)
    assert {"app/slow.py", "app/views.py"} <= {*verdict.sources}
    [chain] = reader.fromstring(render(verdict)).find_class("chain")
    assert "return fetch()" in chain.text_content()


def test_a_file_that_is_no_text_is_left_out(repo):
    repo.write("Dockerfile", "FROM python:latest\n")
    repo.write("app/login.py", WEAK)
    (repo.root / "app" / "blob.py").write_bytes(b"\0\1")
    verdict = run(WorkingTree(), repo.root)
    assert "app/blob.py" not in verdict.sources
    assert verdict.sources["app/login.py"] == WEAK
