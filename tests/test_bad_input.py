"""What cannot be read or does not fit: one clear sentence, the right exit code, nothing written."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
from command import Ran, contents, guardrail
from repos import Repo

CLEAN = "def double(n: int) -> int:\n    return 2 * n\n"
WAITS = "import requests\n\n\ndef fetch(url):\n    return requests.get(url)\n"
FOUND = "NET001 bad.py:5"


@pytest.fixture
def run(tmp_path):
    """Runs guardrail in a folder and holds that nothing in it, and nothing beside it, was written."""

    def ran(*arguments: str | Path, cwd: Path = tmp_path, input: bytes = b"", **more) -> Ran:
        before = contents(tmp_path)
        done = guardrail(*arguments, cwd=cwd, input=input, **more)
        assert "Traceback" not in done.out + done.err
        assert contents(tmp_path) == before
        return done

    return ran


@pytest.fixture
def repo(tmp_path) -> Repo:
    """A repository with one clean commit."""
    repo = Repo(tmp_path / "repo")
    repo.commit({"good.py": CLEAN})
    return repo


# ---- where there is nothing to compare ------------------------------------------------------------


def test_not_a_repository(run, tmp_path):
    (tmp_path / "good.py").write_text(CLEAN)
    sentence = run("check").refused()
    assert sentence == (
        f"{tmp_path} is not in a git repository, so there is no change to check; `guardrail scan` works without git"
    )


def test_a_scan_needs_no_repository(run, tmp_path):
    (tmp_path / "good.py").write_text(CLEAN)
    assert run("scan").code == 0
    (tmp_path / "bad.py").write_text(WAITS)
    done = run("scan", "--format", "json")
    assert (done.code, done.found, done.err) == (1, [FOUND], "")


def test_methods_in_a_folder_whose_name_begins_with_a_dot(run, tmp_path):
    actions = tmp_path / ".github" / "actions"
    actions.mkdir(parents=True)
    method = "    def fetch(self, url):\n        return requests.get(url)\n"
    (actions / "client.py").write_text(f"import requests\n\n\nclass Client:\n{method}")
    done = run("scan", "--format", "json")
    assert (done.code, done.found, done.err) == (1, ["NET001 .github/actions/client.py:6"], "")


def test_a_path_that_is_not_there(run):
    assert run("scan", "nowhere").refused() == "there is no file or folder 'nowhere' to scan"


def test_a_missing_base(run, repo):
    assert run("check", "--base", "nope", cwd=repo.root).refused() == "there is no commit 'nope' in this repository"
    assert run("check", "--base", "HEAD", "--head", "nope", cwd=repo.root).refused().startswith("there is no commit")


@pytest.mark.parametrize("revision", ["--upload-pack=touch marker", "-", "", "HEAD:good.py", "main..main"])
def test_what_is_no_revision(revision, run, repo):
    assert "there is no commit" in run("check", f"--base={revision}", cwd=repo.root).refused()


def test_a_shallow_clone_is_mended_by_the_line_that_is_told(run, tmp_path):
    origin = Repo(tmp_path / "origin")
    old = origin.commit({"good.py": CLEAN})
    origin.commit({"bad.py": WAITS})
    Repo(tmp_path).git("clone", "-q", "--depth", "1", origin.root.as_uri(), "clone")
    clone = Repo(tmp_path / "clone")
    sentence = run("check", "--base", old, cwd=clone.root).refused()
    assert sentence == (f"there is no commit '{old}' in this shallow clone; run `git fetch --unshallow origin {old}`")
    clone.git(*shlex.split(sentence.split("`")[1])[1:])
    assert run("check", "--base", old, "--format", "json", cwd=clone.root).found == [FOUND]


def test_a_merge_base_beyond_the_end_of_a_shallow_clone(run, tmp_path):
    origin = Repo(tmp_path / "origin")
    origin.commit({"good.py": CLEAN})
    origin.git("branch", "stable")
    origin.commit({"bad.py": WAITS})
    Repo(tmp_path).git("clone", "-q", "--depth", "1", "--no-single-branch", origin.root.as_uri(), "clone")
    clone = Repo(tmp_path / "clone")
    clone.git("fetch", "-q", "origin", "stable:refs/remotes/origin/stable")
    done = run("check", "--base", "origin/stable", "--format", "json", cwd=clone.root)
    if done.code == 2:
        clone.git(*shlex.split(done.refused().split("`")[1])[1:])
        done = run("check", "--base", "origin/stable", "--format", "json", cwd=clone.root)
    assert done.found == [FOUND]


def test_a_content_that_the_repository_has_lost(run, repo):
    repo.write("bad.py", WAITS)
    repo.git("add", "bad.py")
    lost = repo.git("rev-parse", ":bad.py").decode().strip()
    (repo.root / ".git/objects" / lost[:2] / lost[2:]).unlink()
    done = run("check", "--staged", "--format", "json", cwd=repo.root)
    assert (done.code, done.skipped) == (2, {"bad.py": "its content is not in this clone of the repository"})


# ---- files that cannot be read --------------------------------------------------------------------

DEEP = {
    "brackets": ("x = " + "[" * 10_000 + "]" * 10_000 + "\n", "nested"),
    "open brackets": ("x = " + "(" * 10_000 + "\n", "nested"),
    "brackets in a call": (f"import requests\nrequests.get({'(' * 3_000}url{')' * 3_000})\n", "nested"),
    "blocks": ("".join(f"{' ' * n}if x:\n" for n in range(2_000)) + " " * 2_000 + "pass\n", "nested"),
    "nots": ("x = " + "not " * 100_000 + "y\n", "nested"),
    "minuses": ("x = " + "-" * 100_000 + "1\n", "nested"),
    "lambdas": ("x = " + "lambda: " * 20_000 + "1\n", "nested"),
    "f-strings": ("x = " + "f'{" * 300 + "1" + "}'" * 300 + "\n", "nested|invalid syntax"),
}
UNREADABLE: dict[str, tuple[str | bytes, str]] = {
    "NUL bytes": (b"x = 1\0\n", "^contains NUL bytes, so it is no Python source$"),
    "bad UTF-8": (b"# fine\nx = '\xff\xfe'\n", "^not valid UTF-8: byte 0xff at line 2$"),
    "bad coding cookie": (b"# -*- coding: klingon -*-\nx = 1\n", "^unknown encoding 'klingon' in the coding cookie$"),
    "cookie that its bytes do not keep": (b"# coding: ascii\nx = '\xc3\xa9'\n", "^not valid ascii: .* line 2$"),
    "cookie against BOM": (b"\xef\xbb\xbf# coding: latin-1\nx = 1\n", "byte order mark"),
    "Python 2": ("import sys\nprint 'hello', sys.argv\n", r"^Python 2 syntax\? invalid syntax at line 2: print 'hello'"),
    "merge conflict": ("<<<<<<< ours\nx = 1\n=======\nx = 2\n>>>>>>> theirs\n", "^invalid syntax at line 1"),
    "no Python": ("{% if true %}\nclass {{ name }}:\n{% endif %}\n", "^invalid syntax at line 1"),
    **DEEP,
}


@pytest.fixture(scope="module")
def odd_files(tmp_path_factory) -> Ran:
    """A scan of a folder with every unreadable file, and one that is clean."""
    folder = tmp_path_factory.mktemp("odd")
    for name, (content, _) in UNREADABLE.items():
        (folder / f"{name}.py").write_bytes(content.encode() if isinstance(content, str) else content)
    (folder / "good.py").write_text(CLEAN)
    before = contents(folder)
    done = guardrail("scan", "--format", "json", cwd=folder)
    assert contents(folder) == before
    return done


def test_unreadable_files_make_the_answer_unsure(odd_files):
    files = odd_files.told["files"]
    assert (odd_files.code, odd_files.err, odd_files.told["complete"]) == (2, "", False)
    assert (files["considered"], files["analysed"]) == (len(UNREADABLE) + 1, 1)
    assert sorted(odd_files.skipped) == sorted(f"{name}.py" for name in UNREADABLE)


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_file_is_told_with_its_reason(name, odd_files):
    reason = odd_files.skipped[f"{name}.py"]
    assert re.search(UNREADABLE[name][1], reason), reason
    assert len(reason) < 200
    assert "\n" not in reason


LONG = {
    "a sum": "x = " + "a+" * 5_000 + "a\n",
    "a sum of calls": "x = " + "f(a)+" * 5_000 + "f(a)\n",
    "a chain of attributes": "x = a" + ".b" * 5_000 + "\n",
    "a chain of calls": "x = a" + "()" * 5_000 + "\n",
    "a chain of comparisons": "x = " + "a < " * 5_000 + "a\n",
    "an elif ladder": "if a:\n    pass\n" + "elif a:\n    pass\n" * 3_000,
    "strings side by side": "x = (\n" + "'a'\n" * 5_000 + ")\n",
    "conditional expressions": "x = " + "a if b else " * 900 + "c\n",
    "functions in functions": "".join(f"{' ' * n}def f():\n" for n in range(90)) + " " * 90 + "pass\n",
    "classes in classes": "".join(f"{' ' * n}class C:\n" for n in range(90)) + " " * 90 + "pass\n",
    "a number": "x = " + "9" * 20_000 + "\n",
    "a line of 1 MB": "x = [" + f"'{'a' * 100}', " * 9_800 + "]\n",
    "a string of 1 MB": "x = '" + "a" * 1_000_000 + "'\n",
    "a comment of 1 MB": "# " + "guardrail: allow[" * 60_000 + "\n",
    "a comment of 1 MB of spaces": "x = 1 # guardrail:" + " " * 1_000_000 + "\n",
    "a name of 1 MB": "a" * 1_000_000 + " = 1\n",
    "blank lines": "\n" * 50_000,
}


@pytest.fixture(scope="module")
def long_files(tmp_path_factory) -> Ran:
    """A scan of a folder with every long file; each begins with the same finding."""
    folder = tmp_path_factory.mktemp("long")
    for name, text in LONG.items():
        (folder / f"{name}.py").write_text(WAITS + text)
    return guardrail("scan", "--format", "json", "--select", "NET001", cwd=folder)


@pytest.mark.parametrize("name", LONG)
def test_a_long_file_is_analysed_or_told_of(name, long_files):
    assert (long_files.code, long_files.err) == (2 if long_files.skipped else 1, "")
    found, reason = f"NET001 {name}.py:5" in long_files.found, long_files.skipped.get(f"{name}.py", "")
    assert found is not bool(reason)
    assert found or "1 MB" not in name


@pytest.mark.parametrize("form", ["text", "github"])
def test_every_format_tells_of_an_unread_file(form, run, tmp_path):
    (tmp_path / "odd.py").write_bytes(b"\0")
    done = run("scan", "--format", form)
    reason = "contains NUL bytes, so it is no Python source"
    lines = {
        "text": f"unread: odd.py — {reason}",
        "github": f"::error file=odd.py,title=unread file::not analysed: {reason}",
    }
    assert (done.code, done.err) == (2, "")
    assert lines[form] in done.out.splitlines()
    assert "1 file unread" in done.out.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("", 2),
        ("--exit-zero", 2),
        ("--fail-on never", 2),
        ("--ignore NET001", 2),
        ("--quiet", 2),
        ("--allow-incomplete", 1),
        ("--allow-incomplete --exit-zero", 0),
        ("--allow-incomplete --fail-on P0", 0),
    ],
)
def test_only_allow_incomplete_forgives_an_unread_file(options, code, run, tmp_path):
    (tmp_path / "odd.py").write_bytes(b"\xff")
    (tmp_path / "bad.py").write_text(WAITS)
    done = run("scan", *options.split())
    assert done.code == code
    assert "unread: odd.py — not valid UTF-8: byte 0xff at line 1" in done.out.splitlines()


def test_a_file_that_was_unreadable_before_is_unread_too(run, repo):
    repo.commit({"odd.py": b"\xff"})
    repo.write("odd.py", CLEAN)
    done = run("check", "--format", "json", cwd=repo.root)
    assert done.code == 2
    assert done.skipped == {"odd.py": "the base side cannot be read: not valid UTF-8: byte 0xff at line 1"}
    assert run("check", "--allow-incomplete", cwd=repo.root).code == 0


def test_an_unreadable_file_that_the_change_does_not_touch_does_not_matter(run, repo):
    repo.commit({"odd.py": b"\xff"})
    repo.write("good.py", CLEAN + "\n\nx = 1\n")
    assert run("check", cwd=repo.root).code == 0
    repo.remove("odd.py")
    repo.commit()
    repo.write("odd.py", b"\xff")
    repo.git("add", ".")
    assert run("check", "--staged", cwd=repo.root).code == 2


def without_privileges() -> tuple[str, ...]:
    """Words that take from root what lets it read every file."""
    if os.geteuid():
        return ()
    tool = shutil.which("setpriv")
    assert tool, "setpriv of util-linux is needed for this test to be run as root"
    return tool, "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-dac_override,-dac_read_search"


def test_files_and_folders_that_may_not_be_read(run, tmp_path):
    (tmp_path / "good.py").write_text(CLEAN)
    locked, folder = tmp_path / "locked.py", tmp_path / "folder"
    locked.write_text(CLEAN)
    folder.mkdir()
    locked.chmod(0)
    folder.chmod(0)
    before = without_privileges()
    done = run("scan", "--format", "json", before=before)
    assert (done.code, done.err) == (2, "")
    assert done.skipped == {"folder": "permission denied", "locked.py": "permission denied"}
    assert "permission denied" in run("scan", "folder/a.py", before=before).refused()
    folder.chmod(0o700)


def test_what_is_no_regular_file_is_passed_over_and_nothing_waits_for_it(run, tmp_path):
    (tmp_path / "good.py").write_text(CLEAN)
    (tmp_path / "broken.py").symlink_to("nowhere.py")
    (tmp_path / "loop.py").symlink_to("loop.py")
    (tmp_path / "out.py").symlink_to("/dev/zero")
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    done = run("scan", "--format", "json")
    assert (done.code, done.told["files"]) == (0, {"considered": 1, "analysed": 1, "skipped": []})


@pytest.mark.parametrize("name", ["pipe.py", "out.py", "broken.py", "loop.py"])
def test_what_is_no_regular_file_is_never_clean_when_it_is_named(name, run, tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "out.py").symlink_to("/dev/zero")
    (tmp_path / "broken.py").symlink_to("nowhere.py")
    (tmp_path / "loop.py").symlink_to("loop.py")
    done = run("scan", name)
    assert (done.code, name in done.out + done.err) == (2, True), done


def test_links_and_pipes_in_a_change(run, repo, tmp_path):
    (tmp_path / "secret.py").write_text(WAITS)
    (repo.root / "out.py").symlink_to(tmp_path / "secret.py")
    done = run("check", "--format", "json", cwd=repo.root)
    assert (done.code, done.found, done.err) == (1, ["POL004 out.py:1"], "")
    (repo.root / "good.py").unlink()
    os.mkfifo(repo.root / "good.py")
    assert run("check", cwd=repo.root).refused() == "git diff-index failed: good.py: unsupported file type"


# ---- patches --------------------------------------------------------------------------------------

PATCH = """\
--- a/{0}
+++ b/{0}
@@ -1,2 +1,2 @@
-{1}
+def triple(n: int) -> int:
     return 2 * n
