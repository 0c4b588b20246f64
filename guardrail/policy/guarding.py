"""Findings about a change that edits its own guard: settings, packs, baseline, waivers, and what calls guardrail."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from guardrail.globs import matches
from guardrail.model import Change, FileChange, Finding, GuardrailError, Severity, Tree, Unreadable
from guardrail.ownrules import CALL_CHANGED, GUARD_CHANGED, OwnRule, finding
from guardrail.places import WHOLE_FILE
from guardrail.policy.baseline import read_baseline
from guardrail.policy.loosened import changed_keys, loosened
from guardrail.settings import FILES, Settings, load_settings

CALLERS = (
    "**/.pre-commit-config.y*ml", ".github/workflows/*.y*ml", ".github/actions/**", "**/.gitlab-ci.y*ml", ".gitlab/**",
    "**/azure-pipelines*.y*ml", ".circleci/**", "**/Jenkinsfile*", "bitbucket-pipelines.yml", ".drone.yml", ".travis.yml",
    ".woodpecker/**", ".buildkite/**", ".forgejo/workflows/**", ".gitea/workflows/**", ".husky/**", ".githooks/**", "githooks/**",
    "lefthook.y*ml", "**/Makefile", "**/justfile", "Taskfile.y*ml", "noxfile.py", "tox.ini",
)  # fmt: skip
_CALL = "guardrail"
_UNHEARD = (  # compiled when somebody asks: few changes touch what calls guardrail
    r"\|\|\s*(?:true|:|exit\s+0)|--exit-zero|--allow-incomplete|--fail-on[= ]+(?:never|P0)|--config-from|--ignore\b|--select\b"
    r"|continue-on-error|allow_failure|\bif\s*:\s*(?:false|\$\{\{\s*false)|when\s*:\s*(?:never|manual)|\bSKIP\b|stages\s*:\s*\[?\s*manual"
    r"|set\s+\+e|exit\s+0"
)


def guarded(change: Change, settings: Settings) -> list[Finding]:
    """What a change does to the settings of its base and to what calls guardrail."""
    files = {path: f for f in change.files for path in (f.base_path, f.head_path) if path}
    found = [*_settings(change, settings, files), *_calls(change)]
    return list({(f.rule, f.path): f for f in found}.values())


def _settings(change: Change, settings: Settings, files: dict[str, FileChange]) -> Iterator[Finding]:
    head = settings
    if ours := next((files[name] for name in FILES if name in files), None):
        try:
            before, head = load_settings(change.base.read), load_settings(change.head.read)
            if keys := changed_keys(before, head):
                loose = loosened(before, head)
                what = f"The settings differ in {', '.join(keys)}" + (f"; looser: {', '.join(loose)}." if loose else ".")
                yield _told(GUARD_CHANGED, ours, what, bool(loose))
        except GuardrailError as error:
            yield _told(GUARD_CHANGED, ours, f"The settings at head cannot be read: {error}", True)
    for path in sorted({settings.baseline, head.baseline} & files.keys()):
        if told := _baseline(change, settings, head, files[path]):
            yield told
    for path, file in sorted(files.items()):
        if any(_below(path, pack) for pack in (*settings.packs, *head.packs)):
            yield _told(GUARD_CHANGED, file, f"The pack {path} is another than in base.", file.base_path is not None)


def _below(path: str, pack: str) -> bool:
    clean = pack.removeprefix("./").rstrip("/")
    return path == clean or (path.endswith(".toml") and path.startswith(f"{clean}/"))


def _baseline(change: Change, settings: Settings, head: Settings, file: FileChange) -> Finding | None:
    try:
        known = read_baseline(change.base.read, settings.baseline, False)
        now = read_baseline(change.head.read, head.baseline, False)
    except GuardrailError as error:
        return _told(GUARD_CHANGED, file, f"The baseline at head cannot be read: {error}", True)
    more, gone = now.keys() - known.keys(), known.keys() - now.keys()
    if not more and not gone:
        return None
    return _told(GUARD_CHANGED, file, f"The baseline has {len(more)} new entries and lost {len(gone)}.", bool(more))


def _calls(change: Change) -> Iterator[Finding]:
    """CI files and hooks that call guardrail, in base or now."""
    for file in change.files:
        if not any(matches(path, glob) for path in (file.base_path, file.head_path) if path for glob in CALLERS):
            continue
        before, after = _lines(change.base, file.base_path), _lines(change.head, file.head_path)
        if not _calls_us(*before, *after) or before == after:
            continue
        lost = [line for line in before if _calls_us(line) and not after[line]]
        unheard = [line for line in after - before if re.search(_UNHEARD, line)] if _calls_us(*before) else []
        what = f"`{lost[0].strip()[:80]}` is gone" if lost else f"`{unheard[0].strip()[:80]}` is new" if unheard else "it differs"
        yield _told(CALL_CHANGED, file, f"{file.path} calls guardrail, and {what}.", bool(lost or unheard))


def _calls_us(*lines: str) -> bool:
    return any(_CALL in line.lower() for line in lines)


def _lines(tree: Tree, path: str | None) -> Counter[str]:
    try:
        data = tree.read(path) if path else None
    except Unreadable:
        data = None
    return Counter((data or b"").decode("utf-8", "replace").splitlines())


def _told(rule: OwnRule, file: FileChange, message: str, loose: bool) -> Finding:
    line = min(file.added or (), default=1)
    severity = Severity.P1 if loose else rule.severity
    return finding(rule, file.path, line, message.replace("\n", "; "), rule.id + file.path, WHOLE_FILE, severity)
