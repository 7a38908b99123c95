# SPDX-License-Identifier: GPL-3.0-or-later
"""Small plots as SVG text, for a page (`html_page.py` has their style). They know not what they show.

Letters: N values, B bars.
"""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT = 420, 200  # of a plot, pixels
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 26, 34  # of its frame
CHARACTER, LINE = 6, 11  # of small print, pixels
INKS = ("#3b6ea5", "#d9822b", "#5a9e6f")
MOST_POINTS = 4000  # drawn of a cloud


class PlotAxes:
    """Axes from (x0, y0) to (x1, y1)."""

    def __init__(
        self, title: str, across: str, x: tuple[float, float], y: tuple[float, float], counts: bool = False
    ) -> None:
        self.x, self.y = (_open(*x), _open(*y))
        self.parts = [
            f'<text x="{LEFT}" y="15" class="t">{escape(title)}</text>',
            f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}" class="m">{escape(across)}</text>',
        ]
        for value in ticks(*self.x):
            at = self.right(value)
            self.parts.append(
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" class="g"/>'
                f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 13}" class="m">{format_number(value)}</text>'
            )
        for value in ticks(*self.y, whole=counts):
            at = self.down(value)
            self.parts.append(
                f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" class="g"/>'
                f'<text x="{LEFT - 5}" y="{at + 4:.1f}" class="e">{format_number(value)}</text>'
            )

    def right(self, value: float) -> float:
        return LEFT + (value - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - LEFT - RIGHT)

    def down(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.y[0]) / (self.y[1] - self.y[0]) * (HEIGHT - TOP - BOTTOM)

    def svg(self) -> str:
        return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(self.parts)}</svg>'


def histogram(
    title: str,
    across: str,
    groups: dict[str, np.ndarray],  # name -> [N]
    bins: int = 24,
) -> str:
    """Counts, the groups on top of each other."""
    everything = np.concatenate(list(groups.values()))
    edges = np.linspace(
        *_open(
            0.0 if len(everything) == 0 else float(min(everything.min(), 0.0)),
            1.0 if len(everything) == 0 else float(everything.max()),
        ),
        bins + 1,
    )
    counts = [np.histogram(values, edges)[0] for values in groups.values()]
    frame = PlotAxes(title, across, (edges[0], edges[-1]), (0, float(max(sum(counts).max(), 1))), counts=True)
    below = np.zeros(bins)
    for ink, count in zip(INKS, counts):
        for left, right, low, more in zip(edges, edges[1:], below, count):
            if more:
                x, y = frame.right(left), frame.down(low + more)
                frame.parts.append(
                    f'<rect x="{x:.1f}" width="{frame.right(right) - x:.1f}" y="{y:.1f}" '
                    f'height="{frame.down(low) - y:.1f}" fill="{ink}"/>'
                )
        below = below + count
    return _with_legend(frame, list(groups)).svg()


def line_plot(
    title: str,
    across: str,
    x: Sequence[float],  # [N]
    lines: dict[str, Sequence[float]],  # name -> [N]
    from_zero: bool = True,
    marks: Mapping[float, str] | None = None,  # x -> what begins there
) -> str:
    values = np.array([list(line) for line in lines.values()])
    low = float(values.min())
    frame = PlotAxes(title, across, (min(x), max(x)), (min(low, 0.0) if from_zero else low, float(values.max())))
    free, up = 0.0, 4  # from where on, and how high, a name stands clear of the one before
    for place, name in sorted((marks or {}).items()):
        at = frame.right(place)
        up = up + LINE if at < free else 4
        free = at + CHARACTER * (len(name) + 1)
        frame.parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" class="b"/>'
            f'<text x="{at + 3:.1f}" y="{HEIGHT - BOTTOM - up}" class="s">{escape(name)}</text>'
        )
    for ink, line in zip(INKS, values):
        path = " ".join(f"{frame.right(a):.1f},{frame.down(b):.1f}" for a, b in zip(x, line))
        frame.parts.append(f'<polyline points="{path}" fill="none" stroke="{ink}" stroke-width="1.5"/>')
    return _with_legend(frame, list(lines)).svg()


def scatter_plot(
    title: str,
    across: str,
    x: np.ndarray,  # [N]
    y: np.ndarray,  # [N]
) -> str:
    """A point a value; of very many, some evenly chosen."""
    some = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).astype(int))
    frame = PlotAxes(title, across, (float(x.min()), float(x.max())), (float(y.min()), float(y.max())))
    frame.parts += [
        f'<circle cx="{frame.right(a):.1f}" cy="{frame.down(b):.1f}" r="1.1" fill="{INKS[0]}" fill-opacity="0.4"/>'
        for a, b in zip(x[some], y[some])
    ]
    return frame.svg()


def ticks(low: float, high: float, about: int = 5, whole: bool = False) -> list[float]:
    """Round numbers between low and high; `whole` ones where they count."""
    rough = max((high - low) / about, float(whole))
    step = 10.0 ** np.floor(np.log10(rough))
    step *= min((m for m in (1, 2, 5, 10) if m * step >= rough), default=10)
    return [float(k * step) for k in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def format_number(value: float, spec: str = "z.6g") -> str:
    """As printed: with a true minus, and none before a zero where `spec` has its z."""
    return f"{value:{spec}}".replace("-", "−")


def _with_legend(frame: PlotAxes, names: list[str]) -> PlotAxes:
    if len(names) > 1:
        for place, (ink, name) in enumerate(zip(INKS, names)):
            at = WIDTH - RIGHT - 90 * (len(names) - place)
            frame.parts.append(
                f'<rect x="{at}" y="7" width="9" height="9" fill="{ink}"/>'
                f'<text x="{at + 13}" y="15">{escape(name)}</text>'
            )
    return frame


def _open(low: float, high: float) -> tuple[float, float]:
    """An interval that is not empty."""
    return (low, high) if high - low > 1e-9 else (low - 0.5, high + 0.5)
