"""Code, highlighted by Pygments, as tables of one or two sides."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType, is_token_subtype

from guardrail.model import FileChange, Finding, Verdict
from guardrail.report.html.parts import shown
from guardrail.report.html.sides import LONGEST, Row, hunks, paired
from guardrail.report.paths import lost_lines

LARGE = 400_000  # characters from which code stays plain
WIDE = 400  # characters of a line
KINDS = (
    (Comment, "c"),
    (String, "s"),
    (Number, "n"),
    (Keyword, "k"),
    (Operator.Word, "k"),
    (Name.Decorator, "d"),
    (Name.Function, "f"),
    (Name.Class, "f"),
    (Name.Builtin, "b"),
)
Piece = tuple[str, str]  # class and text


class Text:
    """One side of a file; highlighted when it is first shown."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text

    @cached_property
    def lines(self) -> list[list[Piece]]:
        """The pieces of each line."""
        own = self.text.removesuffix("\n")
        if not self.path.endswith((".py", ".pyw", ".pyi")) or len(own) > LARGE:
            return [[("", line)] for line in own.split("\n")]
        lines: list[list[Piece]] = [[]]
        for _, kind, text in PythonLexer().get_tokens_unprocessed(own):
            first, *rest = text.split("\n")
            name = _class(kind)
            lines[-1].append((name, first))
            lines += [[(name, line)] for line in rest]
        return lines

    def line(self, number: int, marked: tuple[int, int] | None = None) -> str:
        """A line as HTML; `marked` are the columns, from 1, of what a finding is about, the last one exclusive."""
        pieces = self.lines[number - 1] if 0 < number <= len(self.lines) else []
        if marked is None:
            return "".join(_piece(kind, text) for kind, text in _clipped(pieces))
        begin, end = marked[0] - 1, max(marked[1] - 1, marked[0])
        before, inside = _split(pieces, begin)
        inside, after = _split(inside, end - begin)
        parts = ("".join(_piece(kind, text) for kind, text in _clipped(part)) for part in (before, inside, after))
        left, middle, right = parts
        return f"{left}<mark>{middle}</mark>{right}" if middle else left + right


class Sources:
    """The texts of a verdict and how their lines belong together."""

    def __init__(self, verdict: Verdict) -> None:
        self._head = {path: Text(path, text) for path, text in verdict.sources.items()}
        self._base = {path: Text(path, text) for path, text in verdict.base_sources.items()}
        self._files = {f.head_path: f for f in verdict.files if f.head_path}
        self._rows: dict[str, list[Row]] = {}

    def line(self, path: str, number: int) -> str:
        """A line of head; nothing where it is not known."""
        text = self._head.get(path)
        return text.line(number) if text else ""

    def around(self, f: Finding) -> str:
        """The code around a finding; where the file was there before, with what stood there."""
        text = self._head.get(f.path)
        if text is None or not 1 <= f.line <= len(text.lines):
            return ""
        file = self._files.get(f.path)
        old = self._base.get(file.base_path or "") if file else None
        lost = {note.line for note in lost_lines(f) if old and note.path == old.path}
        hit = range(f.line, min(f.end_line, f.line + LONGEST - 1) + 1) or range(f.line, f.line + 1)
        rows = self._paired(f.path, file, old, text)
        bodies = [[_row(row, old, text, f, lost) for row in hunk] for hunk in hunks(rows, hit, lost)]
        skip = f'<tr class="skip"><td colspan="{4 if old else 2}">⋯</td></tr>'
        body = skip.join("".join(rows) for rows in bodies)
        titles = '<th colspan="2" scope="col">before</th><th colspan="2" scope="col">after</th>'
        head = f"<thead><tr>{titles}</tr></thead>" if old else ""
        columns = '<col class="no"><col>' * (2 if old else 1)
        caption = f"<caption>{shown(f.path)}, {'before and after' if old else 'as it is'}</caption>"
        kind = "two" if old else "one"
        return f'<table class="code {kind}">{caption}<colgroup>{columns}</colgroup>{head}<tbody>{body}</tbody></table>'

    def _paired(self, path: str, file: FileChange | None, old: Text | None, new: Text) -> list[Row]:
        if path not in self._rows:
            alone = FileChange(None, path)
            count = len(old.lines) if old else 0
            self._rows[path] = paired(file if file and old else alone, count, len(new.lines))
        return self._rows[path]


def _row(row: Row, old: Text | None, new: Text, f: Finding, lost: set[int]) -> str:
    hit = row.head is not None and f.line <= row.head <= max(f.line, f.end_line)
    head = new.line(row.head, _columns(f, row.head)) if row.head else ""
    cells = _cell(row.head, head, f"{'added ' * (row.changed and row.head is not None)}{'hit' * hit}")
    if old is None:
        return f"<tr>{cells}</tr>"
    gone = row.base in lost
    kind = f"{'removed ' * (row.changed and row.base is not None)}{'lost' * gone}"
    before = old.line(row.base) if row.base else ""
    return f'<tr class="{"changed" if row.changed else "same"}">{_cell(row.base, before, kind, gone)}{cells}</tr>'


def _cell(number: int | None, code: str, kind: str, lost: bool = False) -> str:
    """The two cells of a line; what is lost is said, too, to those who do not see that it is red."""
    if number is None:
        return '<td class="no none"></td><td class="none"></td>'
    said = '<span class="said">lost: </span>' if lost else ""
    return f'<td class="no {kind}">{number}</td><td class="line {kind}">{said}{code or " "}</td>'


def _columns(f: Finding, line: int) -> tuple[int, int] | None:
    """What to mark of a line; of a finding of several lines nothing, they are all marked at their edge."""
    return (f.column, f.end_column) if f.line == f.end_line == line and f.end_column > f.column else None


def _class(kind: _TokenType) -> str:
    return next((name for token, name in KINDS if is_token_subtype(kind, token)), "")


def _piece(kind: str, text: str) -> str:
    safe = shown(text.replace("\t", "    "))
    return f'<span class="{kind}">{safe}</span>' if kind and safe else safe


def _split(pieces: Sequence[Piece], at: int) -> tuple[list[Piece], list[Piece]]:
    """The pieces before and from a number of characters."""
    left: list[Piece] = []
    right: list[Piece] = []
    for kind, text in pieces:
        left += [(kind, text[: max(at, 0)])] if at > 0 else []
        right += [(kind, text[max(at, 0) :])] if len(text) > at else []
        at -= len(text)
    return left, right


def _clipped(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces of a long line as far as they are shown."""
    if sum(len(text) for _, text in pieces) <= WIDE:
        return list(pieces)
    return list(chain(_split(pieces, WIDE)[0], [("c", " …")]))
