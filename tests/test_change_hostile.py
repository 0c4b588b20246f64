"""A hostile repository makes git execute, fetch and write nothing."""

import os
from pathlib import Path

import pytest
from repos import Repo

from guardrail.change import Patch, Paths, Revisions, Staged, WorkingTree, read_change
from guardrail.model import GuardrailError

SOURCES = {
    "working tree": WorkingTree(),
    "staged": Staged(),
    "revisions": Revisions("HEAD~1"),
    "revisions against the working tree": Revisions("HEAD~1", worktree=True),
    "scan": Paths(),
    "patch": Patch(b"--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a = 3\n+a = 4\n"),
}


def hostile(root: Path, marker: Path) -> Repo:
    """A repository whose settings, attributes and hooks name a program wherever git lets them."""
    repo = Repo(root)
    repo.commit({"a.py": "a = 1\n", "b.py": "b = 1\n" * 20, "c.bin": b"\0"})
    repo.commit({"a.py": "a = 2\n"})
    program = root.parent / "evil.sh"
    program.write_text(f'#!/bin/sh\necho "$0 $@" >> {marker}\ncat\n')
    program.chmod(0o755)
    settings = {
        "core.fsmonitor": program,
        "core.pager": program,
        "core.editor": program,
        "core.sshCommand": program,
        "core.askPass": program,
        "core.alternateRefsCommand": program,
        "core.gitProxy": program,
        "core.hooksPath": root / "evil-hooks",
        "core.splitIndex": "true",
        "core.untrackedCache": "true",
        "pager.diff": program,
        "pager.diff-index": program,
        "diff.external": program,
        "diff.evil.command": program,
        "diff.evil.textconv": program,
        "diff.evil.cachetextconv": "true",
        "merge.evil.driver": program,
        "filter.evil.clean": program,
        "filter.evil.smudge": program,
        "filter.evil.process": program,
        "filter.evil.required": "true",
        "filter.with=sign and.dot.clean": program,
        "filter.with=sign and.dot.required": "true",
        "protocol.ext.allow": "always",
        "remote.origin.url": f"ext::{program}",
        "remote.origin.promisor": "true",
        "remote.origin.vcs": "evil",
        "remote.origin.uploadpack": program,
        "extensions.partialClone": "origin",
        "gpg.program": program,
        "log.showSignature": "true",
        "credential.helper": f"!{program}",
        "alias.diff-index": f"!{program}",
        "alias.ls-files": f"!{program}",
        "gc.auto": "1",
    }
    for key, value in settings.items():
        repo.git("config", key, str(value), GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="core.fsmonitor", GIT_CONFIG_VALUE_0="")
    names = "post-index-change pre-commit fsmonitor-watchman post-checkout reference-transaction pre-auto-gc".split()
    for folder in (root / "evil-hooks", root / ".git" / "hooks"):
        folder.mkdir(exist_ok=True)
        for name in names:
            (folder / name).write_bytes(program.read_bytes())
            (folder / name).chmod(0o755)
    (root / ".gitattributes").write_text("*.py diff=evil filter=evil merge=evil\n*.bin filter=with=sign\n")
    (root / ".git/info/attributes").write_text("b.py filter=with=sign\nc.bin diff=evil filter=evil\n")
    (root / "a.py").write_text("a = 3\n")
    (root / "c.bin").write_bytes(b"\0\0")
    (root / "b.py").rename(root / "moved.py")
    staged = repo.git("hash-object", "-w", "--no-filters", "--", "a.py").decode().strip()
    repo.git("update-index", "--cacheinfo", f"100644,{staged},a.py", GIT_CONFIG_COUNT="0")
    marker.unlink(missing_ok=True)
    return repo


@pytest.mark.parametrize("name", SOURCES)
def test_nothing_is_executed_and_nothing_is_written(tmp_path, monkeypatch, name):
    marker = tmp_path / "marker"
    repo = hostile(tmp_path / "repo", marker)
    for variable in ("GIT_EXTERNAL_DIFF", "GIT_PAGER", "PAGER", "GIT_SSH_COMMAND", "GIT_ASKPASS"):
        monkeypatch.setenv(variable, str(tmp_path / "evil.sh"))
    before = snapshot(repo.root)
    found = read_change(SOURCES[name], repo.root)
    for file in found.files:
        for tree, path in ((found.base, file.base_path), (found.head, file.head_path)):
            assert path is None or tree.read(path) is not None
    assert found.base.paths() is not None
    assert found.head.paths() is not None
    assert found.base.read("nowhere") is None
    assert found.files
    assert not marker.exists(), marker.read_text()
    assert snapshot(repo.root) == before


def test_the_trap_snaps_without_guardrail(tmp_path):
    marker = tmp_path / "marker"
    repo = hostile(tmp_path / "repo", marker)
    repo.git("diff", "HEAD", ok=False)
    text = marker.read_text()
    assert text


def test_a_missing_object_is_not_fetched_from_a_hostile_remote(tmp_path):
    marker = tmp_path / "marker"
    repo = hostile(tmp_path / "repo", marker)
    id = repo.git("rev-parse", "HEAD~1:a.py", GIT_CONFIG_COUNT="0").decode().strip()
    (repo.root / ".git/objects" / id[:2] / id[2:]).unlink()
    marker.unlink(missing_ok=True)
    with pytest.raises(GuardrailError):
        read_change(Revisions("HEAD~1"), repo.root)
    assert not marker.exists(), marker.read_text()


def test_an_old_git_is_refused(tmp_path, monkeypatch):
    Repo(tmp_path / "repo")
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    real = next(p for p in os.environ["PATH"].split(os.pathsep) if (Path(p) / "git").exists())
    old.write_text(f'#!/bin/sh\nunset GIT_CONFIG_COUNT\nexec {real}/git "$@"\n')
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(GuardrailError, match="too old"):
        read_change(WorkingTree(), tmp_path / "repo")


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file of a repository, git's own included."""
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
