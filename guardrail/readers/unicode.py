"""Characters that a reviewer does not see, or sees as others (UNI001 to UNI003; Unicode TR36 and TR39)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from guardrail.readers.masked import code_lines
from guardrail.texts import Page, Spot

_OPEN, _ISOLATE, _POP, _END = "\u202a\u202b\u202d\u202e", "\u2066\u2067\u2068", "\u202c", "\u2069"
_MARKS = "\u200e\u200f\u061c"
_CONTROL = re.compile(f"[{_OPEN}{_ISOLATE}{_POP}{_END}{_MARKS}]")
_TAGS = re.compile("[\U000e0000-\U000e007f]")
_INVISIBLE = re.compile(
    "[\u200b-\u200d\u2060-\u2064\ufeff\u00ad\ufe00-\ufe0f\U000e0100-\U000e01ef\u115f\u1160\u3164\uffa0\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]"
)
_FLAG = "\U0001f3f4"  # a flag of a region is this and tags
_MANY = 30  # combining characters of a line that is no text
_JOINERS = "\u200c\u200d"
_VARIANTS = re.compile("[\ufe00-\ufe0f]")
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
# Letters that look like ASCII ones, of the scripts that are used for it.
_ALIKE = dict(zip("асеорхуіјѕԁһԛԝАВЕКМНОРСТХУІЈЅ", "aceopxyijsdhqwABEKMHOPCTXYIJS", strict=True)) | dict(
    zip("ανορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "avoptuxABEZHIKMNOPTYX", strict=True)
)


def reordering(page: Page) -> Iterator[Spot]:
    """Lines whose controls make them look other than they run: left open, or without any text that needs them."""
    yield from (spot for spot, harmless in _controlled(page) if not harmless)


def balanced_direction(page: Page) -> Iterator[Spot]:
    """Lines of right-to-left text whose controls are closed again, and lines with a mark of direction, which reorders little."""
    if "/locale/" not in page.path:
        yield from (spot for spot, harmless in _controlled(page) if harmless)


def _controlled(page: Page) -> Iterator[tuple[Spot, bool]]:
    if page.text.isascii():
        return
    for number, line in enumerate(page.lines, 1):
        found = _CONTROL.search(line)
        if found:
            said = f"{_name(found[0])} in a line of {'text' if _speaks_right_to_left(line) else 'code'}."
            marks_only = all(c in _MARKS for c in _CONTROL.findall(line))
            harmless = marks_only or (_speaks_right_to_left(line) and _balanced(line))
            if not (marks_only and page.index is None):
                yield Spot(number, found.start() + 1, found.end() + 1, said), harmless


def _balanced(line: str) -> bool:
    depth: list[str] = []
    for char in line:
        if char in _OPEN or char in _ISOLATE:
            depth.append(_POP if char in _OPEN else _END)
        elif char in (_POP, _END) and (not depth or depth.pop() != char):
            return False
    return not depth


def _speaks_right_to_left(line: str) -> bool:
    return any(unicodedata.bidirectional(c) in ("R", "AL") for c in line if not c.isascii() and c not in _MARKS)


def hidden_tags(page: Page) -> Iterator[Spot]:
    """Tag characters outside of flags: text that a model reads and a person does not see."""
    if page.text.isascii():
        return
    for number, line in enumerate(page.lines, 1):
        found = _TAGS.search(line)
        if found and _FLAG not in line[: found.start()]:
            hidden = "".join(chr(ord(c) - 0xE0000) for c in _TAGS.findall(line))
            said = "".join(c for c in hidden if c.isprintable())[:40]
            yield Spot(number, found.start() + 1, found.end() + 1, f"Tag characters hide {said!r} from people." if said else "")


def invisible(page: Page) -> Iterator[Spot]:
    """The first character of a line that shows nothing and belongs to no emoji and to no script that needs it."""
    if page.text.isascii() and not _INVISIBLE.search(page.text):
        return
    for number, line in enumerate(page.lines, 1):
        if sum(map(_is_mark, line)) > _MANY:
            continue  # a table of characters
        at = next((m.start() for m in _INVISIBLE.finditer(line) if not _needed(line, m.start())), None)
        if at is not None and not (number == 1 and at == 0 and line[0] == "\ufeff"):
            yield Spot(number, at + 1, at + 2, f"{_name(line[at])}, which nobody sees.")


def _needed(line: str, at: int) -> bool:
    """Whether the character is part of an emoji, or joins letters of a script that has joiners."""
    before, char = line[at - 1 : at], line[at]
    if char in _JOINERS:
        return (
            _is_symbol(before) or (before.isalpha() and _script(before) not in ("LATIN", "CYRILLIC", "GREEK")) or _is_mark(before)
        )
    return bool(_VARIANTS.match(char)) and (
        _is_symbol(before) or before in "#*0123456789" or _script(before) in ("CJK", "MONGOLIAN")
    )


def _is_symbol(char: str) -> bool:
    return char != "" and unicodedata.category(char) in ("So", "Sm", "Sk", "Po", "Me", "Mn", "Cn") and not char.isascii()


def _is_mark(char: str) -> bool:
    return char != "" and unicodedata.category(char) in ("Mn", "Mc")


def confusable(page: Page) -> Iterator[Spot]:
    """Identifiers that mix scripts, that Python reads as others, or that look like another one of the file."""
    if page.text.isascii():
        return
    lines = code_lines(page.text)
    names = {name for line in lines for name in _IDENTIFIER.findall(line)}
    for number, line in enumerate(lines, 1):
        for found in _IDENTIFIER.finditer(line):
            said = "" if found[0].isascii() else _confusing(found[0], names)
            if said:
                yield Spot(number, found.start() + 1, found.end() + 1, said)


def _confusing(name: str, names: set[str]) -> str:
    """What is confusing about an identifier, "" where nothing is."""
    read = unicodedata.normalize("NFKC", name)
    if read != name and unicodedata.normalize("NFC", name) != read:
        return f"Python reads `{name}` as `{read}`."
    scripts = {_script(c) for c in name if c.isalpha()}
    alike = "".join(_ALIKE.get(c, c) for c in name)
    if alike.isascii() and alike in names:
        return f"`{name}` looks like `{alike}`, which is another name of this file."
    if len(scripts & {"LATIN", "CYRILLIC", "GREEK"}) > 1 and _imitates(name):
        return f"`{name}` mixes {' and '.join(sorted(scripts))} letters."
    return ""


def _imitates(name: str) -> bool:
    """Whether a word of the name has ASCII letters and letters that only look like them; Greek for maths stands alone."""
    words = re.split(r"[_\d]+", name)
    return any(any(c in _ALIKE for c in w) and any(c.isascii() for c in w) for w in words)


def confusable_text(page: Page) -> Iterator[Spot]:
    """Words in strings of code that are ASCII but for letters that only look like it."""
    if page.text.isascii():
        return
    for number, line in enumerate(page.lines, 1):
        for found in _IDENTIFIER.finditer(line):
            word = found[0]
            alike = "".join(_ALIKE.get(c, c) for c in word)
            if not word.isascii() and len(word) > 3 and alike.isascii() and sum(c.isascii() for c in word) * 2 > len(word):
                yield Spot(number, found.start() + 1, found.end() + 1, f"`{word}` is not `{alike}`, though it looks like it.")


def _name(char: str) -> str:
    return f"U+{ord(char):04X} {unicodedata.name(char, 'control character')}"


@lru_cache(maxsize=1024)
def _script(char: str) -> str:
    return unicodedata.name(char, "").split(" ")[0].split("-")[0] if char else ""
