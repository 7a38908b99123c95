# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person looks at: a movie of truth, head and static head side by side with the sound, and a contact strip.

Where a clip has no picture for a frame, the last true one is repeated; head and static head are drawn for every frame.

Letters: H W a picture, L audio samples.
"""

from pathlib import Path
from types import TracebackType

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
    """A context manager; `add` every result in the order of time. Without a path it writes nothing."""

    def __init__(self, path: str, footage: Footage, clips: list[int]) -> None:
        size = 3 * footage.width, footage.height + CAPTION
        self._writer = (
            MovieWriter(path, footage.rate, *size, (join_sounds(footage, clips), SOUND_RATE)) if path else None
        )
        self._truth: np.ndarray | None = None

    def __bool__(self) -> bool:
        return self._writer is not None

    def __enter__(self) -> "ComparisonMovie":
        if self._writer:
            self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer:
            self._writer.__exit__(kind, error, trace)

    def begin_clip(self) -> None:
        """Forget the last clip's true picture."""
        self._truth = None

    def add(self, result: SampleResult) -> None:
        """Write a frame, if the sample shows a model frame."""
        if self._writer is None or result.sample.moment is None:
            return
        self._truth = self._truth if result.truth is None else result.truth
        truth = np.full_like(result.head, GREY) if self._truth is None else self._truth
        self._writer.add(caption_panels([truth, result.head, result.static]))


def caption_panels(pictures: list[np.ndarray]) -> np.ndarray:
    """[H,W,3] 0..1 each -> uint8 [CAPTION + H, 3 W, 3] side by side, with their names above."""
    pixels = (np.clip(np.concatenate(pictures, axis=1), 0, 1) * 255 + 0.5).astype(np.uint8)
    bar = Image.new("RGB", (pixels.shape[1], CAPTION), (20, 20, 20))
    pen = ImageDraw.Draw(bar)
    for k, name in enumerate(PANELS):
        pen.text((k * pictures[0].shape[1] + 4, 2), name, fill=(230, 230, 230))
    return np.concatenate([np.asarray(bar), pixels])


def join_sounds(footage: Footage, clips: list[int]) -> np.ndarray:
    """[L] float32 the clips' sounds one after another, each as long as its model frames."""
    parts = []
    for clip in clips:
        times = footage.track(clip).time
        samples = load_sound(footage.clips[clip].audio).samples
        first, length = round(float(times[0]) * SOUND_RATE), round(len(times) / float(footage.rate) * SOUND_RATE)
        part = samples[first : first + length]
        parts.append(np.pad(part, (0, length - len(part))))
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


class MomentStrip:
    """Some moments of the liveliest clip: truth, head, static head, and their mouths enlarged; a column per moment."""

    def __init__(self, path: str, footage: Footage, samples: dict[int, list[Sample]]) -> None:
        self.path, self.footage = path, footage
        self._rows = choose_moments(footage, samples) if path else set()
        self._columns: list[list[np.ndarray]] = []

    def add(self, result: SampleResult) -> None:
        """Keep a column, if the picture is one of the chosen moments."""
        row, truth = result.sample.row, result.truth
        if truth is None or row not in self._rows:
            return
        pictures = [truth, result.head, result.static]
        box = mouth_box(self.footage.landmarks2d[row], self.footage.width, self.footage.height)
        self._columns.append(pictures + [enlarge_crop(picture, box, truth.shape[0]) for picture in pictures])

    def write(self) -> bool:
        """Whether there was something to show."""
        if self._columns:
            write_picture_grid(Path(self.path), [list(row) for row in zip(*self._columns)])
        return bool(self._columns)


def choose_moments(footage: Footage, samples: dict[int, list[Sample]]) -> set[int]:
    """COLUMNS pictures, from before its mouth opens until after it closes, of the clip whose lips move most; clips with
    fewer pictures than others and than COLUMNS are left out."""
    pictures = {
        clip: [sample.row for sample in own if sample.row is not None and sample.moment is not None]
        for clip, own in samples.items()
    }
    enough = max(min(COLUMNS, max(map(len, pictures.values()), default=0)), 1)
    gaps = {clip: lip_gap(footage.landmarks2d[rows]) for clip, rows in pictures.items() if len(rows) >= enough}
    if not gaps:
        return set()
    best = max(gaps, key=lambda clip: gaps[clip].std())
    rows, open_ = pictures[best], np.flatnonzero(gaps[best] > np.median(gaps[best]))
    first, last = (open_[0], open_[-1]) if len(open_) else (0, len(rows) - 1)
    chosen = np.linspace(max(first - 1, 0), min(last + 1, len(rows) - 1), COLUMNS).astype(int)
    return {rows[k] for k in chosen}
