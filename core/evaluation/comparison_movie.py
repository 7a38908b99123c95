# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person looks at: a movie of truth, head and static head side by side with the sound, and a contact strip.

Where a clip has no picture for a frame, the last true one stays; head and static head are drawn for every frame.

Letters: H W a picture, L samples.
"""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ..audio import SOUND_RATE, load_sound
from ..footage import Footage
from ..interchange import MovieWriter
from ..metrics import lip_gap, mouth_box
from ..reports import enlarge_crop, write_picture_grid
from .evaluator import GREY
from .picture_metrics import SampleResult
from .samples import Sample

PANELS = ("truth", "head", "static head")
CAPTION = 16  # pixels
COLUMNS = 8  # moments of a strip


class ComparisonMovie:
    """A context manager; `add` every drawing in the order of time. Without a path it films nothing."""

    def __init__(self, path: str, footage: Footage, clips: list[int]) -> None:
        self.path, self.footage, self._truth = path, footage, None
        width, height = 3 * footage.width, footage.height + CAPTION
        self._writer = (
            MovieWriter(path, footage.rate, width, height, (sound_of(footage, clips), SOUND_RATE))
            if path
            else (nullcontext())
        )

    def __bool__(self) -> bool:
        return bool(self.path)

    def __enter__(self) -> "ComparisonMovie":
        self._movie = self._writer.__enter__()
        return self

    def __exit__(self, *of) -> None:
        self._writer.__exit__(*of)

    def begin(self) -> None:
        """A clip begins: nothing true has been seen of it."""
        self._truth = None

    def add(self, one: SampleResult) -> None:
        if not self or one.take.moment is None:
            return
        self._truth = one.truth if one.truth is not None else self._truth
        truth = np.full_like(one.head, GREY) if self._truth is None else self._truth
        self._movie.add(captioned([truth, one.head, one.static]))


def captioned(pictures: list[np.ndarray]) -> np.ndarray:
    """[H,W,3] 0..1 each -> uint8 side by side, named above."""
    codes = (np.clip(np.concatenate(pictures, axis=1), 0, 1) * 255 + 0.5).astype(np.uint8)
    bar = Image.new("RGB", (codes.shape[1], CAPTION), (20, 20, 20))
    pen = ImageDraw.Draw(bar)
    for k, name in enumerate(PANELS):
        pen.text((k * pictures[0].shape[1] + 4, 2), name, fill=(230, 230, 230))
    return np.concatenate([np.asarray(bar), codes])


def sound_of(footage: Footage, clips: list[int]) -> np.ndarray:
    """[L] the clips' sounds one after another, each as long as its model frames."""
    parts = []
    for clip in clips:
        times = footage.track(clip).time
        heard = load_sound(footage.clips[clip].audio).samples
        first, length = round(float(times[0]) * SOUND_RATE), round(len(times) / float(footage.rate) * SOUND_RATE)
        part = heard[first : first + length]
        parts.append(np.pad(part, (0, length - len(part))))
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


class MomentStrip:
    """Some moments of the liveliest clip: truth, head, static head, and their mouths enlarged; a column a moment."""

    def __init__(self, path: str, footage: Footage, takes: dict[int, list[Sample]]) -> None:
        self.path, self.footage, self._columns, self._rows = path, footage, [], set()
        pictured = {
            clip: [take for take in of if take.row is not None and take.moment is not None]
            for clip, of in takes.items()
        }
        full = [clip for clip, of in pictured.items() if len(of) >= min(COLUMNS, max(map(len, pictured.values())))]
        if path and full:
            gaps = {clip: lip_gap(footage.landmarks2d[[take.row for take in pictured[clip]]]) for clip in full}
            best = max(full, key=lambda clip: gaps[clip].std())
            rows, loud = pictured[best], np.flatnonzero(gaps[best] > np.median(gaps[best]))
            first, last = (loud[0], loud[-1]) if len(loud) else (0, len(rows) - 1)
            chosen = np.unique(np.linspace(max(first - 1, 0), min(last + 1, len(rows) - 1), COLUMNS).astype(int))
            self._rows = {rows[k].row for k in chosen}

    def add(self, one: SampleResult) -> None:
        if one.take.row not in self._rows:
            return
        pictures = [one.truth, one.head, one.static]
        box = mouth_box(self.footage.landmarks2d[one.take.row], self.footage.width, self.footage.height)
        side = one.truth.shape[0]
        self._columns.append(pictures + [enlarge_crop(picture, box, side) for picture in pictures])

    def write(self) -> bool:
        """Whether there was something to show."""
        if self._columns:
            write_picture_grid(Path(self.path), [list(row) for row in zip(*self._columns)])
        return bool(self._columns)
