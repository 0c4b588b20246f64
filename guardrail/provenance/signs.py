"""Signs that a commit was drafted with an assistant, by the table in rules/provenance.toml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from guardrail.change.history import Commit
from guardrail.packs import own_packs

PERSON = re.compile(r"(?P<name>[^<]*)<(?P<mail>[^>]*)>")
_TRAILER = re.compile(r"^([A-Za-z][A-Za-z0-9-]*)[ \t]*:[ \t]*(\S.*)$", re.M)
_TOOL = re.compile(r"[A-Za-z][\w .-]*:[\w./-]+")  # `tool:model`, the form that the kernel asks for
_MACHINE = re.compile(r"\A(?:no-?reply@|.*\[bot\]|\Z)")  # not `…@users.noreply.github.com`, behind which people are
_BOT = re.compile(r"^(?:\d+\+)?(?P<slug>[^@+]+?)(?:\[bot\])?@users\.noreply\.", re.I)
_SHORTEN = 60


@dataclass(frozen=True, slots=True)
class Sign:
    """Who drafted, and what says so."""

    assistant: str
    sign: str


@dataclass(frozen=True, slots=True)
class _Assistant:
    name: str
    names: tuple[str, ...] = ()
    short: tuple[str, ...] = ()
    mails: tuple[str, ...] = ()
    bots: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()

    def named(self, name: str, mail: str) -> bool:
        """Whether a person of a commit is this assistant."""
        bot = _BOT.match(mail)
        if mail in self.mails or (bot and bot["slug"] in self.bots):
            return True
        if name.endswith("[bot]") and name.removesuffix("[bot]") in self.bots:
            return True
        return name.endswith(self.suffixes or ("\0",)) or self.called(name, bool(_MACHINE.search(mail)))

    def called(self, text: str, surely_a_machine: bool) -> bool:
        """Whether a text begins with its name."""
        known = self.names + (self.short if surely_a_machine else ())
        return any(text.startswith(name) and not re.match(r"\w", text[len(name) :]) for name in known)


def sign_of(commit: Commit) -> Sign | None:
    """The first sign in a commit, None where there is none."""
    return next(_signs(commit), None)


def is_assistant(name: str, mail: str) -> bool:
    """Whether a name and a mail are those of an assistant."""
    return _known(name, mail) != ""


def _signs(commit: Commit) -> Iterator[Sign]:
    for role, (name, mail) in (("author", commit.author), ("committer", commit.committer)):
        if who := _known(name, mail):
            yield Sign(who, _short(f"{role} {name} <{mail}>"))
    for key, value in _TRAILER.findall(commit.message):
        if who := _of_trailer(key.lower(), value.strip()):
            yield Sign(who, _short(f"{key}: {value.strip()}"))
    for line in commit.message.split("\n"):
        if who := _of_footer(line):
            yield Sign(who, _short(line.strip()))
    subject = commit.message.partition("\n")[0].lower()
    yield from (Sign(a.name, _short(subject)) for a in _assistants() if subject.startswith(a.subjects or ("\0",)))


def _of_trailer(key: str, value: str) -> str:
    """The assistant that a trailer names, or nothing."""
    kinds = _table()["trailers"]
    person = PERSON.match(value)
    if key in kinds["people"]:
        return _known(person["name"], person["mail"]) if person else _known(value, "")
    if key in kinds["assistants"]:
        known = _known(person["name"], person["mail"]) if person else _known(value, "")
        return known or (value.partition(":")[0].strip() if not person and _TOOL.match(value) else "")
    return (_known(value, "") or "an assistant") if key in kinds["always"] else ""


def _of_footer(line: str) -> str:
    """The assistant that a line such as `Generated with [Name](…)` names, or nothing."""
    text = re.sub(r"^\W+", "", line.lower())
    for verb in _table()["footers"]["verbs"]:
        if text.startswith(verb):
            rest = text[len(verb) :].lstrip(" :[*_`")
            return next((a.name for a in _assistants() if a.called(rest, True)), "")
    return ""


def _known(name: str, mail: str) -> str:
    name, mail = " ".join(name.lower().split()), mail.strip().lower()
    return next((a.name for a in _assistants() if a.named(name, mail)), "")


def _short(text: str) -> str:
    return text if len(text) <= _SHORTEN else text[: _SHORTEN - 1] + "…"


@cache
def _table() -> dict[str, dict[str, list[str]]]:
    import tomli  # late: asked for commits with words that may name an assistant

    return tomli.loads((own_packs() / "provenance.toml").read_text("utf-8"))


@cache
def _assistants() -> tuple[_Assistant, ...]:
    tables: Any = _table()["assistant"]
    return tuple(map(_assistant, tables))


def _assistant(table: dict[str, Any]) -> _Assistant:
    given: dict[str, Any] = {key: value if key == "name" else tuple(value) for key, value in table.items()}
    return _Assistant(**given)
