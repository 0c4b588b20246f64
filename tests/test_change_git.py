"""Changes that git knows of: working tree, index, revisions."""

import os
import pickle
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from repos import Repo, numbered_lines

from guardrail.change import EmptyTree, NotARepository, Revisions, Staged, WorkingTree, prefetch, read_change
from guardrail.model import Change, FileChange, GuardrailError, Unreadable

NONE: frozenset[int] = frozenset()


@pytest.fixture(autouse=True)
def _no_git_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def change(repo: Repo, source: object = WorkingTree()) -> Change:
    return read_change(source, repo.root)  # type: ignore[arg-type]


def shape(found: Change) -> list[tuple[str | None, str | None]]:
    return [(f.base_path, f.head_path) for f in found.files]


def test_lines_of_the_working_tree(repo):
    repo.commit({"app.py": numbered_lines(9), "same.py": "x = 1\n"})
    repo.write("app.py", numbered_lines(9, _3="b = 3\nc = 4").replace("a7 = 7\n", ""))
    found = change(repo)
    assert found.files == (FileChange("app.py", "app.py", frozenset({3, 4}), frozenset({3, 7})),)
    assert found.base.read("app.py") == numbered_lines(9).encode()
    assert found.head.read("app.py") == (repo.root / "app.py").read_bytes()
    assert found.base.paths() == found.head.paths() == ("app.py", "same.py")
    assert found.label == "HEAD → working tree"
    assert found.root == str(repo.root.resolve())


def test_new_untracked_ignored_and_deleted_files(repo):
    repo.commit({"gone.py": "x = 1\n", ".gitignore": "*.log\nout/\n"})
    repo.remove("gone.py")
    repo.write("added.py", "y = 2\n" * 9)
    repo.git("add", "added.py")
    repo.write("new.py", "def f(): ...\n")
    repo.write("a.log", "no")
    repo.write("out/b.py", "no")
    assert change(repo).files == (FileChange(None, "added.py"), FileChange("gone.py", None), FileChange(None, "new.py"))
    assert change(repo).head.paths() == (".gitignore", "added.py", "new.py")
    assert change(repo).head.read("gone.py") is None


def test_a_clean_tree_is_an_empty_change(repo):
    repo.commit({"app.py": "x = 1\n"})
    os.utime(repo.root / "app.py", (1, 1))  # only the time stamp differs
    assert change(repo).files == ()
    assert change(repo, Staged()).files == ()
    assert change(repo, Revisions("HEAD")).files == ()


def test_staged_is_read_from_the_index(repo):
    repo.commit({"app.py": "x = 1\n", "other.py": "o = 1\n"})
    repo.write("app.py", "x = 2\n")
    repo.git("add", "app.py")
    repo.write("app.py", "x = 3\n")
    repo.write("other.py", "o = 2\n")
    repo.write("untracked.py", "u = 1\n")
    found = change(repo, Staged())
    assert found.files == (FileChange("app.py", "app.py", frozenset({1}), frozenset({1})),)
    assert found.head.read("app.py") == b"x = 2\n"
    assert found.head.read("other.py") == b"o = 1\n"
    assert found.head.read("untracked.py") is None
    assert found.head.paths() == ("app.py", "other.py")


def test_staged_in_a_partial_commit_reads_the_index_that_git_names(repo, tmp_path):
    repo.commit({"a.py": "a = 1\n", "b.py": "b = 1\n"})
    repo.write("a.py", "a = 2\n")
    repo.write("b.py", "b = 2\n")
    repo.git("add", "b.py")
    report = tmp_path / "report"
    hook = repo.write(
        ".git/hooks/pre-commit",
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(Path(__file__).parent.parent)!r})\n"
        "from pathlib import Path\nfrom guardrail.change import Staged, read_change\n"
        f"Path({str(report)!r}).write_text(' '.join(f.path for f in read_change(Staged(), Path.cwd()).files))\n",
    )
    hook.chmod(0o755)
    repo.git("commit", "-q", "-m", "only a", "--", "a.py")
    assert report.read_text() == "a.py"
    repo.git("commit", "-q", "-a", "-m", "all", ok=False)
    assert report.read_text() == "b.py"


