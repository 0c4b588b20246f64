"""Checks of the file-deser pack: how much comes out of an archive, who may read what is written, who holds a lock file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow, tracing

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_LIMITS = re.compile(r"(^|_)(max|limit|quota|ratio|budget)(_|$)|file_size|max_length|MAX_")
_PRIVATE = re.compile(r"0o?600|0o?400|0o?077|S_IRUSR|opener|chmod|umask|encrypt|NamedTemporaryFile|mkstemp|keyring", re.IGNORECASE)


def unlimited(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Unpacking of user input in a definition that knows no limit."""
    if any(_LIMITS.search(name) for name in _names(facts)):
        return
    yield from matches


def _names(facts: Facts) -> set[str]:
    found = {n.value for n in facts.nodes if isinstance(n, cst.Name)} | {
        n.attr.value for n in facts.nodes if isinstance(n, cst.Attribute)
    }
    return found | {n.keyword.value for n in facts.nodes if isinstance(n, cst.Arg) and n.keyword is not None}


def opened_by_client(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Members read out of an archive that a client sent."""
    for match in unlimited(facts, matches):
        for origin, call in flow.makers(facts, flow.receiver(match.node)):
            made = isinstance(call, cst.Call) and origin.names(call.func) & {"zipfile.ZipFile", "tarfile.open", "tarfile.TarFile"}
            if made and isinstance(call, cst.Call) and any(origin.tainted(a.value) for a in call.args):
                yield match
                break


def readable_by_all(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Private keys and passwords written to a file in a definition that says nothing of who may read it."""
    if _PRIVATE.search(" ".join(facts.file.lines)):
        return
    for match in matches:
        _, value = match.env["X"]
        words = tracing.words_of(facts.code(value))
        if words & {"password", "secret", "private", "passphrase", "credentials"} and not words & {
            "hash",
            "hashed",
            "public",
            "encrypted",
        }:
            yield match


def not_exclusive(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A lock file made without O_EXCL, on which nothing takes a lock of the system's."""
    if re.search(r"flock|lockf|msvcrt\.locking|O_EXLOCK", facts.file.source.text):
        return
    for match in matches:
        flags = facts.code(match.env["F"][1])
        if "O_CREAT" in flags and "O_EXCL" not in flags:
            yield match


def writable_by_all(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Modes that let everybody write; not that of a folder in which nobody may touch what is another's (0o1777)."""
    for match in matches:
        owner, node = match.env["M"]
        mode = owner.constant(node)
        if isinstance(mode, int) and mode & 0o002 and not mode & 0o1000:
            yield match


def left_open(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Not where the mask is only asked for, and set back at once: `mask = os.umask(0); os.umask(mask)`."""
    for match in matches:
        name = flow.assigned_name(facts, match.node)
        back = re.compile(rf"umask\({re.escape(name)}\)") if name else None
        if back is None or not any(isinstance(n, cst.Call) and back.search(facts.code(n)) for n in facts.nodes):
            yield match
