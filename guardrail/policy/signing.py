"""`guardrail signoff`: the trailers by which a person signs off what a change touches."""

from __future__ import annotations

import os
import re
from pathlib import Path

from guardrail.change import FolderTree, Source, read_change
from guardrail.change.git import Git, open_repository
from guardrail.change.history import history
from guardrail.model import GuardrailError, Tier
from guardrail.policy import signoff
from guardrail.run import run
from guardrail.settings import Settings, load_settings

_IDENTITY = re.compile(r"(?P<name>.+?) <(?P<mail>[^>]*)> \d+ [+-]\d+\s*")


def trailers(cwd: Path, source: Source) -> tuple[list[str], list[str]]:
    """The trailer lines for the surfaces that need one, in the name of who commits here, and what stands against them.

    Where the settings ask for no sign-off, those of do-not-use code.
    """
    git = open_repository(cwd)
    name, mail = _identity(git)
    verdict = run(source, cwd, {"allow_incomplete": True})
    settings = load_settings(FolderTree(git.root).read)
    if not settings.require_signoff and not settings.ai.require_signoff:
        settings = Settings(require_signoff=(Tier.FORBIDDEN,))
    wanted = signoff.needed(verdict.placements, settings, verdict.provenance)
    lines = [f"{signoff.KEY}: {surface} by {name} <{mail}>" for surface in sorted({p.surface for p in wanted})]
    return lines, _objections(source, cwd, name, mail) if lines else ["nothing of this change needs a sign-off"]


def _objections(source: Source, cwd: Path, name: str, mail: str) -> list[str]:
    """Why a sign-off by this person may not count."""
    change = read_change(source, cwd)
    past = history(change)
    wrote = past is not None and any(
        not signoff.other(signoff.Signoff("", name, mail, ""), signoff.authors(commit)) for commit in past.commits()
    )
    return ["you wrote some of these commits: what you wrote somebody else has to sign off"] if wrote else []


def _identity(git: Git) -> tuple[str, str]:
    done = git.attempt("var", "GIT_COMMITTER_IDENT")
    match = _IDENTITY.fullmatch(os.fsdecode(done.stdout)) if done.returncode == 0 else None
    if not match:
        raise GuardrailError("git does not know who you are; set user.name and user.email")
    return match["name"], match["mail"]