def test_git_dir_and_work_tree_from_the_environment(repo, tmp_path, monkeypatch):
    repo.commit({"a.py": "a = 1\n"})
    repo.write("a.py", "a = 2\n")
    repo.git("add", "a.py")
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    assert shape(change(repo, Staged())) == [("a.py", "a.py")]
    monkeypatch.setenv("GIT_DIR", str(repo.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(repo.root))
    monkeypatch.delenv("GIT_INDEX_FILE")
    assert shape(read_change(WorkingTree(), tmp_path)) == [("a.py", "a.py")]


def test_unborn_head(repo):
    assert change(repo).files == change(repo, Staged()).files == ()
    repo.write("a.py", "a = 1\n")
    repo.git("add", "a.py")
    repo.write("b.py", "b = 1\n")
    assert shape(change(repo)) == [(None, "a.py"), (None, "b.py")]
    staged = change(repo, Staged())
    assert staged.files == (FileChange(None, "a.py"),)
    assert isinstance(staged.base, EmptyTree)
    assert staged.base.read("a.py") is None
    assert staged.base.paths() == ()
    with pytest.raises(GuardrailError, match="no commit yet"):
        change(repo, Revisions("main"))


def test_intent_to_add(repo):
    repo.commit({"a.py": "a = 1\n"})
    repo.write("b.py", "b = 1\n")
    repo.git("add", "-N", "b.py")
    assert change(repo).files == (FileChange(None, "b.py"),)
    assert change(repo, Staged()).files == ()


def test_renames_with_and_without_telling_git(repo):
    repo.commit({"a.py": numbered_lines(20), "b.py": numbered_lines(20).replace("a", "b")})
    repo.git("mv", "a.py", "moved.py")
    repo.write("moved.py", numbered_lines(20, _5="five = 5"))
    (repo.root / "pkg").mkdir()
    (repo.root / "b.py").rename(repo.root / "pkg/é b.py")
    index = (repo.root / ".git/index").read_bytes()
    found = change(repo)
    assert found.files == (
        FileChange("a.py", "moved.py", frozenset({5}), frozenset({5})),
        FileChange("b.py", "pkg/é b.py", NONE, NONE),
    )
    assert found.renames == {"moved.py": "a.py", "pkg/é b.py": "b.py"}
    assert (repo.root / ".git/index").read_bytes() == index
    assert repo.git("count-objects").startswith(b"4 ")  # two blobs, a tree, a commit: none was written


def test_a_file_changed_in_the_second_in_which_it_was_added(repo):
    then = (1_700_000_000, 1_700_000_000)
    os.utime(repo.write("same_size.py", "x = 1\n"), then)
    repo.commit({"gone.py": "y = 1\n"})
    os.utime(repo.root / ".git" / "index", then)
    os.utime(repo.write("same_size.py", "x = 2\n"), then)
    repo.remove("gone.py")
    repo.write("new.py", "z = 1\n")
    assert shape(change(repo)) == [("gone.py", None), (None, "new.py"), ("same_size.py", "same_size.py")]


def test_a_renamed_folder(repo):
    repo.commit({f"old/m{n}.py": numbered_lines(9).replace("a", f"m{n}_") for n in range(3)})
    repo.git("mv", "old", "new")
    expected = [(f"old/m{n}.py", f"new/m{n}.py") for n in range(3)]
    assert shape(change(repo)) == shape(change(repo, Staged())) == expected


def test_a_copy_is_new_and_says_of_what(repo):
    repo.commit({"a.py": numbered_lines(20)})
    repo.write("copy.py", numbered_lines(20))
    repo.write("a.py", numbered_lines(20, _1="z = 1"))
    repo.git("add", "-A")
    assert change(repo, Staged()).files == (
        FileChange("a.py", "a.py", frozenset({1}), frozenset({1})),
        FileChange(None, "copy.py", copied_from="a.py"),
    )


def test_a_file_that_is_no_longer_tracked_but_still_there(repo):
    repo.commit({"a.py": "a = 1\n", "b.py": "b = 1\n"})
    repo.git("rm", "-q", "--cached", "a.py", "b.py")
    repo.write("b.py", "b = 2\n")
    assert change(repo).files == (FileChange("b.py", "b.py", frozenset({1}), frozenset({1})),)
    assert shape(change(repo, Staged())) == [("a.py", None), ("b.py", None)]


def test_an_index_that_is_not_there(repo):
    repo.commit({"a.py": numbered_lines(9), "b.py": "b = 1\n"})
    repo.remove(".git/index")
    (repo.root / "a.py").rename(repo.root / "c.py")
    assert shape(change(repo)) == [("a.py", "c.py")]
    assert shape(change(repo, Staged())) == [("a.py", None), ("b.py", None)]


def test_modes_binaries_and_empty_files(repo):
    repo.commit({"run.py": "x = 1\n", "pic.png": b"\0one", "same.png": b"\0two", "empty.py": ""})
    (repo.root / "run.py").chmod(0o755)
    (repo.root / "same.png").chmod(0o755)
    repo.write("pic.png", b"\0three")
    repo.write("new-empty.py", "")
    repo.remove("empty.py")
    assert change(repo).files == (
        FileChange("empty.py", None),
        FileChange(None, "new-empty.py"),
        FileChange("pic.png", "pic.png"),
        FileChange("run.py", "run.py", NONE, NONE),
        FileChange("same.png", "same.png", NONE, NONE),
    )
    assert change(repo).base.read("pic.png") == b"\0one"
    assert change(repo).head.read("pic.png") == b"\0three"


def test_a_python_file_called_binary_by_attributes_is_touched_as_a_whole(repo):
    repo.commit({"a.py": "a = 1\nb = 2\n", ".gitattributes": "*.py -diff\n"})
    repo.write("a.py", "a = 1\nb = 3\n")
    assert change(repo).files == (FileChange("a.py", "a.py"),)


@pytest.mark.parametrize("name", ["é.py", 'q"uote.py', "new\nline.py", "tab\t.py", " lead.py", "b a.py", "-x.py", ":(top)"])
def test_unusual_names(repo, name):
    repo.commit({name: "a = 1\nb = 2\n"})
    repo.write(name, "a = 1\nb = 3\n")
    assert change(repo).files == (FileChange(name, name, frozenset({2}), frozenset({2})),)
    assert change(repo).base.read(name) == b"a = 1\nb = 2\n"
    assert change(repo).head.paths() == change(repo).base.paths() == (name,)


def test_a_name_that_is_not_utf8(repo):
    name = os.fsdecode(b"latin-\xe9.py")
    repo.commit({name: "a = 1\n"})
    repo.write(name, "a = 2\n")
    assert shape(change(repo)) == [(name, name)]
    assert change(repo).base.read(name) == b"a = 1\n"


def test_content_that_looks_like_a_patch(repo):
    repo.commit({"a.py": "x = 0\n-- a/x\n++ b/x\n@@ -1 +1 @@\n" + "x\n" * 9 + "end"})
    repo.write("a.py", "x = 0\n++ b/y\n+++ b/z\n@@ -7 +7 @@\n" + "x\n" * 9 + "++ b/a.py\nend\n")
    lines = frozenset({2, 3, 4, 14})
    assert change(repo).files == (FileChange("a.py", "a.py", lines | {15}, lines),)


def test_no_newline_at_the_end(repo):
    repo.commit({"a.py": "a = 1\nb = 2", "b.py": "a = 1\nb = 2\n"})
    repo.write("a.py", "a = 1\nb = 2\nc = 3")
    repo.write("b.py", "a = 1\nb = 2")
    assert change(repo).files == (
        FileChange("a.py", "a.py", frozenset({2, 3}), frozenset({2})),
        FileChange("b.py", "b.py", frozenset({2}), frozenset({2})),
    )


def test_crlf_and_autocrlf(repo):
    repo.git("config", "core.autocrlf", "true")
    repo.write("a.py", "a = 1\r\nb = 2\r\n")
    repo.commit()
    assert repo.git("show", "HEAD:a.py") == b"a = 1\nb = 2\n"
    repo.write("a.py", "a = 1\r\nb = 3\r\n")
    os.utime(repo.root / "a.py", (1, 1))
    assert change(repo).files == (FileChange("a.py", "a.py", frozenset({2}), frozenset({2})),)
    repo.write("a.py", "a = 1\r\nb = 2\r\n")
    assert change(repo).files == ()


def test_a_lone_carriage_return_touches_all_lines(repo):
    repo.commit({"a.py": "a = 1\nb = 2\n", "b.py": "a = 1\rb = 2\nc = 3\n", "c.py": "a = 1\r\nb = 2\r\n"})
    repo.write("a.py", "a = 1\nb = 3\rc = 4\n")
    repo.write("b.py", "a = 1\nb = 2\nc = 3\n")
    repo.write("c.py", "a = 1\r\nb = 3\r\n")
    assert change(repo).files == (
        FileChange("a.py", "a.py", None, frozenset({2})),
        FileChange("b.py", "b.py", frozenset({1, 2}), None),
        FileChange("c.py", "c.py", frozenset({2}), frozenset({2})),
    )


def test_files_folders_and_links_take_one_anothers_place(repo):
    repo.commit({"file": "x\n" * 9, "folder/a.py": "a = 1\n", "to_link.py": "b = 1\n", "target.py": "t = 1\n"})
    (repo.root / "from_link.py").symlink_to("target.py")
    (repo.root / "folder_link").symlink_to("folder")
    repo.commit()
    repo.remove("file")
    repo.write("file/inner.py", "i = 1\n")
    repo.remove("folder/a.py")
    (repo.root / "folder").rmdir()
    repo.write("folder", "now a file\n")
    repo.remove("to_link.py")
    (repo.root / "to_link.py").symlink_to("target.py")
    repo.remove("from_link.py")
    repo.write("from_link.py", "f = 1\n")
    repo.remove("folder_link")
    (repo.root / "folder_link").symlink_to("file")
    expected = [
        ("file", None),
        (None, "file/inner.py"),
        (None, "folder"),
        ("folder/a.py", None),
        (None, "from_link.py"),
        ("to_link.py", None),
    ]
    for source in (WorkingTree(), Staged()):
        found = change(repo, source)
        assert shape(found) == expected
        assert found.head.read("to_link.py") is None
        assert found.base.read("from_link.py") is None
        assert found.head.read("folder_link/inner.py") is None
        assert found.head.paths() == ("file/inner.py", "folder", "from_link.py", "target.py")
        repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "all")
    assert shape(change(repo, Revisions("HEAD~1"))) == expected