"""


def test_a_patch_that_does_not_apply(run, repo):
    patch = PATCH.format("good.py", "def halve(n: int) -> int:").encode()
    sentence = run("check", "--diff", "-", cwd=repo.root, input=patch).refused()
    assert sentence == "the patch fits neither the state before it nor the one after it: good.py, hunk `@@ -1,2 +1,2 @@`"


@pytest.mark.parametrize("name", ["../out.py", "a/../../out.py", "good.py/../../out.py", ".git/config"])
def test_a_patch_that_leads_out_of_the_tree(name, run, repo, tmp_path):
    (tmp_path / "out.py").write_text(CLEAN)
    patch = PATCH.format(name, "def double(n: int) -> int:").encode()
    sentence = run("check", "--diff", "-", cwd=repo.root, input=patch).refused()
    assert name in sentence
    assert "out of" in sentence or "git's own folder" in sentence


@pytest.mark.parametrize("prefix", ["a/", ""])
def test_a_patch_with_an_absolute_name(prefix, run, repo, tmp_path):
    (tmp_path / "out.py").write_text(CLEAN)
    patch = PATCH.format(tmp_path / "out.py", "def double(n: int) -> int:").replace("a/", prefix).replace("b/", prefix)
    sentence = run("check", "--diff", "-", cwd=repo.root, input=patch.encode()).refused()
    assert sentence.startswith("the patch fits neither" if prefix else "the patch names '/")


def test_a_patch_that_is_none(run, repo):
    assert run("check", "--diff", "-", cwd=repo.root, input=b"@@ -1 +1 @@\n-a\n+b\n").refused()
    assert run("check", "--diff", "-", cwd=repo.root, input=b"--- a/x.py\n+++ b/x.py\n@@ -1,3 +1 @@\n-a\n").refused()
    done = run("check", "--diff", "nowhere.patch", cwd=repo.root)
    assert (done.code, done.err.count("nowhere.patch")) == (2, 1)


# ---- settings, packs and options ------------------------------------------------------------------

FIVE = """\
[surface]
id = "greetings"
title = "Greetings"
tier = "use-freely"
why = "They are read aloud."

