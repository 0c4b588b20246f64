"""A line plot as SVG: both axes logarithmic, one line for each series."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 320, 64, 44, 34
COLOURS = ("#2563eb", "#c2410c", "#15803d")
Points = Sequence[tuple[float, float]]


def plot(title: str, across: str, up: str, series: Mapping[str, Points]) -> str:
    """The picture, readable on light and dark pages."""
    points = [p for line in series.values() for p in line]
    x0, x1 = _range([x for x, _ in points])
    y0, y1 = _range([y for _, y in points])

    def at(x: float, y: float) -> tuple[float, float]:
        right = LEFT + (log10(x) - x0) / (x1 - x0) * (WIDTH - LEFT - 150)
        return round(right, 1), round(HEIGHT - BOTTOM - (log10(y) - y0) / (y1 - y0) * (HEIGHT - BOTTOM - TOP), 1)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"',
        ' font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/><text x="{LEFT}" y="18" font-weight="bold">{escape(title)}</text>',
    ]
    for exponent in range(x0, x1 + 1):
        x, y = at(10**exponent, 10**y0)
        out.append(
            f'<path d="M{x} {y}V{TOP}" stroke="#ddd"/><text x="{x}" y="{y + 16}" text-anchor="middle">{10**exponent:,}</text>'
        )
    for exponent in range(y0, y1 + 1):
        x, y = at(10**x0, 10**exponent)
        label = f'<text x="{x - 6}" y="{y + 4}" text-anchor="end">{10.0**exponent:g}</text>'
        out.append(f'<path d="M{x} {y}H{WIDTH - 150}" stroke="#ddd"/>{label}')
    for colour, (name, line) in zip(COLOURS, series.items(), strict=False):
        places = [at(x, y) for x, y in line]
        out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(f"{x},{y}" for x, y in places)}"/>')
        out += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places]
        x, y = places[-1]
        out.append(f'<text x="{WIDTH - 144}" y="{y + 4}" fill="{colour}">{escape(name)}</text>')
    middle = (LEFT + WIDTH - 150) / 2
    out.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>')
    out.append(
        f'<text x="14" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 {HEIGHT / 2})">{escape(up)}</text></svg>'
    )
    return "\n".join(out) + "\n"


def _range(values: Sequence[float]) -> tuple[int, int]:
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return low, max(high, low + 1)