def test_links_are_not_followed_out_of_the_tree(repo, tmp_path):
    (tmp_path / "secret.py").write_text("s = 1\n")
    repo.commit({"a.py": "a = 1\n"})
    (repo.root / "link.py").symlink_to(tmp_path / "secret.py")
    (repo.root / "up").symlink_to(tmp_path)
    found = change(repo)
    assert found.files == ()
    for path in ("link.py", "up/secret.py", "../secret.py", "x/../../secret.py", "a\0b", "", ".", "a.py/b"):
        assert found.head.read(path) is None


def test_submodules_are_left_out(repo, tmp_path):
    inner = Repo(tmp_path / "inner")
    inner.commit({"i.py": "i = 1\n"})
    repo.commit({"a.py": "a = 1\n"})
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.root), "sub")
    assert shape(change(repo)) == [(None, ".gitmodules")]
    repo.commit()
    Repo(repo.root / "sub").commit({"i.py": "i = 2\n"})
    assert change(repo).files == ()
    assert change(repo).head.paths() == change(repo).base.paths() == (".gitmodules", "a.py")
    repo.git("add", "sub")
    assert change(repo, Staged()).files == ()


def test_merge_conflicts(repo):
    repo.commit({"a.py": "a = 1\n", "b.py": "b = 1\n"})
    repo.git("checkout", "-q", "-b", "other")
    repo.commit({"a.py": "a = 2\n", "b.py": None})
    repo.git("checkout", "-q", "main")
    repo.commit({"a.py": "a = 3\n", "b.py": "b = 3\n"})
    repo.git("merge", "-q", "other", ok=False)
    with pytest.raises(GuardrailError, match=r"^a\.py has an unresolved merge conflict"):
        change(repo, Staged())
    assert change(repo).files == (FileChange("a.py", "a.py", frozenset({1, 3, 4, 5}), NONE),)
    repo.remove("b.py")
    assert shape(change(repo)) == [("a.py", "a.py"), ("b.py", None)]


