"""git, run in such a way that a hostile repository cannot make it execute, fetch or write anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from guardrail.model import GuardrailError

# Each would otherwise name a program to run or change what a diff says. Filter drivers are added by `_without_filters`.
_SETTINGS = (
    ("core.fsmonitor", "false"),
    ("core.hooksPath", os.devnull),
    ("core.pager", "cat"),
    ("core.quotePath", "false"),
    ("core.safecrlf", "false"),
    ("diff.suppressBlankEmpty", "false"),
    ("diff.autoRefreshIndex", "false"),
    ("core.splitIndex", "false"),
    ("protocol.allow", "never"),
)
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",  # unlike protocol.allow, it cannot be overruled by protocol.<name>.allow
    "GIT_LITERAL_PATHSPECS": "1",
}
_DROPPED = ("GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS")

_NOT_A_REPOSITORY = "not in a git repository, so there is no change to check; `guardrail scan` works without git"


class NotARepository(GuardrailError):
    """A folder that no git repository holds."""


class NoGit(NotARepository):
    """git is not installed."""


@dataclass(frozen=True, slots=True)
class Git:
    """One repository as seen from its top-level folder."""

    root: str
    settings: tuple[tuple[str, str], ...] = _SETTINGS
    variables: tuple[tuple[str, str], ...] = ()
    object_format: str = "sha1"
    shallow: bool = False
    bare: bool = False
    partial: bool = False  # contents may be missing now and be there later

    def run(self, *arguments: str, input: bytes = b"", variables: Mapping[str, str] | None = None) -> bytes:
        """What a git command prints; GuardrailError with git's own words if it fails."""
        return self.output(self.attempt(*arguments, input=input, variables=variables))

    def attempt(
        self, *arguments: str, input: bytes = b"", variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a git command and leave the judgement to the caller."""
        program = shutil.which("git")
        if program is None:
            raise NoGit("git is not installed or not on PATH; `guardrail scan` works without it")
        environment = _environment(self.settings) | dict(self.variables) | dict(variables or {})
        return subprocess.run([program, "--no-pager", *arguments], cwd=self.root, env=environment, input=input, capture_output=True)

    def output(self, done: subprocess.CompletedProcess[bytes]) -> bytes:
        """What a git command that has ended printed; GuardrailError with git's own words if it failed."""
        if done.returncode:
            raise GuardrailError(f"git {done.args[2]} failed: {_complaint(done.stderr)}")
        return done.stdout

    def commit(self, revision: str) -> str | None:
        """The id of the commit that a revision names, None if there is none."""
        if revision.startswith("-") or "\0" in revision:
            return None
        done = self.attempt("rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}")
        return done.stdout.decode().strip() or None if done.returncode == 0 else None

    def names(self, *arguments: str) -> list[str]:
        """The NUL-separated paths that a git command prints."""
        return [os.fsdecode(name) for name in self.run(*arguments).split(b"\0") if name]

    def blobs(self, ids: Iterable[str]) -> dict[str, bytes]:
        """The contents of blobs, read by one process; those that this clone does not hold are left out."""
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        done = self.attempt("cat-file", "--batch", input=_lines(wanted))
        if b"promisor remote" in done.stderr:  # a partial clone, and the first missing blob ends the command
            here = self.run("cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectname)").split()
            wanted = sorted(set(wanted).intersection(id.decode() for id in here))
            done = self.attempt("cat-file", "--batch", input=_lines(wanted))
        output = self.output(done)
        found: dict[str, bytes] = {}
        at = 0
        for id in wanted:
            end = output.index(b"\n", at)
            words = output[at:end].split()
            at = end + 1
            if len(words) == 3 and words[1] != b"missing":
                size = int(words[2])
                if words[1] == b"blob":
                    found[id] = output[at : at + size]
                at += size + 1
        return found


def open_repository(folder: Path) -> Git:
    """The repository that a folder lies in, with all its filter drivers switched off."""
    inherited = tuple(
        (name, str((folder / value).resolve()))
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR")
        if (value := os.environ.get(name))
    )
    probe = Git(str(folder), variables=inherited)
    questions = ("--is-bare-repository", "--is-shallow-repository", "--show-object-format", "--show-toplevel")
    done = probe.attempt("rev-parse", *questions)
    bare, shallow, object_format, root = (os.fsdecode(done.stdout).split("\n", 3) + [""] * 4)[:4]
    if done.returncode and bare != "true":
        raise _refusal(folder, done.stderr)
    if bare == "true":
        root = os.fsdecode(probe.run("rev-parse", "--absolute-git-dir"))
    root = os.path.realpath(root.removesuffix("\n"))
    if any(name == "GIT_DIR" for name, _ in inherited) and bare != "true":
        inherited += (("GIT_WORK_TREE", root),)
    git = Git(root, _SETTINGS, inherited, object_format, shallow == "true", bare == "true")
    values = _configured(git)
    partial = any(key.startswith("remote.") and key.endswith((".promisor", ".partialclonefilter")) for key in values)
    return replace(git, settings=_without_filters(values), partial=partial or "extensions.partialclone" in values)


def _configured(git: Git) -> dict[str, str]:
    """The configuration of git, our settings included."""
    entries = [entry.partition("\n") for entry in os.fsdecode(git.run("config", "--list", "-z")).split("\0")]
    return {key: value for key, _, value in entries}


def _without_filters(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The settings, and for each clean, smudge or process filter that the configuration names: run nothing."""
    if values.get("core.hookspath") != os.devnull or values.get("core.fsmonitor") != "false":
        raise GuardrailError("this git is too old to be run safely on a foreign repository; 2.31 or later is needed")
    filters = {key[len("filter.") : key.rindex(".")] for key in values if key.startswith("filter.")}
    switched_off = [
        (f"filter.{name}.{key}", "false" if key == "required" else "")
        for name in sorted(filters)
        for key in ("clean", "smudge", "process", "required")
    ]
    return (*_SETTINGS, *switched_off)


def _environment(settings: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The user's environment with the settings added; as variables, since `-c` cannot carry every name of a filter."""
    environment = {name: value for name, value in os.environ.items() if name not in _DROPPED} | _ENVIRONMENT
    first = int(environment.get("GIT_CONFIG_COUNT") or 0)
    environment["GIT_CONFIG_COUNT"] = str(first + len(settings))
    for number, (key, value) in enumerate(settings, first):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment


def _lines(ids: list[str]) -> bytes:
    return "".join(f"{id}\n" for id in ids).encode()


def _refusal(folder: Path, stderr: bytes) -> GuardrailError:
    """Why git does not take a folder for a repository."""
    if b"dubious ownership" in stderr:
        return GuardrailError(
            f"git does not trust {folder}, which belongs to another user; if you do, run "
            f"`git config --global --add safe.directory {folder}`"
        )
    if b"not a git repository" in stderr.lower() or b"must be run in a work tree" in stderr:
        return NotARepository(f"{folder} is {_NOT_A_REPOSITORY}")
    return GuardrailError(f"git cannot read the repository at {folder}: {_complaint(stderr)}")


def _complaint(stderr: bytes) -> str:
    """The line of git's error output that says what is wrong."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (fatal or lines or ["no reason given"])[0].removeprefix("fatal: ").removeprefix("error: ")
