"""Where regular expressions are found in a file: each is held against its lines once, and a span of lines is a mask of bits."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate

from guardrail.patterns.literals import Literals, by_line, literals

Span = tuple[int, int]  # first and last line, 1-based
Mask = int  # bit n for line n
_SPACE = r"(?:\s|\\\n)*"
_QUOTE = r"[\"'](?!([\"'])\1)(?!(?<=[\"'][\"'])[\"'])"  # where a string ends: not the first two of three quotes
_JOINT = re.compile(rf"{_QUOTE}{_SPACE}(?:\+{_SPACE})?[rRbBuUfF]{{0,2}}[\"']")  # between two strings that are one
_SIDED = re.compile(r"\\[AZ]|\(\?<?[!=](?!\\w\))")  # what may hold in a part of a text and not in the whole


def mask(spans: Iterable[Span]) -> Mask:
    """The lines of some spans."""
    bits = 0
    for first, last in spans:
        bits |= (1 << (last + 1)) - (1 << first) if last >= first else 0
    return bits


class Grep:
    """The lines of one file, searched for many patterns; strings that stand side by side are read as the one that they are, too."""

    def __init__(self, lines: Sequence[str]) -> None:
        """The lines are without their ends."""
        self.lines = lines
        self._hits: dict[str, Mask] = {}
        self._held: dict[tuple[str, Span, bool], bool] = {}

    def found(self, pattern: str, among: Mask, spans: Iterable[Span]) -> bool:
        """Whether a match touches these lines; of a pattern that asks what is around it, in one of the spans alone."""
        if by_line(pattern) or not _SIDED.search(pattern):
            return self._lines_with(pattern) & among != 0
        return any(self._in_span(pattern, span, among) for span in spans)

    def _lines_with(self, pattern: str) -> Mask:
        """The lines of all matches."""
        found = self._hits.get(pattern)
        if found is None:
            matches = _Reading.within_lines if by_line(pattern) else _Reading.across_lines
            found = self._hits[pattern] = mask(span for reading in self._readings for span in matches(reading, pattern))
        return found

    def _in_span(self, pattern: str, span: Span, among: Mask) -> bool:
        """Whether it is found in the text of a span, in which lines that do not count are empty."""
        part = mask((span,)) & ~among != 0
        found = self._held.get((pattern, span, part))
        if found is None:
            text = "\n".join(self.lines[n - 1] if among >> n & 1 else "" for n in range(span[0], span[1] + 1))
            found = any(re.search(pattern, each) for each in {text, _JOINT.sub("", text)})
            self._held[pattern, span, part] = found
        return found

    @cached_property
    def _readings(self) -> list[_Reading]:
        """The text as it stands, and where there are such strings, with them joined."""
        text = "\n".join(self.lines)
        joints = [match.span() for match in _JOINT.finditer(text)]
        return [_Reading(text, []), _Reading(text, joints)] if joints else [_Reading(text, [])]


class _Reading:
    """The text of a file without some parts of it; it knows the lines of the file."""

    def __init__(self, text: str, left_out: Sequence[Span]) -> None:
        """The parts are in order, each from and to an offset in the text."""
        self._file_ends, self._left_out = _ends(text), left_out
        starts = [0, *(last for _, last in left_out)]
        pieces = [text[start:end] for start, end in zip(starts, [*(first for first, _ in left_out), len(text)], strict=True)]
        self._starts = list(accumulate(map(len, pieces[:-1]), initial=0))  # of the pieces in this text
        self._moved = [there - here for there, here in zip(starts, self._starts, strict=True)]
        self.text = "".join(pieces)
        self.folded = self.text.casefold()
        self._ends, self._folded_ends = _ends(self.text), _ends(self.folded)

    def within_lines(self, pattern: str) -> Iterator[Span]:
        """The lines on which a pattern that fits in a line is found; where parts are left out, only those that had some."""
        search = re.compile(pattern).search
        for line in self._likely(literals(pattern)):
            start, end = self._ends[line - 1] + 1 if line else 0, self._ends[line]
            if search(self.text[start:end]):
                yield self._span(start, end)

    def across_lines(self, pattern: str) -> Iterator[Span]:
        """The lines of the matches of a pattern that may go on from line to line; one that begins inside another is part of it."""
        needed = literals(pattern)
        if not needed or any(word in self.folded for word in needed):
            yield from (self._span(*match.span()) for match in re.finditer(pattern, self.text))

    def _likely(self, needed: Literals) -> Iterable[int]:
        """The lines of this text, from 0, that may hold one of the words; any may, where there is none."""
        found = {line for word in needed for line in self._with(word)} if needed else range(len(self._ends))
        return self._mended.intersection(found) if self._left_out else found

    @cached_property
    def _mended(self) -> set[int]:
        """The lines of this text, from 0, from which something is left out."""
        return {bisect_left(self._ends, start) for start in self._starts[1:]}

    def _with(self, word: str) -> Iterator[int]:
        """The lines, from 0, on which a case-folded text stands."""
        at = self.folded.find(word)
        while at >= 0:
            line = bisect_left(self._folded_ends, at)
            yield line
            at = self.folded.find(word, self._folded_ends[line])

    def _span(self, start: int, end: int) -> Span:
        """The lines of the file that a part of this text, from and to an offset, stands on."""
        return self._line(start), self._line(max(start, end - 1))

    def _line(self, offset: int) -> int:
        return bisect_left(self._file_ends, offset + self._moved[bisect_right(self._starts, offset) - 1]) + 1


def _ends(text: str) -> list[int]:
    """Where the lines of a text end, its own end included."""
    return [*(match.start() for match in re.finditer("\n", text)), len(text)]