def test_revisions_begin_at_the_merge_base(repo):
    first = repo.commit({"a.py": "a = 1\n"})
    repo.git("checkout", "-q", "-b", "topic")
    repo.commit({"b.py": "b = 1\n"})
    repo.git("checkout", "-q", "main")
    repo.commit({"c.py": "c = 1\n"})
    found = change(repo, Revisions("main", "topic"))
    assert found.files == (FileChange(None, "b.py"),)
    assert found.head.read("b.py") == b"b = 1\n"
    assert found.base.paths() == ("a.py",)
    assert found.label == "main → topic"
    assert shape(change(repo, Revisions(first))) == [(None, "c.py")]
    repo.git("checkout", "-q", "--detach", "topic")
    repo.write("b.py", "b = 2\n")
    repo.write("d.py", "d = 1\n")
    assert shape(change(repo, Revisions("main"))) == [(None, "b.py")]
    found = change(repo, Revisions("main", worktree=True))
    assert shape(found) == [(None, "b.py"), (None, "d.py")]
    assert found.head.read("b.py") == b"b = 2\n"


def test_criss_cross_merges(repo):
    repo.commit({"a.py": "a = 1\n"})
    repo.git("checkout", "-q", "-b", "other")
    other = repo.commit({"o.py": "o = 1\n"})
    repo.git("checkout", "-q", "main")
    main = repo.commit({"m.py": "m = 1\n"})
    repo.git("merge", "-q", "-m", "one", other)
    repo.git("checkout", "-q", "other")
    repo.git("merge", "-q", "-m", "two", main)
    repo.commit({"new.py": "n = 1\n"})
    first = repo.git("merge-base", "main", "other").decode().strip()
    assert first in (main, other)
    missing = "o.py" if first == main else "m.py"
    assert shape(change(repo, Revisions("main", "other"))) == sorted([(None, missing), (None, "new.py")])


