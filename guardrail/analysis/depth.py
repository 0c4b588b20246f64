"""How deep a text nests, told without a parser: libcst's own one ends the process when its stack runs out."""

from __future__ import annotations

import re

TOO_DEEP = "nested too deeply to be analysed"
LIMIT = 100  # open brackets and f-strings; CPython's own limit for brackets is 200
LONGEST = 1_000  # operators and brackets between a statement and its innermost part
_CODE = re.compile(
    r"#[^\n]*|(?P<prefix>(?:(?<!\w)(?i:[rbuft]|[rR][bft]|[bft]r))?)(?P<quote>\"\"\"|'''|\"|')"
    r"|(?P<open>[\[({])|(?P<close>[\])}])|(?P<comma>,)|(?P<newline>\n)|(?P<colon>:)"
    r"|(?P<deeper>\*\*|[-+*/%@&|^~<>.]|\b(?:and|or|not|in|is|if|else|lambda|await)\b)"
)
_PLAIN = {  # the rest of a string after its opening quote
    "'": re.compile(r"(?:[^'\\\n]|\\.)*+'?", re.S),
    '"': re.compile(r'(?:[^"\\\n]|\\.)*+"?', re.S),
    "'''": re.compile(r"(?:[^'\\]|\\.|'(?!''))*+(?:''')?", re.S),
    '"""': re.compile(r'(?:[^"\\]|\\.|"(?!""))*+(?:""")?', re.S),
}
_LITERAL = re.compile(r"\\N\{[^}\n]*\}|\{\{|\}\}|\\[^{}]|[{}\n]|\"\"\"|'''|\"|'", re.S)
_RAW_LITERAL = re.compile(r"\{\{|\}\}|\\[^{}]|[{}\n]|\"\"\"|'''|\"|'", re.S)


def is_too_deep(text: str) -> bool:
    """Whether a parser that descends might run out of stack or of time on this text."""
    if text.count("elif") > LONGEST:
        return True
    scan = _Scan(text)
    while scan.step():
        if len(scan.stack) > LIMIT or scan.level > LONGEST:
            return True
    return False


class _Scan:
    """One pass over a text. A frame is (mode, quote, floor): in `code` and `field` stands code, in the others text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.level = 0  # how deep the tree may be here
        self.stack: list[tuple[str, str, int]] = [("code", "", 0)]

    def step(self) -> bool:
        """Go on to the next piece that matters; False at the end."""
        mode, quote, _ = self.stack[-1]
        table = {"raw": _RAW_LITERAL, "text": _LITERAL, "spec": _RAW_LITERAL}.get(mode, _CODE)
        found = table.search(self.text, self.at)
        if not found:
            return False
        self.at = found.end()
        if table is _CODE:
            self.code(found)
        else:
            self.literal(found, mode, quote)
        return True

    def push(self, mode: str, quote: str = "") -> None:
        self.level += 1
        self.stack.append((mode, quote, self.level))

    def pop(self) -> None:
        if len(self.stack) > 1:
            self.level = self.stack.pop()[2]

    def code(self, found: re.Match[str]) -> None:
        """A piece of code: a string, a bracket, a separator or an operator."""
        kind = found.lastgroup
        if kind == "quote":
            prefix = found["prefix"].lower()
            if "f" in prefix or "t" in prefix:
                self.push("raw" if "r" in prefix else "text", found["quote"])
            elif rest := _PLAIN[found["quote"]].match(self.text, self.at):
                self.at = rest.end()
        elif kind == "open":
            self.push("code")
        elif kind == "close":
            self.pop()
        elif kind == "comma":
            self.level = self.stack[-1][2]
        elif kind == "newline" and len(self.stack) == 1:
            self.level = 0
        elif kind == "colon" and self.stack[-1][0] == "field":
            self.stack[-1] = ("spec", "", self.stack[-1][2])
        elif kind == "deeper":
            self.level += 1

    def literal(self, found: re.Match[str], mode: str, quote: str) -> None:
        """A piece of the text of an f-string or of a format specification."""
        piece = found[0]
        if mode == "spec":
            self.at = found.start() + 1
            if piece[0] == "{":
                self.push("field")
            elif piece[0] == "}":
                self.pop()
        elif piece == "{":
            self.push("field")
        elif piece.startswith(quote):
            self.at = found.start() + len(quote)
            self.pop()
        elif piece == "\n" and len(quote) == 1:
            self.pop()
