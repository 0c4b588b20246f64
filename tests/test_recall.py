"""A change that was looked at before is not analysed again; what could make its answer another one makes it another change."""

import hashlib
import json
import os
import pickle
import sqlite3
from datetime import date

import pytest
from command import guardrail
from repos import Repo

from guardrail.cache import FILE, Cache
from guardrail.change import WorkingTree, read_change
from guardrail.judge import Judge
from guardrail.judging import find
from guardrail.recall import Recall
from guardrail.run import settings_and_rules

APP = "import helper\n\n\nasync def serve():\n    return helper.work()\n"
QUICK = "def work():\n    return 1\n"
SLOW = "import time\n\n\ndef work():\n    time.sleep(1)\n"
CHANGED = APP + "\n\nasync def ask():\n    return helper.work()\n"
HASHED = "import hashlib\n\n\ndef stored(password):\n    return hashlib.md5(password.encode()).hexdigest()%s\n"
WAYS = {
    "working tree": [],
    "staged": ["--staged"],
    "commits": ["--base", "HEAD~1", "--head", "HEAD"],
    "commit and working tree": ["--base", "HEAD~1", "--worktree"],
}


@pytest.fixture
def repo(tmp_path):
    """A project whose app calls a helper that does not block."""
    repo = Repo(tmp_path / "project")
    repo.commit({"app.py": APP, "helper.py": QUICK})
    return repo


@pytest.fixture
def check(repo, tmp_path):
    """Checks the project with a cache of its own; the answer, and whether anything was analysed for it."""

    def checked(*arguments):
        place = str(tmp_path / "cache")
        variables = {"GUARDRAIL_CACHE": place, "PYTHONPROFILEIMPORTTIME": "1"}
        done = guardrail("check", "--format", "json", *arguments, cwd=repo.root, **variables)
        assert done.code in (0, 1), done.err
        return done, "guardrail.judging" in done.err

    return checked


@pytest.mark.parametrize("arguments", WAYS.values(), ids=list(WAYS))
def test_the_second_answer_is_the_first_and_nothing_is_analysed_for_it(arguments, repo, check):
    repo.write("app.py", HASHED % "")
    repo.git("add", "--all")
    if "HEAD~1" in arguments:
        repo.commit()
    first, looked = check(*arguments)
    second, again = check(*arguments)
    assert first.told["findings"]
    assert (looked, again) == (True, False)
    assert (second.code, second.out) == (first.code, first.out)
    assert "libcst" not in second.err
    assert check(*arguments, "--no-cache")[0].out == first.out


@pytest.mark.parametrize("staged", [False, True], ids=["working tree", "staged"])
def test_another_file_of_the_change_makes_it_another_one(staged, repo, check):
    arguments = ["--staged"] if staged else []
    repo.write("app.py", CHANGED)
    repo.git("add", "--all")
    assert check(*arguments)[0].found == []
    repo.write("helper.py", SLOW)
    repo.git("add", "--all")
    assert "ASY001 app.py:9" in check(*arguments)[0].found
    repo.write("helper.py", QUICK)
    repo.git("add", "--all")
    assert check(*arguments)[0].found == []


def test_another_base_makes_it_another_change(repo, check):
    repo.write("helper.py", SLOW)
    repo.commit()
    repo.write("app.py", CHANGED)
    assert "ASY001 app.py:9" in check()[0].found
    repo.write("helper.py", QUICK)
    repo.git("commit", "--quiet", "--message", "quick", "helper.py")
    assert check()[0].found == []


def test_a_file_that_git_does_not_look_at_makes_every_look_a_new_one(repo, check):
    repo.write("app.py", CHANGED)
    repo.git("update-index", "--assume-unchanged", "helper.py")
    assert check()[0].found == []
    repo.write("helper.py", SLOW)
    assert "ASY001 app.py:9" in check()[0].found


def test_a_file_that_is_gone_makes_it_another_change(repo, check):
    repo.write("app.py", CHANGED)
    assert check()[1]
    repo.remove("helper.py")
    first, looked = check()
    assert looked
    assert check("--no-cache")[0].out == first.out


@pytest.mark.parametrize("way", ["large", "partial"])
def test_what_may_be_another_next_time_is_looked_at_each_time(way, repo, check):
    repo.write("app.py", HASHED % "")
    if way == "large":
        repo.write("model.bin", b"0" * 2_000_001)
    else:
        repo.git("config", "remote.origin.promisor", "true")
    first, _ = check()
    second, looked = check()
    assert looked
    assert second.out == first.out


def test_an_empty_change_needs_no_judge_and_no_pattern(repo):
    for _ in range(2):  # the first run may have to compile the packs
        done = guardrail("check", cwd=repo.root, PYTHONPROFILEIMPORTTIME="1")
    assert done.code == 0
    assert "guardrail.packs.rules" in done.err
    assert not [name for name in ("guardrail.judge\n", "guardrail.patterns.kinds", "tempfile", "libcst") if name in done.err]


def test_settings_count_though_the_change_is_the_same(repo, check):
    repo.write("app.py", HASHED % "")
    assert check()[0].found == ["CRY007 app.py:5"]
    repo.write("guardrail.toml", 'exclude = ["app.py"]\n')
    assert "CRY007 app.py:5" in check()[0].found
    assert "CRY007 app.py:5" not in check("--config-from", "head")[0].found


@pytest.mark.parametrize(("mark", "lasts"), [("", True), ("  # guardrail: allow[CRY007] the vault of T-231 wants it", False)])
def test_what_is_allowed_is_kept_for_a_day(mark, lasts, repo, tmp_path):
    repo.write("app.py", HASHED % mark)
    change = read_change(WorkingTree(), repo.root)
    settings, rules = settings_and_rules(change.base)
    days = [date(2026, 11, 20), date(2026, 11, 21)]
    on = [Recall(Cache(tmp_path / "cache"), change, rules, settings, day) for day in days]
    on[0].store(find(Judge(change.base, change.head, rules, today=days[0]), change, change.files, settings, None))
    assert [recall.load() is not None for recall in on] == [True, lasts]


def test_only_findings_are_read_from_the_cache(repo, check, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trapped"),)

    repo.write("app.py", HASHED % "")
    first, _ = check()
    for thing in (Trap(), ["no finding"], None):
        data = pickle.dumps(thing)
        with sqlite3.connect(tmp_path / "cache" / FILE) as table:
            assert table.execute("UPDATE entries SET data = ?, sum = ?", (data, hashlib.sha256(data).digest())).rowcount
        assert json.loads(check()[0].out) == json.loads(first.out)
    assert not (tmp_path / "trapped").exists()
