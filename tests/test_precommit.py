"""The hooks under the real pre-commit, in temporary repositories."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHIPPED = ["pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml", "guardrail", "rules"]
CLEAN = 'def greeting(name: str) -> str:\n    return f"hello {name}"\n'
VULNERABLE = "import requests\n\n\ndef rates(url):\n    return requests.get(url, timeout=3, verify=False)\n"
CONFIG = """\
repos:
  - repo: {repo}
    rev: {rev}
    hooks:
      - id: guardrail
      - id: guardrail-scan
        stages: [manual]
"""


@dataclass(frozen=True)
class Repository:
    """A folder under git, and the environment to run commands in it."""

    path: Path
    environment: dict[str, str]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command there, whatever it answers; both streams come back as one text."""
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.run(command, cwd=self.path, env=self.environment, text=True, check=False, **both)

    def git(self, *arguments: str) -> str:
        """Run git, which must succeed."""
        done = self.run("git", *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        """Write and stage a file."""
        (self.path / name).write_text(text, encoding="utf-8")
        self.git("add", name)

    def commit(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Commit what is staged, through the hook unless told otherwise."""
        return self.run("git", "commit", "--message", "a change", *options)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment without the outer repository, with pre-commit's own home and this interpreter first."""
    home = tmp_path_factory.mktemp("pre-commit")
    outer = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "PRE_COMMIT"))}
    return {
        **outer,
        "GIT_AUTHOR_NAME": "Test",
        "GIT_AUTHOR_EMAIL": "test@example.com",
        "GIT_COMMITTER_NAME": "Test",
        "GIT_COMMITTER_EMAIL": "test@example.com",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{outer['PATH']}",
        "PRE_COMMIT_COLOR": "never",
        "PRE_COMMIT_HOME": str(home),
    }


@pytest.fixture(scope="module")
def hooks(environment, tmp_path_factory):
    """guardrail as a hook repository: what is shipped, committed."""
    repository = Repository(tmp_path_factory.mktemp("hooks"), environment)
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, repository.path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, repository.path / name)
    repository.git("init", "--quiet")
    repository.git("add", ".")
    repository.commit()
    return repository


@pytest.fixture
def project(hooks, environment, tmp_path):
    """A project with one clean file and the hook installed."""
    repository = Repository(tmp_path, environment)
    repository.git("init", "--quiet")
    repository.write(".pre-commit-config.yaml", CONFIG.format(repo=hooks.path, rev=hooks.git("rev-parse", "HEAD")))
    repository.write("app.py", CLEAN)
    repository.commit()
    assert repository.run("pre-commit", "install", "--install-hooks").returncode == 0
    return repository


def test_a_commit_with_a_p0_is_refused_and_shows_it(project):
    before = project.git("rev-parse", "HEAD")
    project.write("rates.py", VULNERABLE)
    done = project.commit()
    assert done.returncode != 0
    assert "Failed" in done.stdout
    assert "[P0] rates.py:5" in done.stdout
    assert "NET004" in done.stdout
    assert project.git("rev-parse", "HEAD") == before


def test_what_is_not_staged_does_not_count(project):
    project.write("rates.py", CLEAN)
    (project.path / "rates.py").write_text(VULNERABLE, encoding="utf-8")
    assert project.commit().returncode == 0


def test_a_clean_commit_passes_quietly(project):
    project.write("app.py", CLEAN.replace("hello", "good evening"))
    done = project.commit("--quiet")
    assert done.returncode == 0
    [line] = done.stdout.splitlines()
    assert line.startswith("guardrail (the change)...")
    assert line.endswith("...Passed")


def test_a_commit_that_only_deletes_runs_the_hook(project):
    project.git("rm", "--quiet", "app.py")
    done = project.commit("--quiet")
    assert done.returncode == 0
    assert "Passed" in done.stdout
    assert "Skipped" not in done.stdout


def test_a_range_is_judged_by_its_two_ends(project):
    start = project.git("rev-parse", "HEAD")
    project.write("rates.py", VULNERABLE)
    project.commit("--no-verify")
    middle = project.git("rev-parse", "HEAD")
    project.write("app.py", CLEAN.replace("hello", "good evening"))
    project.commit("--no-verify")
    whole = project.run("pre-commit", "run", "--from-ref", start, "--to-ref", "HEAD", "guardrail")
    rest = project.run("pre-commit", "run", "--from-ref", middle, "--to-ref", "HEAD", "guardrail")
    assert whole.returncode == 1
    assert "[P0] rates.py:5" in whole.stdout
    assert rest.returncode == 0, rest.stdout


def test_all_files_can_be_scanned(project):
    project.write("rates.py", VULNERABLE)
    project.commit("--no-verify")
    change = project.run("pre-commit", "run", "--all-files", "guardrail")
    scan = project.run("pre-commit", "run", "--all-files", "--hook-stage", "manual", "guardrail-scan")
    assert change.returncode == 0, change.stdout
    assert scan.returncode == 1
    assert "[P0] rates.py:5" in scan.stdout
