"""What is measured on: Django as PyPI has it, its releases as a git history, and changes of several sizes on top of it."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

RELEASES = ("5.0", "5.1", "5.2")
_GIT = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "core.autocrlf=false"]


def django(folder: Path) -> dict[str, Path]:
    """Release → the unpacked wheel; downloaded on the first run."""
    found = {}
    for release in RELEASES:
        place = folder / f"django-{release}"
        if not place.exists():
            command = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "-qq",
                "--no-deps",
                "--only-binary=:all:",
                "-d",
                folder,
                f"django=={release}",
            ]
            subprocess.run(command, check=True)
            with zipfile.ZipFile(next(folder.glob(f"[dD]jango-{release}-*.whl"))) as wheel:
                wheel.extractall(place)
        found[release] = place / "django"
    return found


def history(folder: Path, releases: dict[str, Path]) -> Path:
    """A repository with a commit for each release, and a branch for each change that is measured."""
    repository = folder / "history"
    if repository.exists():
        return repository
    repository.mkdir(parents=True)
    git(repository, "init", "--quiet", "--initial-branch=main")
    for release, source in releases.items():
        shutil.rmtree(repository / "django", ignore_errors=True)
        shutil.copytree(source, repository / "django")
        commit(repository, f"Django {release}")
    dull = repository / "django" / "utils" / "lorem_ipsum.py"
    branch(repository, "dull", {dull: dull.read_text("utf-8") + '\nGREETING = "hello"\n'})
    last, before = (releases[r] for r in (RELEASES[-1], RELEASES[-2]))
    for count in (1, 5, 50):
        branch(repository, f"files-{count}", dict(_edits(repository, last, before, count)))
    five, fifty = (dict(_edits(repository, last, before, count)) for count in (5, 50))
    branch(repository, "others", {path: text for path, text in fifty.items() if path not in five})
    for lines in (10, 100, 1_000, 10_000):
        branch(repository, f"lines-{lines}", dict(_additions(repository, last, lines)))
    return repository


def branch(repository: Path, name: str, files: dict[Path, str]) -> None:
    """A branch from the last release with one commit that gives these files these contents."""
    git(repository, "checkout", "--quiet", "-b", name, "main")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    commit(repository, name)
    git(repository, "checkout", "--quiet", "main")


def commit(repository: Path, message: str) -> None:
    """Everything as it stands."""
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", message)


def git(repository: Path, *arguments: str) -> None:
    """Run git there."""
    subprocess.run([*_GIT, *arguments], cwd=repository, check=True)


def _edits(repository: Path, last: Path, before: Path, count: int) -> Iterable[tuple[Path, str]]:
    """Files that differ between two releases, put back to the older one: a change such as people make."""
    paths = sorted(p.relative_to(last) for p in last.rglob("*.py") if "locale" not in p.parts)
    texts = ((p, before / p) for p in paths if (before / p).exists())
    differing = [(p, old.read_text("utf-8")) for p, old in texts if old.read_text("utf-8") != (last / p).read_text("utf-8")]
    step = max(1, len(differing) // count)
    return [(repository / "django" / p, text) for p, text in differing[::step][:count]]


def _additions(repository: Path, last: Path, lines: int) -> Iterable[tuple[Path, str]]:
    """New files of that many lines together, copied from all over the release."""
    left = lines
    for path in sorted(last.rglob("*.py"), key=lambda p: (len(p.parts), p.name)):
        text = path.read_text("utf-8").split("\n")
        if len(text) > 50 and left > 0:
            yield repository / "django" / "fresh" / f"{left}_{path.name}", "\n".join(text[:left]) + "\n"
            left -= min(left, len(text))
