"""The change as a map: files and their definitions, as large as their touched lines, in the colour of their tier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from guardrail.model import Placement, Tier, Verdict
from guardrail.report import assisted
from guardrail.report.html.parts import MARKS, origin, shown, surfaces_of, words
from guardrail.report.html.treemap import Box, divide
from guardrail.report.tally import STRICTNESS

WIDTH, HEIGHT = 1000.0, 420.0  # of the whole map; only their ratio counts
HEADER = 26.0  # of a file
FEW = 8  # definitions for which a lower map will do
CELLS = 400  # definitions on the map; what is more is counted

Group = Sequence[Placement]


def map_of(groups: Sequence[Group], numbers: Mapping[int, list[int]], verdict: Verdict) -> tuple[str, str]:
    """The map, and the style that puts everything in its place; `numbers` are the findings of each definition."""
    chosen = sorted(range(len(groups)), key=lambda n: (-STRICTNESS[groups[n][0].tier], -_size(groups[n]), n))[:CELLS]
    files: dict[str, list[int]] = {}
    for number in sorted(chosen, key=lambda n: (-_size(groups[n]), n)):
        files.setdefault(groups[number][0].path, []).append(number)
    totals = {path: sum(_size(groups[n]) for n in own) for path, own in files.items()}
    order = sorted(files, key=lambda path: (-totals[path], path))
    html, style = [], []
    for at, (path, box) in enumerate(zip(order, divide([totals[p] for p in order], Box(0, 0, WIDTH, HEIGHT)), strict=True)):
        style.append(_place(f"#file-{at}", box, WIDTH, HEIGHT))
        inner = Box(0, 0, box.width, max(box.height - HEADER, 1))
        boxes = divide([_size(groups[n]) for n in files[path]], inner)
        style += [_place(f"#cell-{n}", b, inner.width, inner.height) for n, b in zip(files[path], boxes, strict=True)]
        cells = "".join(_cell(n, groups[n], numbers.get(n, []), verdict) for n in files[path])
        name = f'<h3 title="{shown(path)}">{_short(path)} <span>{_lines(totals[path])}</span></h3>'
        html.append(f'<section class="file" id="file-{at}">{name}<div class="cells">{cells}</div></section>')
    more = len(groups) - len(chosen)
    rest = f'<p class="aside">{more} more definitions are in the list below the findings.</p>' if more else ""
    kind = "map" if len(chosen) > FEW else "map small"
    return f'<div class="{kind}">{"".join(html)}</div>{rest}', "\n".join(style)


def _cell(number: int, group: Group, findings: Sequence[int], verdict: Verdict) -> str:
    first = group[0]
    names = surfaces_of(group)
    count = f"{len(findings)} finding{'s' * (len(findings) != 1)}"
    told = f"{first.definition}, {_lines(_size(group))}, {first.tier}, {', '.join(names)}, {count}"
    marked = f'<b class="count">{len(findings)}</b>' if findings else ""
    drafted = origin(assisted.on_lines(verdict.provenance, first), verdict)
    return (
        f'<a class="cell {first.tier}" id="cell-{number}" href="#def-{number}" data-tier="{first.tier}" '
        f'data-surface="{words(names)}"{drafted} title="{shown(told)}" aria-label="{shown(told)}">'
        f'<span class="name"><i aria-hidden="true">{MARKS[first.tier]}</i> {shown(first.definition)}</span>'
        f'<span class="what">{shown(", ".join(names))}</span>{marked}</a>'
    )


def legend() -> str:
    """What the colours mean."""
    entries = "".join(f'<li class="{tier}"><i aria-hidden="true">{MARKS[tier]}</i> {tier}</li>' for tier in reversed(Tier))
    return f'<ul class="legend">{entries}</ul>'


def _size(group: Group) -> int:
    return max(group[0].size, len(group[0].touched), 1)


def _lines(count: int) -> str:
    return f"{count} line{'s' * (count != 1)}"


def _short(path: str) -> str:
    """The name of a file first to be seen, its folders behind it."""
    folder, slash, name = path.rpartition("/")
    return f"<b>{shown(name)}</b> {shown(folder + slash)}"


def _place(selector: str, box: Box, width: float, height: float) -> str:
    parts = [("left", box.left / width), ("top", box.top / height), ("width", box.width / width), ("height", box.height / height)]
    return selector + "{" + ";".join(f"{name}:{100 * share:.3f}%" for name, share in parts) + "}"
