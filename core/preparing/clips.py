# SPDX-License-Identifier: GPL-3.0-or-later
"""A clip of the footage to be: which video it is of, which part, how large; and its pictures, one at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..interchange import read_video
from .clip_spans import ClipSpan


@dataclass(frozen=True)
class SourceClip:
    span: ClipSpan
    path: Path
    size: tuple[int, int]  # width, height in square pixels
    rate: Fraction
    aspect: Fraction | None = None  # width over height of a stored pixel; None: as the file says

    @property
    def name(self) -> str:
        return self.span.name

    @property
    def seconds(self) -> float:
        return float(self.span.count / self.rate)


def pictures(
    clip: SourceClip,
    size: tuple[int, int] | None = None,  # of the result; None: as filmed
    crop: tuple[int, int, int, int] | None = None,  # left, top, width, height in the video's square pixels
) -> Iterator[tuple[int, np.ndarray, bool]]:
    """(frame of the clip, [H,W,3] uint8, whether it is damaged), in order; frames before a late first picture are
    missing. Raises Refusal."""
    first, count = clip.span.first, clip.span.count
    for frame in read_video(clip.path, clip.rate, size, crop, clip.aspect, first, first + count):
        yield frame.index - first, frame.rgb, frame.damaged