def test_a_base_that_is_missing(repo):
    repo.commit({"a.py": "a = 1\n"})
    for base in ("nope", "--all", "-x", "main..HEAD", "", "HEAD:a.py", "a\0b", "0" * 40):
        with pytest.raises(GuardrailError, match=r"no commit .* in this repository$"):
            change(repo, Revisions(base))
    repo.git("checkout", "-q", "--orphan", "lonely")
    repo.commit({"a.py": "a = 2\n"})
    with pytest.raises(GuardrailError, match="no commit in common"):
        change(repo, Revisions("main"))


@pytest.fixture
def upstream(tmp_path: Path) -> Repo:
    origin = Repo(tmp_path / "origin")
    origin.commit({"a.py": "a = 1\n"})
    origin.git("checkout", "-q", "-b", "topic")
    for number in range(3):
        origin.commit({"b.py": f"b = {number}\n"})
    origin.git("checkout", "-q", "main")
    origin.commit({"c.py": "c = 1\n"})
    origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
    return origin


@pytest.mark.parametrize("depth", [(), ("--depth=1",)])
@pytest.mark.parametrize("base", ["origin/main", "main", "the commit"])
def test_the_fetch_line_of_a_missing_base_mends_it(upstream, tmp_path, depth, base):
    url = upstream.root.as_uri()
    clone = Repo(tmp_path)
    clone.git("clone", "-q", *depth, "--single-branch", "-b", "topic", url, "clone")
    clone = Repo(tmp_path / "clone")
    if base == "the commit":
        base = upstream.git("rev-parse", "main").decode().strip()
    with pytest.raises(GuardrailError) as error:
        change(clone, Revisions(base))
    line = str(error.value).split("`")[1]
    assert line.startswith("git fetch ")
    clone.git(*shlex.split(line)[1:])
    assert shape(change(clone, Revisions(base))) == [(None, "b.py")]