[[rule]]
id = "GRE001"
name = "greeting-shouted"
severity = "P5"
any = ["shout($WORDS"]
where.WORD = "litteral"
contxt = "async"
message = "`shout` greets too loudly."
remedy = "Call greet."
"""
MISTAKES = [
    '{0}: GRE001: contxt: unknown key (did you mean "context"?)',
    '{0}: GRE001: severity: "P5" is none of P0, P1, P2',
    "{0}: GRE001: any: `shout($WORDS`: not Python: '(' was never closed",
    '{0}: GRE001: where.WORD: no pattern names $WORD (did you mean "WORDS"?)',
    '{0}: GRE001: where.WORD: unknown test "litteral" (did you mean "literal"?)',
]


def test_the_five_mistakes_of_a_pack_are_told_together(run, tmp_path):
    (tmp_path / "good.py").write_text(CLEAN)
    (tmp_path / "guardrail.toml").write_text('packs = ["./house-rules"]\n')
    (tmp_path / "house-rules").mkdir()
    (tmp_path / "house-rules/greetings.toml").write_text(FIVE)
    done = run("scan")
    assert (done.code, done.out) == (2, "")
    wanted = [mistake.format("house-rules/greetings.toml") for mistake in MISTAKES]
    assert done.err.removeprefix("guardrail: error: ").splitlines() == wanted


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("guardrail.toml", "fail_on = 1", 'guardrail.toml: fail_on: unknown key (did you mean "fail-on"?)'),
        (
            "pyproject.toml",
            "[tool.guardrail]\nignroe = []",
            'pyproject.toml: tool.guardrail.ignroe: unknown key (did you mean "ignore"?)',
        ),
        ("guardrail.toml", "jobs = -1", "guardrail.toml: jobs: must be a whole number, 0 or more, not -1"),
        ("guardrail.toml", 'fail-on = "P9"', 'guardrail.toml: fail-on: must be one of P0, P1, P2, never, not "P9"'),
        ("guardrail.toml", 'packs = ["./nowhere"]', "./nowhere: there is no pack here"),
        ("guardrail.toml", 'packs = ["../nowhere"]', "../nowhere: there is no pack here"),
        ("guardrail.toml", 'ignore = ["NTE001"]', "ignore: 'NTE001' is no rule"),
        ("guardrail.toml", "jobs = ", "guardrail.toml:"),
        ("pyproject.toml", "tool = 1\n[tool.guardrail]", "pyproject.toml:"),
        ("pyproject.toml", "x = " + "[" * 5_000, "pyproject.toml: "),
        ("guardrail.toml", "exclude = ['a', 1]", "guardrail.toml: exclude: must be a list of strings"),
    ],
)
def test_settings_that_are_wrong(file, text, sentence, run, tmp_path):
    (tmp_path / "good.py").write_text(CLEAN)
    (tmp_path / file).write_text(text)
    assert run("scan").refused().startswith(sentence)
    assert run("scan", "--exit-zero").code == 2


def test_settings_that_are_not_utf8(run, tmp_path):
    (tmp_path / "guardrail.toml").write_bytes(b"\xff\xfe")
    assert run("scan").refused() == "guardrail.toml: not valid UTF-8"


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_an_unknown_rule(option, run, tmp_path):
    (tmp_path / "good.py").write_text(CLEAN)
    sentence = run("scan", option, "NET00l").refused()
    assert sentence.startswith(f"{option[2:]}: 'NET00l' is no rule, no beginning of one, and no surface (did you mean \"NET0")


def test_a_report_that_cannot_be_written(run, tmp_path):
    (tmp_path / "good.py").write_text(CLEAN)
    folder = tmp_path / "reports"
    folder.mkdir()
    assert run("scan", "--output", "reports").refused() == "cannot write reports: Is a directory"
    assert run("scan", "--output", "nowhere/report.txt").refused() == ("cannot write nowhere/report.txt: No such file or directory")
    folder.chmod(0o500)
    done = run("scan", "--output", "reports/report.txt", "--exit-zero", before=without_privileges())
    assert done.refused() == "cannot write reports/report.txt: Permission denied"


def test_names_in_messages_are_escaped(run, repo):
    name = "b\x1b[2Ja\nd.py"
    repo.write(name, b"\xff")
    done = run("check", cwd=repo.root)
    assert done.code == 2
    assert "\x1b" not in done.out
    assert "unread: b\\x1b[2Ja\\nd.py — not valid UTF-8: byte 0xff at line 1" in done.out.splitlines()
    sentence = run("scan", "\x1b[2J", cwd=repo.root).refused()
    assert "\x1b" not in sentence
