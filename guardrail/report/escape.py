"""Names and code of a hostile repository made safe: for a terminal, for the log of a CI, for CI commands."""

from __future__ import annotations

import re
import unicodedata

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # controls, bidi and zero-width, surrogates, line separators
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # other categories, and yet nothing to see
_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#\w*\[)")  # what a CI runner reads as an order: `::x::`, `##[x]`, `##vso[x]`


def characters(text: str) -> str:
    """Characters that cannot be seen, or that move the others, in their escaped form."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_form(c) if _hides(c) else c for c in text)


def one_line(text: str) -> str:
    """Text on one line of a terminal or of a CI log, where it can order nothing."""
    return _COMMAND.sub(lambda m: "".join(f"\\x{ord(c):02x}" if c in ":#" else c for c in m[0]), characters(text))


def encodable(path: str) -> str:
    """A path as it is, but for bytes that are no UTF-8."""
    return path.encode("utf-8", "backslashreplace").decode()


def command_data(text: str) -> str:
    """Text as the message of a GitHub workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def command_property(text: str) -> str:
    """Text as the value of a property of a GitHub workflow command."""
    return command_data(text).replace(":", "%3A").replace(",", "%2C")


def _hides(c: str) -> bool:
    nobody = ord(c) & 0xFFFE == 0xFFFE or "\ufdd0" <= c <= "\ufdef"  # no characters at all, and forbidden in XML
    selects = "\ufe00" <= c <= "\ufe0f" or "\U000e0100" <= c <= "\U000e01ef"  # variation selectors can carry a text
    return unicodedata.category(c) in _UNSEEN or c in _BLANK or selects or nobody


def _form(c: str) -> str:
    code = ord(c)
    kind, digits = ("x", 2) if code < 0x100 else ("u", 4) if code < 0x10000 else ("U", 8)
    return _SHORT.get(c, f"\\{kind}{code:0{digits}x}")