def test_the_fetch_line_of_a_shallow_clone_mends_it(upstream, tmp_path):
    Repo(tmp_path).git("clone", "-q", "--depth=1", "--no-single-branch", "-b", "topic", upstream.root.as_uri(), "clone")
    clone = Repo(tmp_path / "clone")
    for base in ("origin/main", "HEAD~3"):
        with pytest.raises(GuardrailError, match=r"shallow clone.*`git fetch --unshallow origin`"):
            change(clone, Revisions(base))
    clone.git("fetch", "-q", "--unshallow", "origin")
    assert shape(change(clone, Revisions("origin/main"))) == [(None, "b.py")]
    assert shape(change(clone, Revisions("HEAD~3"))) == [(None, "b.py")]


def test_a_partial_clone_never_fetches(upstream, tmp_path):
    upstream.git("config", "uploadpack.allowFilter", "true")
    Repo(tmp_path).git("clone", "-q", "--filter=blob:none", "--no-checkout", upstream.root.as_uri(), "clone")
    clone = Repo(tmp_path / "clone")
    with pytest.raises(GuardrailError, match="partial clone") as error:
        change(clone, Revisions("main~1", "main"))
    clone.git(*shlex.split(str(error.value).split("`")[1])[1:])
    found = change(clone, Revisions("main~1", "main"))
    assert shape(found) == [(None, "c.py")]
    assert found.head.read("c.py") == b"c = 1\n"
    with pytest.raises(Unreadable, match="not in this clone"):
        found.head.read("a.py")


def test_not_a_repository(tmp_path):
    for source in (WorkingTree(), Staged(), Revisions("main")):
        with pytest.raises(NotARepository, match="`guardrail scan` works without git"):
            read_change(source, tmp_path)


def test_git_is_not_installed(repo, monkeypatch):
    monkeypatch.setenv("PATH", str(repo.root))
    with pytest.raises(GuardrailError, match="git is not installed"):
        change(repo)


