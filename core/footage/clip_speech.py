# SPDX-License-Identifier: GPL-3.0-or-later
"""The audio side of the footage: what every clip sounds like and how its face moves, moment by moment.

Letters: T model frames of a clip, C feature channels, S moments (model frames of all clips of a split), M some of them.
"""

from dataclasses import dataclass, field

import numpy as np

from ..audio import ENCODERS, WINDOW_OFFSETS, Features, load_sound, windows_at
from ..formats import UserError
from .footage import Footage, Track
from .footage_card import ClipSplit


@dataclass(frozen=True)
class ClipSpeech:
    """Audio features and face tracks of the clips of a split."""

    features: dict[int, Features]  # clip -> features
    tracks: dict[int, Track]  # clip -> track
    moments: np.ndarray  # [S,2] int: clip, model frame
    channels: int  # C
    joined: Features = field(init=False, repr=False)  # all clips' features on one grid
    first_row: dict[int, int] = field(init=False, repr=False)  # clip -> its first row of `joined`

    def __post_init__(self) -> None:
        lengths = [len(features.times) for features in self.features.values()]
        starts = np.cumsum([0, *lengths[:-1]])
        hop = next(iter(self.features.values())).hop
        values = np.concatenate([features.values for features in self.features.values()])
        object.__setattr__(self, "first_row", dict(zip(self.features, starts.tolist())))
        object.__setattr__(self, "joined", Features(values, np.arange(sum(lengths)) * hop))

    def windows(self, clip: int, times: np.ndarray) -> np.ndarray:
        """Feature windows of one clip around `times` [M] seconds on its sound, [M,8,C,2] float32."""
        return windows_at(self.features[clip], times)

    def window_batch(self, rows: np.ndarray, shift: np.ndarray | None = None) -> np.ndarray:
        """Feature windows of the moments `rows` [M], each shifted by `shift` [M] seconds, [M,8,C,2] float32.

        All clips follow one another on one grid, so that a batch is one gather; a moment whose window would reach past
        its clip's features is moved to the last that fits.
        """
        clips = self.moments[rows, 0]
        times = np.array([self.tracks[clip].time[frame] for clip, frame in self.moments[rows]])
        times = times if shift is None else times + shift
        joined_times = np.empty(len(rows))
        for m, clip in enumerate(clips):
            grid = self.features[clip].times
            inside = min(max(times[m], grid[0] - WINDOW_OFFSETS.min()), grid[-1] - WINDOW_OFFSETS.max())
            joined_times[m] = self.first_row[clip] * self.joined.hop + inside - grid[0]
        return windows_at(self.joined, joined_times)

    def stack_tracks(self, column: str, rows: np.ndarray | None = None) -> np.ndarray:
        """A column of the tracks ("landmarks" or "expression") at the moments `rows`, or at all: [M or S, ...]."""
        moments = self.moments if rows is None else self.moments[rows]
        return np.stack([getattr(self.tracks[clip], column)[frame] for clip, frame in moments])


def encode_clips(footage: Footage, split: ClipSplit, encoder: str, at_most: int | None = None) -> ClipSpeech:
    """Encode the sound of every clip of a split (or of `at_most` evenly spaced ones) and read its track.

    `encoder` is a name of ENCODERS. Raises UserError.
    """
    if encoder not in ENCODERS:
        raise UserError(f"audio encoder {encoder!r} is unknown; choose {', '.join(ENCODERS)}.")
    features, tracks, moments = {}, {}, []
    clips = footage.clips_of(split)
    if at_most is not None and len(clips) > at_most:
        clips = [clips[k * len(clips) // at_most] for k in range(at_most)]
    for clip in clips:
        features[clip] = ENCODERS[encoder].encode(load_sound(footage.clips[clip].audio))
        tracks[clip] = footage.track(clip)
        moments += [(clip, frame) for frame in range(len(tracks[clip].time))]
    if not moments:
        raise UserError(f"{footage.folder}: no clip belongs to split {split!r}; prepare the footage again.")
    return ClipSpeech(features, tracks, np.array(moments), ENCODERS[encoder].channels)
