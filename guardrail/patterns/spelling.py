"""Pattern text as Python can read it: metavariables and `...` spelt as names."""

from __future__ import annotations

import ast
import re

VARIABLE = re.compile(r"\$([A-Z][A-Z0-9_]*|_(?![A-Za-z0-9]))")
PREFIX, REST = "mv__", "rest__"
_OPENING, _CLOSING = "([{", ")]}"


class BadPattern(ValueError):
    """A pattern that cannot be read, with the reason."""


def parse(spelt: str) -> list[ast.stmt]:
    """The statements of a pattern; BadPattern where it is not Python."""
    source = VARIABLE.sub(lambda m: PREFIX + m[1], spelt)
    if "$" in re.sub(r"'[^']*'|\"[^\"]*\"", "", source):
        raise BadPattern("a metavariable is `$` and capitals: $NAME or $_")
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError) as error:
        raise BadPattern(f"not Python: {getattr(error, 'msg', error)}") from error


def variables(text: str) -> frozenset[str]:
    """The metavariables that a pattern or message text names."""
    return frozenset(m[1] for m in VARIABLE.finditer(text) if m[1] != "_")


def spell_rests(text: str, in_braces: str) -> str:
    """`...` inside brackets as a starred name, which Python accepts in any place."""
    out, stack, i, quote = [], [], 0, ""
    while i < len(text):
        char = text[i]
        if quote:
            if char == "\\":
                out.append(char)
                i += 1
                char = text[i : i + 1]
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char in _OPENING:
            stack.append(char)
        elif char in _CLOSING and stack:
            stack.pop()
        elif text.startswith("...", i) and stack and not _is_default(out):
            out.append((in_braces if stack[-1] == "{" else "*") + REST)
            i += 3
            continue
        out.append(char)
        i += 1
    return "".join(out)


def _is_default(out: list[str]) -> bool:
    return "".join(out).rstrip()[-1:] == "="
