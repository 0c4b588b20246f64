"""The baseline: fingerprints of known findings, one a line, sorted, without lines of code and times."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from guardrail.model import Finding, GuardrailError, Unreadable
from guardrail.ownrules import is_ours

_FINGERPRINT = re.compile(r"v\d+:[0-9a-f]{32}")


def read_baseline(read: Callable[[str], bytes | None], path: str, named: bool) -> dict[str, str]:
    """Fingerprint → its line; none where there is no file, unless the settings have `named` it.

    A finding and its twin have different fingerprints (the order among equals is part of them), so that one never absorbs the
    other, and a line that both sides of a merge have added counts once.
    """
    try:
        data = read(path)
        text = data.decode("utf-8") if data is not None else ""
    except (Unreadable, UnicodeDecodeError) as error:
        raise GuardrailError(f"{path}: the baseline cannot be read: {error}") from None
    if data is None and named:
        raise GuardrailError(f"{path}: there is no such baseline; `guardrail baseline` writes it")
    known = {}
    for number, line in enumerate(text.splitlines(), 1):
        fingerprint = line.rpartition(" ")[2]
        if line and not _FINGERPRINT.fullmatch(fingerprint):
            raise GuardrailError(f"{path}:{number}: no line of a baseline: {line[:60]!r}")
        if line:
            known[fingerprint] = line
    return known


def written(lines: Iterable[str]) -> str:
    """The text of a baseline: the same bytes for the same findings, wherever and by however many workers they were found."""
    return "".join(f"{line}\n" for line in sorted(set(lines)))


def lines_of(findings: Iterable[Finding]) -> list[str]:
    """A line for each finding in code: where it is, for people and for git's merge, and its fingerprint."""
    return [f"{_word(f.path)} {_word(f.definition)} {f.rule} {f.fingerprint}" for f in findings if not is_ours(f.rule)]


def _word(text: str) -> str:
    """A text as one word of ASCII."""
    return text.encode("unicode_escape").decode("ascii").replace(" ", "\\x20")
