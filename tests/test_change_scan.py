"""Scans: everything is new, with and without git."""

import os
import pickle
from pathlib import Path

import pytest
from repos import Repo

from guardrail.change import Paths, read_change
from guardrail.model import FileChange, GuardrailError, Skipped

FILES = {
    "app.py": "a = 1\n",
    "README.md": "#\n",
    "sub/b.py": "b = 1\n",
    "sub/keep.log": "",
    "sub/x.log": "",
    "out/c.py": "",
    "sub/.gitignore": "!keep.log\n/local/\n",
    "sub/local/d.py": "",
    ".gitignore": "*.log\nout/\n",
}


def fill(root: Path) -> Path:
    for path, content in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return root


def names(cwd: Path, *paths: object) -> list[str]:
    return [f.path for f in read_change(Paths(tuple(map(str, paths))), cwd).files]


@pytest.fixture(params=["git", "no git"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    root = tmp_path / "project"
    if request.param == "git":
        Repo(root).commit({"tracked.py": "t = 1\n"})
        (root / "tracked.py").unlink()
    return fill(root)


def test_a_folder_without_what_is_ignored(folder):
    found = read_change(Paths(()), folder)
    expected = [".gitignore", "README.md", "app.py", "sub/.gitignore", "sub/b.py", "sub/keep.log"]
    assert [f.path for f in found.files] == list(found.head.paths()) == expected
    assert found.files[2] == FileChange(None, "app.py")
    assert found.root == str(folder.resolve())
    assert found.head.read("app.py") == b"a = 1\n"
    assert found.base.read("app.py") is None
    assert found.skipped == ()
    assert found.label == "scan"
    assert pickle.loads(pickle.dumps(found)).head.paths() == tuple(expected)


def test_named_files_and_folders(folder):
    assert names(folder, "sub") == ["sub/.gitignore", "sub/b.py", "sub/keep.log"]
    assert names(folder, "out/c.py", "sub/x.log", "app.py", "./app.py") == ["app.py", "out/c.py", "sub/x.log"]
    assert names(folder, "out") == ["out/c.py"]  # ignored, but asked for by name
    assert names(folder, folder / "sub", "app.py") == ["app.py", "sub/.gitignore", "sub/b.py", "sub/keep.log"]
    with pytest.raises(GuardrailError, match=r"'nope\.py'"):
        names(folder, "app.py", "nope.py")
    with pytest.raises(GuardrailError, match="no file or folder"):
        names(folder, "a\0b")


def test_links_are_not_followed(folder, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/o.py").write_text("o = 1\n")
    (folder / "link.py").symlink_to("app.py")
    (folder / "dir").symlink_to("sub")
    (folder / "away").symlink_to(tmp_path / "outside")
    (folder / "away.py").symlink_to(tmp_path / "outside/o.py")
    (folder / "dangling.py").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.py")
    assert {"link.py", "dir", "away", "away.py", "dangling.py", "pipe.py"}.isdisjoint(names(folder))
    assert names(folder, "link.py") == ["app.py"]
    assert names(folder, "dir/b.py") == ["sub/b.py"]
    found = read_change(Paths(("away", "away.py", "app.py")), folder)
    reason = "a symbolic link that leads out of the tree"
    assert found.skipped == (Skipped("away", reason), Skipped("away.py", reason))
    assert [f.path for f in found.files] == ["app.py"]
    with pytest.raises(GuardrailError, match=r"dangling\.py"):
        names(folder, "dangling.py")


def test_paths_are_relative_to_the_repository(tmp_path):
    root = tmp_path / "repo"
    Repo(root)
    fill(root)
    assert names(root / "sub") == ["sub/.gitignore", "sub/b.py", "sub/keep.log"]
    assert names(root / "sub", "b.py", "../app.py") == ["app.py", "sub/b.py"]
    assert names(tmp_path, "repo/sub/b.py") == ["sub/b.py"]
    assert read_change(Paths(("repo/sub/b.py",)), tmp_path).root == str(root.resolve())
    (tmp_path / "plain.py").write_text("p = 1\n")
    assert names(tmp_path, "repo/app.py", "plain.py") == ["plain.py", "repo/app.py"]
    assert names(root, "../plain.py") == ["plain.py"]


def test_a_repository_inside_a_repository_is_scanned_when_named(tmp_path):
    outer = Repo(tmp_path / "outer")
    outer.commit({"a.py": "a = 1\n"})
    Repo(outer.root / "inner").commit({"i.py": "i = 1\n"})
    assert names(outer.root) == ["a.py"]
    assert names(outer.root, "inner") == ["inner/i.py"]


def test_the_root_outside_git(tmp_path):
    for path in ("here/a.py", "there/deep/b.py", "there/c.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    assert names(tmp_path / "here", "a.py") == ["a.py"]
    assert names(tmp_path / "here", "../there/deep") == ["b.py"]
    assert names(tmp_path / "here", tmp_path / "there/c.py") == ["c.py"]
    assert names(tmp_path, "there/deep") == ["there/deep/b.py"]
    assert names(tmp_path / "here", "../there/deep/b.py", "../there/c.py") == ["c.py", "deep/b.py"]


def test_what_is_installed_or_generated_is_passed_over_outside_git(tmp_path):
    for name in (".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox", "p.egg-info", "build"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.py").write_text("")
    assert names(tmp_path) == ["build/x.py"]
    assert names(tmp_path, ".venv") == [".venv/x.py"]


def test_an_empty_folder_is_an_empty_change(tmp_path):
    assert names(tmp_path) == []


def test_a_scan_without_git_installed(tmp_path, monkeypatch):
    fill(tmp_path)
    monkeypatch.setenv("PATH", "")
    assert "app.py" in names(tmp_path)
