# SPDX-License-Identifier: GPL-3.0-or-later
"""Small plots as SVG text, styled by the page (`html_page.py`). They know not what they show.

Letters: N values, B bars.
"""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT = 420, 200  # of a plot, pixels
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 26, 34  # margins, pixels
CHARACTER, LINE = 6, 11  # width and height of small text, pixels
COLOURS = ("#3b6ea5", "#d9822b", "#5a9e6f")
MAX_POINTS = 4000  # drawn of a scatter plot


class PlotAxes:
    """The axes of a plot, from (x[0], y[0]) to (x[1], y[1]); `parts` collects its SVG elements."""

    def __init__(
        self, title: str, x_label: str, x: tuple[float, float], y: tuple[float, float], counts: bool = False
    ) -> None:
        self.x, self.y = (_widen(*x), _widen(*y))
        self.parts = [
            f'<text x="{LEFT}" y="15" class="t">{escape(title)}</text>',
            f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}" class="m">{escape(x_label)}</text>',
        ]
        for value in ticks(*self.x):
            at = self.right(value)
            self.parts.append(
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" class="g"/>'
                f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 13}" class="m">{format_number(value)}</text>'
            )
        for value in ticks(*self.y, integer=counts):
            at = self.down(value)
            self.parts.append(
                f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" class="g"/>'
                f'<text x="{LEFT - 5}" y="{at + 4:.1f}" class="e">{format_number(value)}</text>'
            )

    def right(self, value: float) -> float:
        """The horizontal pixel of a value on x."""
        return LEFT + (value - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - LEFT - RIGHT)

    def down(self, value: float) -> float:
        """The vertical pixel of a value on y."""
        return HEIGHT - BOTTOM - (value - self.y[0]) / (self.y[1] - self.y[0]) * (HEIGHT - TOP - BOTTOM)

    def svg(self) -> str:
        """The plot as an SVG element."""
        return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(self.parts)}</svg>'


def histogram(title: str, x_label: str, groups: dict[str, np.ndarray], bins: int = 24) -> str:
    """Counts of each group's values [N], stacked."""
    values = np.concatenate(list(groups.values()))
    low, high = (min(float(values.min()), 0.0), float(values.max())) if len(values) else (0.0, 1.0)
    edges = np.linspace(*_widen(low, high), bins + 1).tolist()
    counts = np.stack([np.histogram(group, edges)[0] for group in groups.values()])
    tops = counts.cumsum(axis=0)
    axes = PlotAxes(title, x_label, (edges[0], edges[-1]), (0, float(max(tops.max(), 1))), counts=True)
    for colour, count, top in zip(COLOURS, counts, tops):
        for b in np.flatnonzero(count):
            x, y = axes.right(edges[b]), axes.down(top[b])
            axes.parts.append(
                f'<rect x="{x:.1f}" width="{axes.right(edges[b + 1]) - x:.1f}" y="{y:.1f}" '
                f'height="{axes.down(top[b] - count[b]) - y:.1f}" fill="{colour}"/>'
            )
    return _with_legend(axes, list(groups)).svg()


def line_plot(
    title: str,
    x_label: str,
    x: Sequence[float],
    lines: dict[str, Sequence[float]],
    from_zero: bool = True,
    marks: Mapping[float, str] | None = None,
) -> str:
    """Lines over x [N], each of N values. from_zero: include 0 on the y axis. marks: x -> what begins there."""
    values = np.array([list(line) for line in lines.values()])
    low = float(values.min())
    axes = PlotAxes(title, x_label, (min(x), max(x)), (min(low, 0.0) if from_zero else low, float(values.max())))
    _add_marks(axes, marks or {})
    for colour, line in zip(COLOURS, values):
        path = " ".join(f"{axes.right(a):.1f},{axes.down(b):.1f}" for a, b in zip(x, line))
        axes.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    return _with_legend(axes, list(lines)).svg()


def scatter_plot(title: str, x_label: str, x: np.ndarray, y: np.ndarray) -> str:
    """A point for each of x, y [N]; of more than MAX_POINTS, evenly chosen ones."""
    chosen = np.unique(np.linspace(0, len(x) - 1, min(len(x), MAX_POINTS)).astype(int))
    axes = PlotAxes(title, x_label, (float(x.min()), float(x.max())), (float(y.min()), float(y.max())))
    axes.parts += [
        f'<circle cx="{axes.right(a):.1f}" cy="{axes.down(b):.1f}" r="1.1" fill="{COLOURS[0]}" fill-opacity="0.4"/>'
        for a, b in zip(x[chosen], y[chosen])
    ]
    return axes.svg()


def ticks(low: float, high: float, about: int = 5, integer: bool = False) -> list[float]:
    """Round numbers between low and high, about so many; integers where asked for."""
    rough = max((high - low) / about, float(integer))
    step = 10.0 ** np.floor(np.log10(rough))
    step *= min((m for m in (1, 2, 5, 10) if m * step >= rough), default=10)
    return [float(k * step) for k in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def format_number(value: float, spec: str = "z.6g") -> str:
    """A number as text with a typographic minus; `spec` as of `format`, whose z drops the minus of a zero."""
    return f"{value:{spec}}".replace("-", "−")


def _add_marks(axes: PlotAxes, marks: Mapping[float, str]) -> None:
    """Vertical lines with names; a name that would overlap the one before is raised."""
    free, height = 0.0, 4.0  # where the last name ends, and how high it is
    for value, name in sorted(marks.items()):
        at = axes.right(value)
        height = height + LINE if at < free else 4.0
        free = at + CHARACTER * (len(name) + 1)
        axes.parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" class="b"/>'
            f'<text x="{at + 3:.1f}" y="{HEIGHT - BOTTOM - height:g}" class="s">{escape(name)}</text>'
        )


def _with_legend(axes: PlotAxes, names: list[str]) -> PlotAxes:
    if len(names) > 1:
        for i, (colour, name) in enumerate(zip(COLOURS, names)):
            at = WIDTH - RIGHT - 90 * (len(names) - i)
            axes.parts.append(
                f'<rect x="{at}" y="7" width="9" height="9" fill="{colour}"/>'
                f'<text x="{at + 13}" y="15">{escape(name)}</text>'
            )
    return axes


def _widen(low: float, high: float) -> tuple[float, float]:
    """The interval, widened where it is empty."""
    return (low, high) if high - low > 1e-9 else (low - 0.5, high + 0.5)
