"""Words of a hostile repository in the Markdown of GitHub and GitLab: they format nothing, link nowhere and call nobody.

Entities keep a character from being Markdown, but mentions, references and links are looked for once those are resolved.
Nothing is looked for inside of `<code>`, so whatever could be one of them goes there.
"""

from __future__ import annotations

import re

from guardrail.report.escape import one_line

_SPECIAL = re.compile(r"[^\w\s.,;'\"/=%?…–—·×→-]|_", re.ASCII)
_CALLS = re.compile(r"@|#|://|www\.|[!$%&~^:]\w", re.IGNORECASE)  # @name, #1, GH-1's kin on GitLab, links, :emoji:
_CODE = re.compile(r"`([^`]+)`")
_HEX = re.compile(r"\b[0-9a-f]{7,40}\b")  # a commit


def code(text: str) -> str:
    """The text as code, exactly as it is written."""
    return f"<code>{_entities(one_line(text))}</code>" if text else ""


def prose(text: str) -> str:
    """A sentence: what stands between backticks as code, so does each word that could be a mention, a reference or a link."""
    parts = _CODE.split(one_line(text))
    return "".join(code(part) if number % 2 else _words(part) for number, part in enumerate(parts))


def _words(text: str) -> str:
    words = re.split(r"(\s+)", text)
    return "".join(code(w) if _CALLS.search(w) or _HEX.search(w) else _entities(w) for w in words)


def _entities(text: str) -> str:
    return _SPECIAL.sub(lambda m: f"&#{ord(m[0])};" if m[0].isascii() else m[0], text)
