# SPDX-License-Identifier: GPL-3.0-or-later
"""A clip of the future footage: which video it comes from, which part of it, how large; and its pictures in order."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..interchange import read_video
from .clip_spans import ClipSpan


@dataclass(frozen=True)
class SourceClip:
    """A span of a video that becomes one clip of the footage."""

    span: ClipSpan
    path: Path
    size: tuple[int, int]  # width, height in square pixels
    rate: Fraction  # model frames a second
    aspect: Fraction | None = None  # width over height of a stored pixel; None: as the file says

    @property
    def name(self) -> str:
        """The clip's name in the footage."""
        return self.span.name

    @property
    def seconds(self) -> float:
        """The clip's length."""
        return float(self.span.count / self.rate)


def read_clip(
    clip: SourceClip,
    size: tuple[int, int] | None = None,  # width, height of the result; None: as filmed
    crop: tuple[float, float, float, float] | None = None,  # left, top, width, height in the video's square pixels
) -> Iterator[tuple[int, np.ndarray, bool]]:
    """(frame of the clip, rgb [H,W,3] uint8, whether it is damaged) in order, one at a time; frames before a late
    first picture are missing. Raises UserError for a video that cannot be read."""
    first, count = clip.span.first, clip.span.count
    for frame in read_video(clip.path, clip.rate, size, crop, clip.aspect, first, first + count):
        yield frame.index - first, frame.rgb, frame.damaged
