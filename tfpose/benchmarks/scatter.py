"""A plot of points in series, as an .svg: y against x, a line through each series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT = 860, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 30, 60  # margins, pixels
COLOURS = ("#2563a8", "#c2510c", "#2e7d4f", "#7a3b9e", "#8a6d00", "#5a6370", "#b0305c")
INK, GREY, PAPER = "#1b1f24", "#5a6370", "#fafaf8"
LETTER, LINE = 7.0, 14.0  # of a label, pixels: the width of a letter, the height


@dataclass(frozen=True, kw_only=True)
class Point:
    """A point and the word beside it."""

    x: float
    y: float
    label: str = ""


def svg(series: Mapping[str, Sequence[Point]], *, title: str, x: str, y: str) -> str:
    """The plot's text.

    Args:
      series: its points in the line's order, by name.
      title: what the plot shows, for readers who don't see it.
      x: name and unit of the horizontal axis; it is logarithmic where its values span more than a
        factor of 20.
      y: name of the vertical axis.

    Raises:
      ValueError: there is no point, or an x that is not above 0.
    """
    points = [point for part in series.values() for point in part]
    if not points or min(point.x for point in points) <= 0:
        raise ValueError("a plot needs a point, and every x above 0")
    across = _Axis.of([point.x for point in points], LEFT, WIDTH - RIGHT)
    up = _Axis.of([point.y for point in points], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="t" font-family="system-ui, sans-serif" font-size="13">',
        f'<title id="t">{escape(title)}</title>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="12" fill="{PAPER}"/>',
    ]
    for value in across.ticks:
        at = across.place(value)
        parts.append(_line(at, TOP, at, HEIGHT - BOTTOM))
        parts.append(_text(at, HEIGHT - BOTTOM + 20, f"{value:g}", anchor="middle"))
    for value in up.ticks:
        at = up.place(value)
        parts.append(_line(LEFT, at, WIDTH - RIGHT, at))
        parts.append(_text(LEFT - 8, at + 4, f"{value:g}", anchor="end"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, x, anchor="middle"))
    parts.append(_text(16, 20, y))
    taken = [_around(across.place(point.x), up.place(point.y)) for point in points]
    for number, (name, part) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [(across.place(point.x), up.place(point.y)) for point in part]
        parts += _drawn(places, colour)
        for place, point in zip(places, part, strict=True):
            if point.label:
                parts.append(_labelled(*place, point.label, taken))
        parts += _legend(name, colour, number)
    return "\n".join([*parts, "</svg>", ""])


@dataclass(frozen=True, kw_only=True)
class _Axis:
    """Values to pixels; `first` and `last` are the pixels of the ends."""

    low: float
    high: float
    first: float
    last: float
    ticks: tuple[float, ...]
    logarithmic: bool

    @classmethod
    def of(cls, values: Sequence[float], first: float, last: float) -> "_Axis":
        lowest, highest = min(values), max(values)
        if lowest > 0 and highest > 20 * lowest:
            decades = range(floor(log10(lowest)), ceil(log10(highest)) + 1)
            steps = [part * 10.0**decade for decade in decades for part in (1, 2, 5)]
            low = max(step for step in steps if step <= lowest)
            high = min(step for step in steps if step >= highest)
            ticks = tuple(step for step in steps if low <= step <= high)
            return cls(low=low, high=high, first=first, last=last, ticks=ticks, logarithmic=True)
        step = 10.0 ** floor(log10(max(highest - lowest, highest / 10, 1e-9)))
        step = next(
            part * step for part in (0.2, 0.5, 1, 2) if (highest - lowest) <= 6 * part * step
        )
        low, count = floor(lowest / step), ceil(highest / step) - floor(lowest / step)
        ticks = tuple(round((low + number) * step, 10) for number in range(max(count, 1) + 1))
        low, high = ticks[0], ticks[-1]
        return cls(low=low, high=high, first=first, last=last, ticks=ticks, logarithmic=False)

    def place(self, value: float) -> float:
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = log10(low), log10(high), log10(value)
        return self.first + (value - low) / (high - low) * (self.last - self.first)


def _drawn(places: Sequence[tuple[float, float]], colour: str) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    line = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    return [line, *(_dot(x, y, colour) for x, y in places)]


def _legend(name: str, colour: str, number: int) -> list[str]:
    y = HEIGHT - BOTTOM - 12 - 20 * number
    words = _text(WIDTH - RIGHT - 24, y, name, anchor="end", colour=INK)
    return [_dot(WIDTH - RIGHT - 12, y - 4, colour), words]


def _around(x: float, y: float) -> tuple[float, float, float, float]:
    """The box of a dot: left, top, right, bottom."""
    return x - 5, y - 5, x + 5, y + 5


def _labelled(
    x: float, y: float, label: str, taken: list[tuple[float, float, float, float]]
) -> str:
    """A label beside its dot, at the first place that no dot and no other label has."""
    width = LETTER * len(label)
    boxes = [
        (left, top, left + width, top + LINE)
        for top in (y + 3, y - 3 - LINE, y - LINE / 2, y + 3 + LINE, y - 3 - 2 * LINE)
        for left in (x + 8, x - 8 - width)
    ]
    inside = [box for box in boxes if box[0] >= LEFT and box[2] <= WIDTH]
    free = [box for box in inside if not any(_overlap(box, other) for other in taken)]
    box = (free or inside or boxes)[0]
    taken.append(box)
    return _text(box[0], box[3] - 3, label)


def _overlap(
    one: tuple[float, float, float, float], two: tuple[float, float, float, float]
) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}"/>'


def _line(x: float, y: float, right: float, bottom: float) -> str:
    ends = f'x1="{x:.1f}" y1="{y:.1f}" x2="{right:.1f}" y2="{bottom:.1f}"'
    return f'<line {ends} stroke="#dfe2e6"/>'


def _text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = GREY) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {place}>{escape(words)}</text>"
