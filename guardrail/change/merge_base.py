"""The commit that a change began from, or the `git fetch` line that brings it here."""

from __future__ import annotations

import re

from guardrail.change.git import Git
from guardrail.model import GuardrailError

_OBJECT_ID = re.compile(r"[0-9a-f]{7,64}\Z")
_BRANCH = re.compile(r"[\w][\w./+-]*\Z")


def merge_base(git: Git, base: str, head: str) -> tuple[str, str]:
    """The ids of the merge-base of two revisions and of the second one."""
    base_id = git.commit(base)
    head_id = git.commit(head)
    if head_id is None:
        if head == "HEAD":
            raise GuardrailError("HEAD has no commit yet, so there is nothing to compare with a base")
        raise _missing(git, head)
    if base_id is None:
        raise _missing(git, base)
    done = git.attempt("merge-base", base_id, head_id)
    if done.returncode == 0:
        return done.stdout.decode().split()[0], head_id
    if git.shallow:
        line = f"git fetch --unshallow {_remote(git) or 'origin'}"
        raise GuardrailError(f"this shallow clone does not reach the merge-base of {base} and {head}; run `{line}`")
    raise GuardrailError(f"{base} and {head} have no commit in common, so there is no base to compare with")


def _missing(git: Git, revision: str) -> GuardrailError:
    """Say that a revision is not here and, where a fetch can bring it, how."""
    message = f"there is no commit {revision!r} in this {'shallow clone' if git.shallow else 'repository'}"
    remote = _remote(git)
    if remote is None:
        return GuardrailError(message)
    words = ["git", "fetch", *(["--unshallow"] if git.shallow else []), remote]
    if _OBJECT_ID.match(revision):
        words.append(revision)
    elif _BRANCH.match(revision) and revision != "HEAD" and ".." not in revision:
        remotes = git.run("remote").decode().split()
        first, _, rest = revision.partition("/")
        if first in remotes and rest:
            words[-1] = first
            words.append(f"{rest}:refs/remotes/{revision}")
        else:
            words.append(f"{revision}:{revision}")
    elif not git.shallow:
        return GuardrailError(message)
    return GuardrailError(f"{message}; run `{' '.join(words)}`")


def _remote(git: Git) -> str | None:
    """The remote to fetch from: origin if there is one."""
    remotes = git.run("remote").decode().split()
    return "origin" if "origin" in remotes else next(iter(remotes), None)