def test_git_does_not_trust_the_folder(repo, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(GuardrailError, match=r"safe\.directory"):
        change(repo)


def test_from_a_subfolder_and_from_inside_git(repo):
    repo.commit({"sub/deep/a.py": "a = 1\n", "top.py": "t = 1\n"})
    repo.write("top.py", "t = 2\n")
    repo.write("sub/deep/b.py", "b = 2\n")
    found = read_change(WorkingTree(), repo.root / "sub" / "deep")
    assert shape(found) == [(None, "sub/deep/b.py"), ("top.py", "top.py")]
    with pytest.raises(GuardrailError):
        read_change(WorkingTree(), repo.root / ".git")


def test_linked_worktree_and_git_file(repo, tmp_path):
    repo.commit({"a.py": "a = 1\n"})
    repo.git("worktree", "add", "-q", "-b", "linked", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked")
    assert (linked.root / ".git").is_file()
    linked.write("a.py", "a = 2\n")
    (linked.root / "moved.py").write_text("")
    assert shape(change(linked)) == [("a.py", "a.py"), (None, "moved.py")]
    linked.git("add", "a.py")
    assert shape(change(linked, Staged())) == [("a.py", "a.py")]
    assert change(repo).files == ()
    separate = Repo(tmp_path / "separate", "--separate-git-dir", str(tmp_path / "elsewhere.git"))
    separate.commit({"b.py": numbered_lines(9)})
    (separate.root / "b.py").rename(separate.root / "c.py")
    assert shape(change(separate)) == [("b.py", "c.py")]


def test_a_bare_repository_has_revisions_only(repo, tmp_path):
    repo.commit({"a.py": "a = 1\n"})
    repo.commit({"a.py": "a = 2\n"})
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    assert [f.path for f in read_change(Revisions("HEAD~1"), tmp_path / "bare.git").files] == ["a.py"]
    with pytest.raises(GuardrailError, match="no working tree"):
        read_change(WorkingTree(), tmp_path / "bare.git")


def test_sha256(tmp_path):
    repo = Repo(tmp_path / "sha256", "--object-format=sha256")
    repo.write("a.py", "a = 1\n")
    repo.git("add", "a.py")
    assert shape(change(repo, Staged())) == [(None, "a.py")]
    repo.commit()
    repo.git("rm", "-q", "--cached", "a.py")
    assert change(repo).files == ()
    assert shape(change(repo, Staged())) == [("a.py", None)]


def test_settings_of_the_user_do_not_change_what_is_read(repo):
    repo.commit({"sub/a.py": numbered_lines(30), "b.py": numbered_lines(9).replace("a", "b")})
    for setting in (
        "diff.noprefix=true",
        "diff.mnemonicPrefix=true",
        "diff.algorithm=patience",
        "diff.context=9",
        "diff.interHunkContext=99",
        "diff.renames=false",
        "diff.relative=true",
        "diff.orderFile=/nowhere",
        "diff.ignoreSubmodules=none",
        "color.ui=always",
        "color.diff=always",
        "core.quotePath=true",
        "diff.wordRegex=.",
    ):
        repo.git("config", *setting.split("="))
    repo.write("sub/a.py", numbered_lines(30, _3="x", _9="y"))
    repo.git("mv", "b.py", "c.py")
    found = read_change(WorkingTree(), repo.root / "sub")
    assert found.files == (
        FileChange("b.py", "c.py", NONE, NONE),
        FileChange("sub/a.py", "sub/a.py", frozenset({3, 9}), frozenset({3, 9})),
    )


def test_trees_can_be_sent_to_workers(repo):
    repo.commit({"a.py": "a = 1\n"})
    repo.write("a.py", "a = 2\n")
    repo.git("add", "a.py")
    repo.commit()
    repo.write("a.py", "a = 3\n")
    for source in (WorkingTree(), Staged(), Revisions("HEAD~1"), Revisions("HEAD~1", worktree=True)):
        found = change(repo, source)
        again = pickle.loads(pickle.dumps(found))
        assert (again.base.read("a.py"), again.head.read("a.py")) == (found.base.read("a.py"), found.head.read("a.py"))
        assert again.head.paths() == ("a.py",)
        prefetch(again.base, ["a.py", "nowhere.py"])
        assert again.base.read("nowhere.py") is None


def test_a_file_that_may_not_be_read(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "a.py").write_text("a = 1\n")
    (folder / "a.py").chmod(0)
    os.mkfifo(folder / "pipe.py")
    program = (
        "import os, sys\nfrom guardrail.change import FolderTree\nfrom guardrail.model import Unreadable\n"
        "if os.geteuid() == 0:\n    os.seteuid(65534)\n"
        "try:\n    FolderTree(sys.argv[1]).read('a.py')\nexcept Unreadable as error:\n    print(error)\n"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", program, folder], cwd=root, capture_output=True, text=True)
    assert done.stdout == "permission denied\n", done.stderr
    from guardrail.change import FolderTree

    assert FolderTree(str(folder)).read("pipe.py") is None
