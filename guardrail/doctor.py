"""`guardrail doctor`: whether the guard is closed. Canaries through the pipeline, and what of git, settings and hooks is there."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from guardrail import __version__
from guardrail.cache import Cache
from guardrail.canaries import canaries
from guardrail.change.git import NotARepository, open_repository
from guardrail.model import GuardrailError
from guardrail.packs import Rules, load_packs

_HOOKS = ("pre-commit", "pre-push", "commit-msg")


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that was looked at; `open` where a mistake would get past."""

    what: str
    words: str
    open: bool = False


def examine(folder: Path) -> list[Sign]:
    """Everything that decides whether a mistake would be found in this folder."""
    found = [Sign("version", f"guardrail {__version__}, Python {sys.version.split()[0]}")]
    found += _packs()
    found += _git(folder)
    root = _root(folder)
    found += _settings(root)
    found += _calls(root)
    kept = Cache()
    where = f"{kept.file}: {kept.entries()} files, {kept.size()} bytes"
    return [*found, Sign("cache", where)]


def in_words(found: list[Sign]) -> str:
    """One line for each, and the answer last."""
    from guardrail.report.escape import one_line

    lines = [f"{'OPEN' if f.open else 'ok':<4}  {f.what:<9}  {one_line(f.words)}" for f in found]
    broken = sum(f.open for f in found)
    return (
        "\n".join(
            [*lines, "", f"the guard is open in {broken} place{'' if broken == 1 else 's'}" if broken else "the guard is closed"]
        )
        + "\n"
    )


def _packs() -> Iterator[Sign]:
    """The packs, and whether each finds its known mistake."""
    try:
        rules = load_packs()
        birds = canaries(rules)
    except (GuardrailError, ValueError, OSError) as error:
        yield Sign("packs", f"cannot be used: {error}", True)
        return
    ids = len({rule.id for rule in rules.rules})
    yield Sign("packs", f"{len(birds)} packs, {ids} rules in {len(rules.rules)} tables", not rules.rules)
    counts = Counter(rule.pack.removesuffix(".toml") for rule in rules.rules)
    for bird in birds:
        words = f"{bird.pack}: {counts[bird.pack]} rules, {bird.rule} finds its known mistake"
        yield Sign("canary", words if bird.alive else f"{bird.pack}: {bird.rule} does not find its known mistake", not bird.alive)


def _git(folder: Path) -> Iterator[Sign]:
    try:
        git = open_repository(folder)
    except NotARepository as error:
        yield Sign("git", f"{error}", True)
        return
    except GuardrailError as error:
        yield Sign("git", str(error), True)
        return
    version = git.run("--version").decode("utf-8", "replace").strip()
    head = git.commit("HEAD")
    shallow = "; a shallow clone, in which a merge base may be missing" if git.shallow else ""
    yield Sign("git", f"{version}, {git.root}{'' if head else ', no commit yet'}{shallow}")


def _root(folder: Path) -> Path:
    try:
        return Path(open_repository(folder).root)
    except GuardrailError:
        return folder


def _settings(root: Path) -> Iterator[Sign]:
    """What the settings let pass."""
    from guardrail.change import FolderTree
    from guardrail.run import settings_and_rules
    from guardrail.settings import FILES

    tree = FolderTree(str(root))
    files = [name for name in FILES if os.path.isfile(root / name)]  # noqa: PTH113
    try:
        settings, rules = settings_and_rules(tree)
    except GuardrailError as error:
        yield Sign("settings", str(error), True)
        return
    yield Sign("settings", f"{', '.join(files) or 'none: defaults'}; {_counted(rules)}")
    for name in FILES:
        if os.path.lexists(root / name) and tree.read(name) is None:
            yield Sign("settings", f"{name} is no regular file, so nobody reads it", True)
    if settings.fail_on is None:
        yield Sign("settings", 'fail-on = "never": nothing fails a run', True)
    if settings.allow_incomplete:
        yield Sign("settings", "allow-incomplete = true: a file that is not read passes", True)
    for glob in ("**", "*", "/", "*.py"):
        if glob in settings.exclude:
            yield Sign("settings", f"exclude = {glob!r}: nothing is judged", True)


def _counted(rules: Rules) -> str:
    return f"{len({r.id for r in rules.rules})} rules, {len(rules.surfaces)} surfaces"


def _calls(root: Path) -> Iterator[Sign]:
    """The hooks and CI files that call guardrail; one that is not there opens nothing where another is."""
    from guardrail.change import FolderTree
    from guardrail.globs import matches
    from guardrail.policy.guarding import CALLERS

    tree = FolderTree(str(root))
    callers = [path for path in _listed(root) if any(matches(path, glob) for glob in CALLERS)]
    found = [path for path in callers if b"guardrail" in (tree.read(path) or b"")]
    hooks = [f".git/hooks/{name}" for name in _HOOKS if (root / ".git" / "hooks" / name).is_file()]
    yield Sign("hooks", ", ".join(hooks) or "no git hook is installed here (`pre-commit install` does that)")
    yield Sign("calls", ", ".join(found) or "no CI file and no hook calls guardrail; `guardrail init` sets that up")


def _listed(root: Path) -> list[str]:
    from guardrail.change.trees import listed

    try:
        return listed(open_repository(root))
    except GuardrailError:
        return []
