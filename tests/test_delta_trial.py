"""A farm whose one change loses many guards and moves as many: all that are lost are found, and none that moved.

The project stands in fixtures/trial, both sides of it; `# lost: RULE` marks the lines of head.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command import guardrail
from repos import Repo

TRIAL = Path(__file__).parent.parent / "fixtures" / "trial"
MARK = re.compile(r"  # lost: (?P<rules>[A-Z0-9, ]+)$", re.MULTILINE)
Place = tuple[str, int, str]


def texts(side: str) -> dict[str, str]:
    """Path → text of one side."""
    folder = TRIAL / side
    return {
        p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in sorted(folder.rglob("*")) if p.suffix in (".py", ".toml")
    }


def marked() -> set[Place]:
    """Path, line and rule of every mark."""
    return {
        (path, number, rule)
        for path, text in texts("after").items()
        for number, line in enumerate(text.split("\n"), 1)
        if (match := MARK.search(line))
        for rule in match["rules"].split(", ")
    }


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> dict:
    """What guardrail says of the change, without its marks, in a repository."""
    repo = Repo(tmp_path_factory.mktemp("farm") / "farm")
    repo.commit(dict(texts("before")))
    repo.commit({path: MARK.sub("", text) for path, text in texts("after").items()})
    return guardrail("check", "--base", "HEAD~1", "--head", "HEAD", "--format", "json", cwd=repo.root).told


def test_all_that_is_lost_is_found_and_nothing_that_moved(report):
    found = {(f["path"], f["line"], f["rule"]) for f in report["findings"]}
    assert found == marked()


def test_there_are_forty_of_each():
    twins = [
        line for text in texts("before").values() for line in text.split("\n") if re.match(r"(async )?def |class |    def ", line)
    ]
    assert len(marked()) >= 40
    assert len(twins) - len(marked()) >= 40


def test_a_finding_shows_what_was_there(report):
    shown = [f for f in report["findings"] if not any(n["side"] == "base" and n["line"] and n["code"] for n in f["notes"])]
    assert shown == []
