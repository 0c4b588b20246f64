"""Colours of a terminal, by the part that a text plays."""

from __future__ import annotations

from collections.abc import Callable

CODES = {"P0": "1;31", "P1": "33", "P2": "36", "do-not-use": "1;31", "review-carefully": "1;33", "use-freely": "1;32"}
CODES |= {"place": "1", "aside": "2", "unread": "1;31", "lost": "31"}

Paint = Callable[[str, str], str]


def plain(part: str, text: str) -> str:
    """The text as it is."""
    return text


def coloured(part: str, text: str) -> str:
    """The text in the colour of its part."""
    return f"\x1b[{CODES[part]}m{text}\x1b[0m"
