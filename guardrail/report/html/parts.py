"""Pieces of HTML: every word that comes from a repository goes through `shown`."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from guardrail.model import Placement, Severity, Tier, Verdict
from guardrail.report.escape import characters

MEANS = {
    Severity.P0: "exploitable or data-losing as written",
    Severity.P1: "will bite in production",
    Severity.P2: "a weakness to schedule",
}
MARKS = {Tier.FORBIDDEN: "■", Tier.CAREFUL: "▲", Tier.FREE: "●"}  # colour alone tells nothing to those who do not see it


def shown(text: str) -> str:
    """Text as text, in an element or in a quoted attribute; characters that hide or move others in their escaped form."""
    return escape(characters(text), quote=True)


def phrase(text: str) -> str:
    """A sentence in which what stands between backticks is code."""
    parts = shown(text).split("`")
    if len(parts) % 2 == 0:
        return shown(text)
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


def place(path: str, line: int) -> str:
    """`path:line`, which may break behind a slash."""
    return f'<span class="place">{shown(path).replace("/", "/<wbr>")}:{line}</span>'


def listed(items: Iterable[str]) -> str:
    """A list of pieces."""
    return "".join(f"<li>{item}</li>" for item in items)


def words(names: Iterable[str]) -> str:
    """Names as the value of an attribute that scripts read word by word."""
    return " ".join(shown(name).replace(" ", "_") for name in names)


def origin(drafted: bool, verdict: Verdict) -> str:
    """The attribute by which the page filters by provenance; nothing where that is not known."""
    return f' data-origin="{"assistant" if drafted else "person"}"' if verdict.provenance else ""


def surfaces_of(group: Iterable[Placement]) -> list[str]:
    """The surfaces of a definition, each once."""
    return [*dict.fromkeys(p.surface for p in group)]
