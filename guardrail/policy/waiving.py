"""`guardrail waive`: the [[waiver]] for a finding, with the fingerprint of its code."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from guardrail.change import FolderTree, Paths, Revisions, Source, WorkingTree
from guardrail.change.git import NotARepository
from guardrail.model import Finding, GuardrailError, Status
from guardrail.policy.code import Codes
from guardrail.policy.known import root_of


def tables(cwd: Path, rule: str, path: str, line: int, base: str | None, words: Mapping[str, str]) -> str:
    """One table for each finding of the rule in the file (line 0: anywhere in it); GuardrailError where there is none."""
    root = root_of(cwd)
    inside = Path(os.path.relpath(cwd / path, root)).as_posix()
    change: Source = WorkingTree() if base is None else Revisions(base, worktree=True)
    found = _found(change, cwd, rule, inside, line) or _found(Paths((path,)), cwd, rule, inside, line)
    if not found:
        where = f"{inside}:{line}" if line else inside
        raise GuardrailError(f"there is no finding of {rule} at {where}, neither in the change nor in the file")
    codes = Codes(FolderTree(str(root)).read)
    return "\n".join(dict.fromkeys(_table(f, codes(f), words) for f in found))


def _found(source: Source, cwd: Path, rule: str, path: str, line: int) -> list[Finding]:
    from guardrail.run import run

    try:
        verdict = run(source, cwd, {"allow_incomplete": True})
    except NotARepository:
        return []
    seen = [d.finding for d in verdict.decisions if d.finding.status is Status.INTRODUCED]
    return [f for f in seen if (f.rule, f.path) == (rule, path) and (not line or f.line <= line <= f.end_line)]


def _table(finding: Finding, code: str, words: Mapping[str, str]) -> str:
    given = {
        "rule": finding.rule,
        "path": finding.path,
        "definition": finding.definition,
        "reason": words["reason"],
        "owner": words["owner"],
        "until": words["until"],
        "code": code,
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in given.items()]
    return "\n".join(["[[waiver]]", *lines]) + "\n"
