"""`guardrail init`: what a repository needs to be guarded, shown before it is written; nothing is overwritten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from guardrail import __version__
from guardrail.change.git import NotARepository, open_repository
from guardrail.model import GuardrailError

SETTINGS = """\
[tool.guardrail]                  # docs/settings.md has all of them; `guardrail config PATH` tells what applies
fail-on = "P1"                    # the mildest severity that fails a run: P0, P1, P2 or never
# exclude = ["/vendored/"]        # files that nothing is said of, as in .gitignore
# require-signoff = ["do-not-use"]  # touched definitions there need the trailer that `guardrail signoff` prints

# [[tool.guardrail.paths]]        # another gate for some files
# glob = "payments/**"
# fail-on = "P2"

# [tool.guardrail.ai]             # lines that were drafted with an assistant
# raise = true
"""
HOOK = """\
- repo: local
  hooks:
    - id: guardrail
      name: guardrail (the change)
      entry: guardrail check --staged --quiet
      language: system # guardrail itself is installed where the project is developed
      pass_filenames: false
      always_run: true
      require_serial: true
"""
GITHUB = """\
name: guardrail
on:
  pull_request:
permissions:
  contents: read
jobs:
  guardrail:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
        with:
          fetch-depth: 0 # the merge base must be there
          persist-credentials: false
      - uses: actions/setup-python@v6
        with:
          python-version: "3.13"
      - run: python -m pip install guardrail-lint=={version}
      - run: guardrail check --base "origin/$GITHUB_BASE_REF" --format github
"""
GITLAB = """\
guardrail:
  image: python:3.13
  variables:
    GIT_DEPTH: "0" # the merge base must be there
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  script:
    - python -m pip install guardrail-lint=={version}
    - git fetch origin "$CI_MERGE_REQUEST_TARGET_BRANCH_NAME"
    - guardrail check --base "origin/$CI_MERGE_REQUEST_TARGET_BRANCH_NAME"
"""
_ITEM = re.compile(r"^(?P<indent> *)- +repo *:", re.M)


@dataclass(frozen=True, slots=True)
class Step:
    """One file: the text to put at its end (all of it, where it is new), or why it is left alone."""

    root: Path
    path: str
    text: str = ""
    new: bool = True
    why: str = ""

    def shown(self) -> str:
        """What would be written, for a person."""
        if not self.text:
            return f"{self.path}: {self.why}\n\n"
        lines = "".join(f"  + {line}".rstrip() + "\n" for line in self.text.splitlines())
        return f"{self.path} ({'new' if self.new else 'at its end'}):\n{lines}\n"


def plan(folder: Path, ci: str | None) -> list[Step]:
    """What is missing in the repository that a folder lies in."""
    try:
        git = open_repository(folder)
    except NotARepository as error:
        raise GuardrailError(f"{error}; run `git init` first") from None
    root = Path(git.root)
    remotes = git.attempt("config", "--get-regexp", r"^remote\..*\.url$").stdout
    kind = ci or ("gitlab" if b"gitlab" in remotes or (root / ".gitlab-ci.yml").exists() else "github")
    steps = [_settings(root), _hook(root)]
    return steps + ([_github(root)] if kind == "github" else [_gitlab(root)] if kind == "gitlab" else [])


def write(steps: list[Step]) -> Iterator[str]:
    """Write the steps, each told when it is done; a file that is there by now is not overwritten."""
    for step in steps:
        file = step.root / step.path
        if not step.text:
            continue
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x" if step.new else "a", encoding="utf-8", newline="\n") as out:
                out.write(step.text)
        except OSError as error:
            raise GuardrailError(f"cannot write {step.path}: {error.strerror}") from error
        yield f"{step.path}: written"


def _settings(root: Path) -> Step:
    shared = _text(root, "pyproject.toml")
    if _text(root, "guardrail.toml") is not None or (shared and re.search(r"^\[+tool\.guardrail\b", shared, re.M)):
        return Step(root, "guardrail.toml or pyproject.toml", why="has settings already")
    if shared is None:
        return Step(
            root, "guardrail.toml", SETTINGS.replace("[tool.guardrail]     ", "# Settings          ").replace("tool.guardrail.", "")
        )
    return Step(root, "pyproject.toml", _apart(shared) + SETTINGS, new=False)


def _hook(root: Path) -> Step:
    name = ".pre-commit-config.yaml"
    text, entry = _text(root, name), HOOK
    if text is None:
        return Step(root, name, "repos:\n" + _indented(entry, 2))
    if "guardrail" in text:
        return Step(root, name, why="calls guardrail already")
    items = _ITEM.findall(text)
    after = text[text.rfind("repo:") :].split("\n")[1:]
    if not items or any(line[:1] not in ("", " ", "#", "-") for line in after):
        return Step(root, name, why="is not of a form that can be added to; put this under repos:\n" + _indented(entry, 2).rstrip())
    return Step(root, name, _ended(text) + _indented(entry, len(items[-1])), new=False)


def _github(root: Path) -> Step:
    name = ".github/workflows/guardrail.yml"
    if _text(root, name) is not None:
        return Step(root, name, why="is there already")
    return Step(root, name, GITHUB.replace("{version}", __version__))


def _gitlab(root: Path) -> Step:
    name = ".gitlab-ci.yml"
    text, job = _text(root, name), GITLAB.replace("{version}", __version__)
    if text is not None and "guardrail" in text:
        return Step(root, name, why="calls guardrail already")
    return Step(root, name, job) if text is None else Step(root, name, _apart(text) + job, new=False)


def _text(root: Path, name: str) -> str | None:
    """The text of a file, None where nothing is; GuardrailError for what is no regular file."""
    file = root / name
    if file.is_symlink() or (file.exists() and not file.is_file()):
        raise GuardrailError(f"{name} is no regular file, so nothing is written there")
    try:
        return file.read_text("utf-8") if file.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise GuardrailError(f"cannot read {name}: {error}") from None


def _ended(text: str) -> str:
    return "" if not text or text.endswith("\n") else "\n"


def _apart(text: str) -> str:
    return _ended(text) + ("\n" if text else "")


def _indented(text: str, spaces: int) -> str:
    return "".join(" " * spaces + line for line in text.splitlines(keepends=True))
