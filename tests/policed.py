"""A project with rules of its own, one surface of each tier, for tests of policy in real repositories."""

from __future__ import annotations

from pathlib import Path

from command import Ran, guardrail
from repos import Repo

_SURFACE = """\
[surface]
id = "{id}"
title = "{id}"
tier = "{tier}"
why = "They say so."
review = ["Is it?"]

[surface.signals]
calls = ["{call}", "{call}_well"]
words = ["{call}_well"]

[[rule]]
id = "{rule}001"
name = "{id}-badly"
severity = "P0"
any = ["{call}(...)"]
message = "`$CALLEE` is called."
remedy = "Do not."

[[rule]]
id = "{rule}002"
name = "{id}-loosely"
severity = "P2"
any = ["{call}_loosely(...)"]
message = "`$CALLEE` is called."
remedy = "Do not."
"""
PACKS = {
    "rules/halls.toml": _SURFACE.format(id="halls", tier="use-freely", call="shout", rule="HAL"),
    "rules/doors.toml": _SURFACE.format(id="doors", tier="review-carefully", call="knock", rule="DOR"),
    "rules/vaults.toml": _SURFACE.format(id="vaults", tier="do-not-use", call="unlock", rule="VLT"),
}
SETTINGS = '[tool.guardrail]\npacks = ["rules"]\n'
START = "def enter(guest):\n    return guest\n"


def project(root: Path, settings: str = "", **files: str) -> Repo:
    """A repository with the packs, settings (after `packs`) and one harmless file, committed."""
    repo = Repo(root)
    repo.commit({**PACKS, "pyproject.toml": SETTINGS + settings, "app.py": START, **files})
    return repo


def check(repo: Repo, *options: str, **more: str) -> Ran:
    """`guardrail check` with a JSON report."""
    return guardrail("check", "--format", "json", *options, cwd=repo.root, **more)


def scan(repo: Repo, *options: str) -> Ran:
    """`guardrail scan` with a JSON report."""
    return guardrail("scan", "--format", "json", *options, cwd=repo.root)


def since(repo: Repo, base: str, *options: str) -> Ran:
    """`guardrail check --base` with a JSON report."""
    return check(repo, "--base", base, *options)


def told(ran: Ran) -> list[str]:
    """`SEVERITY RULE path:line` of each finding."""
    return [f"{f['severity']} {f['rule']} {f['path']}:{f['line']}" for f in ran.told["findings"]]


def rules_of(ran: Ran) -> set[str]:
    """The rules that were reported."""
    return {f["rule"] for f in ran.told["findings"]}
