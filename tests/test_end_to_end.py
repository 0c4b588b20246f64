"""The main job in real repositories, through the real command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import ROOT, Ran, guardrail
from repos import Repo

from guardrail import __version__

PACK = """\
[surface]
id = "greetings"
title = "Greetings"
tier = "use-freely"
why = "They are read aloud."
review = ["Is it polite?"]

[surface.signals]
calls = ["shout", "yell"]
words = ["greet"]

[[rule]]
id = "GRE000"
name = "greeting-yelled"
severity = "P0"
any = ["yell(...)"]
message = "`$CALLEE` wakes the neighbours."
remedy = "Call greet."

[[rule]]
id = "GRE001"
name = "greeting-shouted"
severity = "P1"
any = ["shout($WORDS)"]
message = "`shout($WORDS)` greets too loudly."
why = "A guest who is shouted at goes home."
remedy = "Call greet."
refs = ["CWE-1059"]

[[rule]]
id = "GRE002"
name = "greeting-mumbled"
severity = "P2"
any = ["mumble(...)"]
message = "Nobody hears that."
remedy = "Call greet."

[[rule]]
id = "GRE003"
name = "greeting-in-capitals"
severity = "P1"
confidence = "low"
any = ["greet($WORDS)"]
where.WORDS = { regex = "^[A-Z ]+$" }
message = "Capitals are loud."
remedy = "Write it small."
"""
SETTINGS = '[tool.guardrail]\npacks = ["./guardrail-rules"]\n'
CLEAN = "def welcome(guest):\n    greet(guest)\n"
LOUD = "def welcome(guest):\n    greet(guest)\n    shout(guest)\n"
YELLED = "def welcome(guest):\n    greet(guest)\n    yell(guest)\n"
SHOUTED = "GRE001 app.py:3"


@pytest.fixture
def repo(tmp_path) -> Repo:
    """A project with its own rules and one clean file, committed."""
    repo = Repo(tmp_path / "repo")
    repo.commit({"guardrail-rules/greetings.toml": PACK, "pyproject.toml": SETTINGS, "app.py": CLEAN})
    return repo


def check(repo: Repo, *options: str, **more) -> Ran:
    """`guardrail check` with a JSON report, at the root unless told otherwise."""
    return guardrail("check", "--format", "json", *options, **{"cwd": repo.root, **more})


# ---- sources --------------------------------------------------------------------------------------


def test_a_clean_tree_and_a_clean_change(repo):
    done = check(repo)
    assert (done.code, done.found, done.told["files"]["considered"]) == (0, [], 0)
    repo.write("app.py", CLEAN + "    greet(guest)\n")
    done = check(repo)
    assert (done.code, done.found, done.told["files"]["considered"]) == (0, [], 1)


def test_the_working_tree(repo):
    repo.write("app.py", LOUD)
    repo.write("new.py", LOUD)
    repo.write(".gitignore", "ignored.py\n")
    repo.write("ignored.py", LOUD)
    done = check(repo)
    assert (done.code, done.found) == (1, [SHOUTED, "GRE001 new.py:3"])


def test_the_text_of_a_finding(repo):
    repo.write("app.py", LOUD)
    done = guardrail("check", cwd=repo.root)
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines() == [
        "[P1] app.py:3 — `shout(guest)` greets too loudly.  (GRE001 greeting-shouted, greetings)",
        "     A guest who is shouted at goes home.",
        "     Fix: Call greet.",
        "",
        "Review map (HEAD → working tree)",
        "use-freely",
        "  app.py:1 welcome [3]  greetings  calls shout, line 3; names greet, line 1",
        "1 touched line: 100% mechanical (use-freely), 0% need judgment (0% do-not-use, 0% review-carefully)",
        "",
        "1 introduced (1 P1), 0 fixed, 0 preexisting, 0 allowed, 0 files unread",
    ]
    quiet = guardrail("check", "--quiet", cwd=repo.root).out.splitlines()
    assert quiet == [*done.out.splitlines()[:4], done.out.splitlines()[-1]]


def test_the_json_of_a_change(repo):
    repo.write("app.py", LOUD)
    assert check(repo).told == {
        "schema": "guardrail/1",
        "version": __version__,
        "complete": True,
        "files": {"considered": 1, "analysed": 1, "skipped": []},
        "findings": [
            {
                "rule": "GRE001",
                "name": "greeting-shouted",
                "severity": "P1",
                "confidence": "high",
                "surface": "greetings",
                "path": "app.py",
                "definition": "welcome",
                "line": 3,
                "column": 5,
                "end_line": 3,
                "end_column": 17,
                "status": "introduced",
                "message": "`shout(guest)` greets too loudly.",
                "why": "A guest who is shouted at goes home.",
                "remedy": "Call greet.",
                "refs": ["CWE-1059"],
                "notes": [],
                "fingerprint": "v1:c8d5e8e380bc1985fd08ee9de38fb84e",
            }
        ],
        "allowed": [],
        "surfaces": [
            {
                "path": "app.py",
                "definition": "welcome",
                "line": 1,
                "end_line": 3,
                "touched": [3],
                "surface": "greetings",
                "tier": "use-freely",
                "role": "integrates",
                "evidence": [{"line": 3, "signal": "calls shout"}, {"line": 1, "signal": "names greet"}],
            }
        ],
        "unclassified": [],
        "reviewers": [],
        "summary": {
            "P0": 0,
            "P1": 1,
            "P2": 0,
            "use-freely": 1,
            "review-carefully": 0,
            "do-not-use": 0,
            "lines": {"use-freely": 1, "review-carefully": 0, "do-not-use": 0},
        },
    }


def test_the_annotation_of_a_finding(repo):
    repo.write("app.py", LOUD)
    done = guardrail("check", "--format", "github", cwd=repo.root)
    assert done.out.splitlines()[0] == (
        "::error file=app.py,line=3,endLine=3,col=5,endColumn=17,title=[P1] GRE001 greeting-shouted::"
        "`shout(guest)` greets too loudly.%0AA guest who is shouted at goes home.%0AFix: Call greet."
    )


def test_a_partially_staged_file_is_judged_as_staged(repo):
    repo.write("app.py", LOUD)
    repo.git("add", "app.py")
    repo.write("app.py", CLEAN)
    assert (check(repo, "--staged").found, check(repo).found) == ([SHOUTED], [])
    repo.git("add", "app.py")
    repo.write("app.py", LOUD)
    repo.write("new.py", LOUD)
    done = check(repo, "--staged")
    assert (done.code, done.found, check(repo).found) == (0, [], [SHOUTED, "GRE001 new.py:3"])


def test_a_branch_is_compared_with_where_it_began(repo):
    repo.git("checkout", "-q", "-b", "topic")
    repo.commit({"topic.py": LOUD})
    repo.git("checkout", "-q", "main")
    repo.commit({"main.py": LOUD, "app.py": LOUD})
    assert check(repo, "--base", "main", "--head", "topic").found == ["GRE001 topic.py:3"]
    assert check(repo, "--base", "topic").found == [SHOUTED, "GRE001 main.py:3"]
    repo.git("checkout", "-q", "topic")
    repo.write("disk.py", YELLED)
    assert check(repo, "--base", "main").found == ["GRE001 topic.py:3"]
    assert check(repo, "--base", "main", "--worktree").found == ["GRE000 disk.py:3", "GRE001 topic.py:3"]


def test_a_patch_from_a_file_and_from_standard_input(repo, tmp_path):
    repo.write("app.py", LOUD)
    patch = repo.git("diff")
    (tmp_path / "change.patch").write_bytes(patch)
    assert check(repo, "--diff", "../change.patch").found == [SHOUTED]
    repo.write("app.py", CLEAN)
    assert check(repo, "--diff", "../change.patch").found == [SHOUTED]
    done = check(repo, "--diff", "-", input=patch)
    assert (done.code, done.found) == (1, [SHOUTED])
    assert check(repo, "--diff", "-", input=b"").code == 0
    assert check(repo).told["files"]["considered"] == 0  # nothing was applied to the working tree


def test_a_scan_honours_gitignore(repo):
    repo.write(".gitignore", "build/\n")
    repo.write("build/lib.py", LOUD)
    repo.write("sub/new.py", YELLED)
    repo.write("app.py", LOUD)
    done = guardrail("scan", "--format", "json", cwd=repo.root)
    assert (done.code, done.found) == (1, [SHOUTED, "GRE000 sub/new.py:3"])
    assert guardrail("scan", "--format", "json", "sub", cwd=repo.root).found == ["GRE000 sub/new.py:3"]
    assert guardrail("scan", "--format", "json", "build/lib.py", cwd=repo.root).found == ["GRE001 build/lib.py:3"]


def test_from_a_subfolder_paths_are_those_of_the_root(repo):
    folder = repo.write("sub/new.py", LOUD).parent
    repo.write("app.py", LOUD)
    assert check(repo, cwd=folder).found == [SHOUTED, "GRE001 sub/new.py:3"]
    assert check(repo, "--base", "HEAD", "--worktree", cwd=folder).found == [SHOUTED, "GRE001 sub/new.py:3"]
    assert guardrail("scan", "--format", "json", cwd=folder).found == ["GRE001 sub/new.py:3"]


def test_the_range_of_pre_commit(repo):
    old = repo.git("rev-parse", "HEAD").decode().strip()
    new = repo.commit({"app.py": LOUD})
    assert check(repo).found == []
    assert check(repo, PRE_COMMIT_FROM_REF=old, PRE_COMMIT_TO_REF=new).found == [SHOUTED]


def test_the_first_commit(tmp_path):
    repo = Repo(tmp_path / "repo")
    files = {"guardrail-rules/greetings.toml": PACK, "app.py": "import requests\nrequests.get('http://x')\n"}
    for path, text in files.items():
        repo.write(path, text)
    repo.git("add", "app.py")
    assert "NET001 app.py:2" in check(repo).found
    assert "NET001 app.py:2" in check(repo, "--staged").found
    assert check(repo, "--base", "HEAD").refused() == ("HEAD has no commit yet, so there is nothing to compare with a base")


# ---- what belongs to the change -------------------------------------------------------------------


def test_what_was_there_before_does_not_fail(repo):
    repo.commit({"app.py": LOUD})
    repo.write("app.py", LOUD.replace("greet(guest)", "greet(guest, 1)"))
    done = guardrail("check", "--no-map", cwd=repo.root)
    assert (done.code, done.out) == (0, "0 introduced, 0 fixed, 1 preexisting, 0 allowed, 0 files unread\n")
    repo.write("app.py", LOUD + "    shout('you')\n")
    done = check(repo)
    assert (done.code, done.found) == (1, ["GRE001 app.py:4"])


def test_a_deleted_file_and_a_mended_one_are_fixed(repo):
    repo.commit({"app.py": LOUD, "old.py": YELLED})
    repo.write("app.py", CLEAN)
    repo.remove("old.py")
    done = guardrail("check", "--no-map", cwd=repo.root)
    assert (done.code, done.out) == (0, "0 introduced, 2 fixed, 0 preexisting, 0 allowed, 0 files unread\n")


@pytest.mark.parametrize("staged", [True, False])
def test_a_renamed_file_introduces_nothing(staged, repo):
    text = LOUD + "".join(f"\n\ndef step{n}():\n    return {n}\n" for n in range(5))
    repo.commit({"app.py": text})
    repo.git("mv", "app.py", "door.py")
    repo.write("door.py", text.replace("def welcome", "def enter"))
    if staged:
        repo.git("add", ".")
    done = check(repo, *["--staged"] * staged)
    assert (done.code, done.found, done.told["files"]["considered"]) == (0, [], 1)


def test_a_copied_file_introduces(repo):
    repo.commit({"app.py": LOUD})
    repo.write("copy.py", LOUD)
    assert check(repo).found == ["GRE001 copy.py:3"]


def test_a_file_that_moves_into_what_is_excluded_and_out_of_it(repo):
    repo.commit({"pyproject.toml": SETTINGS + 'exclude = ["attic/"]\n', "attic/old.py": YELLED})
    repo.write("attic/new.py", LOUD)
    assert check(repo).found == []
    repo.git("mv", "attic/old.py", "old.py")
    assert check(repo).found == ["GRE000 old.py:3"]


# ---- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "code", "found"),
    [
        ("", 1, ["GRE000", "GRE001", "GRE002"]),
        ("--fail-on P2", 1, ["GRE000", "GRE001", "GRE002"]),
        ("--fail-on never", 0, ["GRE000", "GRE001", "GRE002"]),
        ("--exit-zero", 0, ["GRE000", "GRE001", "GRE002"]),
        ("--select GRE002", 0, ["GRE002"]),
        ("--select GRE002 --fail-on P2", 1, ["GRE002"]),
        ("--select GRE001,GRE002 --fail-on P0", 0, ["GRE001", "GRE002"]),
        ("--select greetings --ignore GRE000", 1, ["GRE001", "GRE002"]),
        ("--ignore GRE", 0, []),
        ("--ignore GRE000 --ignore GRE001", 0, ["GRE002"]),
        ("--pedantic", 1, ["GRE000", "GRE001", "GRE002", "GRE003"]),
        ("--pedantic --select GRE003", 1, ["GRE003"]),
        ("--select GRE003", 0, []),
        ("--jobs 2", 1, ["GRE000", "GRE001", "GRE002"]),
    ],
)
def test_options(options, code, found, repo):
    repo.write("app.py", "yell()\nshout('a')\nmumble()\ngreet('ALL OF YOU')\n")
    done = check(repo, *options.split())
    assert (done.code, [f["rule"] for f in done.told["findings"]], done.err) == (code, found, "")


def test_the_report_may_go_to_a_file(repo, tmp_path):
    repo.write("app.py", LOUD)
    plain = check(repo)
    done = check(repo, "--output", str(tmp_path / "report.json"))
    assert (done.code, done.out, done.err) == (1, "", "")
    assert (tmp_path / "report.json").read_text() == plain.out


@pytest.mark.parametrize(
    ("text", "code", "found"),
    [
        ("shout('a')  # guardrail: allow[GRE001] the hall is large\n", 0, ["ALW005 app.py:1"]),
        ("# guardrail: allow[GRE001] the hall is large\nshout('a')\n", 0, ["ALW005 app.py:1"]),
        ("shout(  # guardrail: allow[GRE001] the hall is large\n    'a',\n)\n", 0, ["ALW005 app.py:1"]),
        ("shout(\n    'a',\n)  # guardrail: allow[GRE001] the hall is large\n", 0, ["ALW005 app.py:3"]),
        ("# guardrail: allow[GRE000] the hall is large\nshout('a')\n", 1, ["ALW005 app.py:1", "GRE001 app.py:2"]),
        ("# guardrail: allow[GRE001] the hall is large\nshout('a')\nshout('b')\n", 1, ["ALW005 app.py:1", "GRE001 app.py:3"]),
        ("shout('a')  # guardrail: allow[GRE001]\n", 1, ["GRE001 app.py:1", "ALW001 app.py:1"]),
        ("shout('a')  # guardrail: allow[GRE001] todo\n", 1, ["GRE001 app.py:1", "ALW001 app.py:1"]),
        ("shout('a')  # guardrail: allow the hall is large\n", 1, ["GRE001 app.py:1", "ALW001 app.py:1"]),
        (
            "shout('a')  # guardrail: allow[GRE009] the hall is large\n",
            1,
            ["ALW005 app.py:1", "GRE001 app.py:1", "ALW002 app.py:1"],
        ),
        ("greet('# guardrail: allow[GRE001] the hall is large'); shout('a')\n", 1, ["GRE001 app.py:1"]),
        ("shout('a')  # noqa  # guardrail: allow[GRE001] the hall is large\n", 0, ["ALW005 app.py:1"] * 2),
    ],
)
def test_an_allow_holds_for_its_statement(text, code, found, repo):
    repo.write("app.py", text)
    done = check(repo)
    assert (done.code, done.found) == (code, found)


def test_what_is_allowed_is_told(repo):
    repo.write("app.py", "shout('a')  # guardrail: allow[GRE001] the hall is large\n")
    done = guardrail("check", "--no-map", "--ignore", "ALW005", cwd=repo.root)
    assert done.out.splitlines() == [
        "allowed: app.py:1 GRE001 — app.py:1 allows GRE001: the hall is large",
        "",
        "0 introduced, 0 fixed, 0 preexisting, 1 allowed, 0 files unread",
    ]


def test_an_allow_that_is_taken_away_brings_the_finding_back(repo):
    repo.commit({"app.py": "shout('a')  # guardrail: allow[GRE001] the hall is large\n"})
    repo.write("app.py", "shout('a')\n")
    done = guardrail("check", "--no-map", cwd=repo.root)
    assert done.out.splitlines()[-1] == "0 introduced, 0 fixed, 1 preexisting, 0 allowed, 0 files unread"


# ---- settings and packs come from before the change -----------------------------------------------


def test_a_change_cannot_silence_its_own_finding(repo):
    repo.write("app.py", LOUD)
    silent = SETTINGS + 'ignore = ["GRE001"]\nfail-on = "never"\nexclude = ["app.py"]\nallow-incomplete = true\n'
    repo.write("pyproject.toml", silent)
    edited = "POL001 pyproject.toml:3"
    done = check(repo)
    assert (done.code, done.found) == (1, [SHOUTED, edited])
    repo.git("add", ".")
    assert check(repo, "--staged").found == [SHOUTED, edited]
    patch = repo.git("diff", "--cached")
    repo.git("commit", "-q", "-m", "both at once")
    assert check(repo, "--base", "HEAD~1").found == [SHOUTED, edited]
    assert check(repo, "--diff", "-", input=patch).found == [SHOUTED, edited]
    repo.write("app.py", YELLED)
    done = check(repo)
    assert (done.code, done.told["files"]["considered"]) == (0, 0)


def test_a_setting_that_was_there_before_counts(repo):
    repo.commit({"pyproject.toml": SETTINGS + 'ignore = ["GRE001"]\n'})
    repo.write("app.py", LOUD)
    done = check(repo)
    assert (done.code, done.found) == (0, [])
    repo.remove("pyproject.toml")
    assert check(repo).found == ["POL001 pyproject.toml:1"]


def test_a_change_cannot_switch_off_its_rules(repo):
    repo.write("app.py", LOUD)
    repo.write("guardrail-rules/greetings.toml", PACK.replace('"shout($WORDS)"', '"whisper($WORDS)"'))
    assert check(repo).found == [SHOUTED, "POL001 guardrail-rules/greetings.toml:24"]
    repo.remove("guardrail-rules/greetings.toml")
    edited = "POL001 guardrail-rules/greetings.toml:1"
    assert check(repo).found == [SHOUTED, edited]
    repo.git("add", ".")
    assert check(repo, "--staged").found == [SHOUTED, edited]
    repo.write("guardrail-rules/greetings.toml", "[[")
    assert check(repo).found == [SHOUTED, edited]
    assert guardrail("scan", cwd=repo.root).refused().startswith("guardrail-rules/greetings.toml: not TOML: ")


def test_settings_of_a_scan_are_those_on_disk(repo):
    repo.write("app.py", LOUD)
    repo.write("pyproject.toml", SETTINGS + 'ignore = ["GRE001"]\n')
    done = guardrail("scan", "--format", "json", cwd=repo.root)
    assert (done.code, done.found) == (0, [])


def test_broken_settings_before_the_change_are_told_and_those_after_it_are_not_read(repo):
    repo.write("pyproject.toml", "[tool.guardrail]\nignroe = []\n")
    done = check(repo)
    assert (done.code, done.found) == (1, ["POL001 pyproject.toml:2"])  # and what comes after it could not be judged
    repo.commit()
    assert check(repo).refused() == 'pyproject.toml: tool.guardrail.ignroe: unknown key (did you mean "ignore"?)'


# ---- nothing of the repository is executed --------------------------------------------------------

TRAP = "from pathlib import Path\nPath({marker!r}).touch()\ndef judge(facts, matches):\n    return matches\n"


def trapped(repo: Repo, marker: Path, check_name: str, files: tuple[str, ...]) -> None:
    """Commit a pack with a check, and modules that leave a mark when they are run."""
    pack = PACK.replace('id = "GRE001"\n', f'id = "GRE001"\ncheck = "{check_name}"\n')
    trap = TRAP.format(marker=str(marker))
    repo.commit({"guardrail-rules/greetings.toml": pack, **dict.fromkeys(files, trap)})
    repo.write("sub/app.py", LOUD)
    repo.write("app.py", LOUD)


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("evil:judge", ("evil.py",)),
        ("evil:judge", ("evil/__init__.py",)),
        ("evil.inner:judge", ("evil/__init__.py", "evil/inner.py")),
        ("evil.inner:judge", ("evil/inner.py",)),
    ],
)
def test_a_check_that_lies_in_the_repository_is_refused(name, files, repo, tmp_path):
    marker = tmp_path / "marker"
    trapped(repo, marker, name, files)
    module = name.partition(":")[0]
    for command, folder in (("check", repo.root), ("scan", repo.root / "sub")):
        sentence = guardrail(command, cwd=folder, PYTHONPATH=f"{ROOT}:{repo.root}").refused()
        assert sentence == f"check {name}: {module} lies in the code under review; install it as a package"
    assert not marker.exists()


def test_the_folder_of_the_run_is_no_place_for_modules(repo, tmp_path):
    trapped(repo, tmp_path / "marker", "evil.inner:judge", ("evil/__init__.py", "evil/inner.py"))
    assert guardrail("check", cwd=repo.root).refused() == "check evil.inner:judge: there is no module evil.inner"
    assert not (tmp_path / "marker").exists()


def test_a_link_does_not_make_a_check_installed(repo, tmp_path):
    marker = tmp_path / "marker"
    trapped(repo, marker, "evil:judge", ("site-packages/evil.py",))
    (repo.root / "evil.py").symlink_to("site-packages/evil.py")
    assert "under review" in guardrail("scan", cwd=repo.root, PYTHONPATH=f"{ROOT}:{repo.root}").refused()
    assert not marker.exists()


def test_a_check_that_is_installed_is_used(repo, tmp_path):
    trapped(repo, tmp_path / "marker", "housechecks:judge", ())
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/housechecks.py").write_text("def judge(facts, matches):\n    return ()\n")
    done = check(repo, PYTHONPATH=f"{ROOT}:{tmp_path / 'lib'}")
    assert (done.code, done.found) == (0, [])
    (tmp_path / "lib/housechecks.py").write_text("")
    sentence = guardrail("check", cwd=repo.root, PYTHONPATH=f"{ROOT}:{tmp_path / 'lib'}").refused()
    assert sentence.startswith("check housechecks:judge: module 'housechecks' has no attribute 'judge'")


def test_modules_of_the_repository_do_not_stand_in_for_ours(repo, tmp_path):
    names = ("click", "tomli", "libcst", "ast", "pathlib", "subprocess", "sitecustomize", "pathspec", "guardrail_lint")
    for name in names:
        repo.write(f"{name}.py", TRAP.format(marker=str(tmp_path / "marker")))
    repo.write("app.py", LOUD)
    assert SHOUTED in check(repo).found
    assert not (tmp_path / "marker").exists()
