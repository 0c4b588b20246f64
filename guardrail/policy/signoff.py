"""Sign-offs: `Guardrail-Reviewed: SURFACE by NAME <MAIL>` in a commit of the range, by somebody other than the author."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from guardrail.change.history import Commit, History
from guardrail.drafted import Provenance
from guardrail.model import Finding, Placement
from guardrail.ownrules import SIGNOFF_MISSING, finding
from guardrail.provenance import PERSON, is_assistant
from guardrail.settings import Settings

KEY = "Guardrail-Reviewed"
_VALUE = re.compile(r"(?P<surface>[\w-]+)\s+by\s+(?P<name>[^<>]+?)\s*<(?P<mail>[^<>\s]+)>")
MANY = 200  # definitions whose commits are looked up one by one; of more, every commit of the range counts


@dataclass(frozen=True, slots=True)
class Signoff:
    """One trailer: who went through the questions of which surface, and up to which commit."""

    surface: str
    name: str
    mail: str
    commit: str


def needed(placements: Iterable[Placement], settings: Settings, drafted: Provenance | None) -> list[Placement]:
    """The touched definitions, each once a surface, that need a sign-off."""
    found: dict[tuple[str, str, str], Placement] = {}
    for p in placements:
        assisted = drafted is not None and any(drafted.holds(p.path, n, n) for n in p.touched)
        wanted = {*settings.require_signoff, *(settings.ai.require_signoff if assisted else ())}
        if wanted & {p.tier, p.surface}:
            found.setdefault((p.path, p.definition, p.surface), p)
    return list(found.values())


def missing(wanted: Sequence[Placement], past: History, commits: Sequence[Commit]) -> list[Finding]:
    """A finding for each definition and surface without a valid sign-off of every commit that touches it."""
    given = signoffs(commits)
    before = _ancestry(commits)
    by_id = {c.id: c for c in commits}
    found = []
    for number, p in enumerate(wanted):
        touching = _touching(p, past, by_id) if number < MANY else [*by_id]
        for id in touching:
            people = authors(by_id[id])
            if not any(s.surface == p.surface and id in before[s.commit] and other(s, people) for s in given):
                found.append(_finding(p, by_id[id], touching[0]))
                break
    return found


def signoffs(commits: Iterable[Commit]) -> list[Signoff]:
    """The trailers of a range that name a person; an assistant cannot sign."""
    found = []
    for commit in commits:
        for key, value in commit.trailers:
            match = _VALUE.fullmatch(value) if key.lower() == KEY.lower() else None
            if match and not is_assistant(match["name"], match["mail"]):
                found.append(Signoff(match["surface"], match["name"], match["mail"], commit.id))
    return found


def authors(commit: Commit) -> frozenset[str]:
    """The names and mails of those who wrote a commit, co-authors included, in small letters."""
    people = [commit.author]
    for key, value in commit.trailers:
        if key.lower() in ("co-authored-by", "co-developed-by") and (match := PERSON.match(value)):
            people.append((match["name"], match["mail"]))
    return frozenset(_folded(word) for person in people for word in person if word.strip())


def other(signoff: Signoff, people: Collection[str]) -> bool:
    """Whether the one who signs is none of these people."""
    return _folded(signoff.name) not in people and _folded(signoff.mail) not in people


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _touching(p: Placement, past: History, known: Mapping[str, Commit]) -> list[str]:
    """The commits that touch a definition, the newest first; where git cannot tell, all of the range."""
    blamed = past.blame(p.path)
    ids = {*past.touching(p.path, p.line, p.end_line), *(blamed[n].commit for n in p.touched if n in blamed)} & known.keys()
    order = list(known)
    return sorted(ids or known, key=order.index, reverse=True)


def _ancestry(commits: Sequence[Commit]) -> dict[str, frozenset[str]]:
    """Commit → itself and the commits of the range before it; parents come before children."""
    found: dict[str, frozenset[str]] = {}
    for commit in commits:
        above = [found[parent] for parent in commit.parents if parent in found]
        found[commit.id] = frozenset({commit.id}).union(*above)
    return found


def _finding(p: Placement, unsigned: Commit, last: str) -> Finding:
    message = (
        f"`{p.definition}` is on {p.surface} ({p.tier}) and nobody but its author has signed it off: "
        f"`{KEY}: {p.surface} by NAME <MAIL>` is missing in or after commit {last[:12]}, "
        f"by somebody other than {unsigned.author[0]} <{unsigned.author[1]}>."
    )
    return finding(SIGNOFF_MISSING, p.path, p.line, message, p.surface, p.definition)
