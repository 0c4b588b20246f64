"""The hash by which GitHub tells that an alert is the same one although its line has moved.

It is what the upload action of code scanning works out where a report has none, so both must agree: a polynomial over the
hundred UTF-16 units from the start of a line on, in which blanks and tabs do not count and every line end is `\\n`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

WINDOW = 100  # units
FACTOR = 37
MASK = (1 << 64) - 1
END = "\uffff"  # stands for the end of the file


def line_hashes(text: str, wanted: Collection[int]) -> dict[int, str]:
    """Line, from 1 → `hash:n`, where it is the n-th line of the text with that hash; only of the wanted lines."""
    units = _units(text)
    padded = units + END + "\0" * WINDOW
    seen: Counter[str] = Counter()
    found: dict[int, str] = {}
    start = 0
    for number, line in enumerate(units.split("\n"), 1):
        window = padded[start : start + WINDOW]
        seen[window] += 1
        if number in wanted:
            found[number] = f"{_polynomial(window):x}:{seen[window]}"
        start += len(line) + 1
    return found


def _polynomial(window: str) -> int:
    value = 0
    for unit in window:
        value = (value * FACTOR + ord(unit)) & MASK
    return value


def _units(text: str) -> str:
    """What counts of a text, one character for each UTF-16 unit."""
    counted = text.replace("\r\n", "\n").replace("\r", "\n").replace(" ", "").replace("\t", "")
    if counted.isascii():
        return counted
    return "".join(map(chr, memoryview(counted.encode("utf-16-le", "surrogatepass")).cast("H")))
