"""A scan of what was scanned before is not analysed again, and what could make its answer another one is looked at."""

import pytest
from command import guardrail
from repos import Repo

APP = "import helper\n\n\nasync def serve():\n    return helper.work()\n"
QUICK = "def work():\n    return 1\n"
SLOW = "import time\n\n\ndef work():\n    time.sleep(1)\n"


@pytest.fixture
def repo(tmp_path):
    """A project whose app calls a helper that does not block, with a folder that git ignores."""
    repo = Repo(tmp_path / "project")
    repo.commit({"app.py": APP, "lib/helper.py": QUICK, "helper.py": QUICK, ".gitignore": "made/\n"})
    return repo


@pytest.fixture
def scan(repo, tmp_path):
    """Scans some paths with a cache of its own; the answer, and whether anything was analysed for it."""

    def scanned(*paths):
        variables = {"GUARDRAIL_CACHE": str(tmp_path / "cache"), "PYTHONPROFILEIMPORTTIME": "1"}
        done = guardrail("scan", "--format", "json", *paths, cwd=repo.root, **variables)
        assert done.code in (0, 1), done.err
        return done, "guardrail.judging" in done.err

    return scanned


def rules(done):
    return [finding["rule"] for finding in done.told["findings"]]


def test_the_second_scan_is_the_first_and_nothing_is_analysed_for_it(repo, scan):
    repo.write("helper.py", SLOW)  # neither staged nor committed
    first, looked = scan()
    second, again = scan()
    assert rules(first) == ["ASY001"]
    assert (looked, again) == (True, False)
    assert (second.code, second.out) == (first.code, first.out)


def test_a_file_that_is_called_and_not_scanned_counts(repo, scan):
    before, _ = scan("app.py")
    repo.write("helper.py", SLOW)
    after, looked = scan("app.py")
    assert (rules(before), rules(after), looked) == ([], ["ASY001"], True)


def test_other_paths_are_another_scan(repo, scan):
    repo.write("helper.py", SLOW)
    scan("lib")
    done, looked = scan()
    assert looked
    assert rules(done) == ["ASY001"]


def test_what_git_has_no_eye_on_is_looked_at_each_time(repo, scan):
    repo.write("made/late.py", QUICK)
    before, _ = scan("made")
    repo.write("made/late.py", "import hashlib\n\n\ndef stored(password):\n    return hashlib.md5(password.encode()).hexdigest()\n")
    after, looked = scan("made")
    assert looked
    assert (rules(before), bool(rules(after))) == ([], True)


def test_what_is_allowed_is_so_the_second_time(repo, scan):
    repo.write("helper.py", SLOW)
    repo.write("app.py", APP.replace("work()", "work()  # guardrail: allow[ASY001] nothing else runs in this loop, see T-231"))
    first, _ = scan()
    second, looked = scan()
    assert [allowed["rule"] for allowed in first.told["allowed"]] == ["ASY001"]
    assert not looked
    assert (second.code, second.out) == (first.code, first.out)
