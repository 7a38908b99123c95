# SPDX-License-Identifier: GPL-3.0-or-later
"""What every clip sounds like and how its face moves, moment by moment: the audio side of the footage.

Letters: T model frames of a clip, C feature channels, S moments of all clips of a split.
"""

from dataclasses import dataclass, field

import numpy as np

from ..audio import ENCODERS, WINDOW_OFFSETS, Features, load_sound, windows_at
from ..formats import UserError
from .footage import Footage, Track


@dataclass(frozen=True)
class ClipSpeech:
    """Features and tracks of some clips."""

    features: dict[int, Features]  # clip -> features
    tracks: dict[int, Track]  # clip -> track
    moments: np.ndarray  # [S,2] int: clip, model frame
    channels: int  # C
    joined: Features = field(init=False, repr=False)  # all clips' features on one grid
    first: dict[int, int] = field(init=False, repr=False)  # clip -> its first row of `joined`

    def __post_init__(self) -> None:
        lengths = [len(f.times) for f in self.features.values()]
        starts = np.cumsum([0, *lengths[:-1]])
        hop = next(iter(self.features.values())).hop
        joined = Features(np.concatenate([f.values for f in self.features.values()]), np.arange(sum(lengths)) * hop)
        object.__setattr__(self, "first", dict(zip(self.features, starts.tolist())))
        object.__setattr__(self, "joined", joined)

    def windows(self, clip: int, times: np.ndarray) -> np.ndarray:  # [M] seconds -> [M,8,C,2]
        return windows_at(self.features[clip], times)

    def batch(self, rows: np.ndarray, shift: np.ndarray | None = None) -> np.ndarray:
        """Windows of moments `rows`, each shifted by some seconds, [M,8,C,2] float32.

        All clips lie one after another on one grid, so that a batch is one gather; a moment whose window would
        reach past its clip's features is moved to the last that fits.
        """
        clips = self.moments[rows, 0]
        times = np.array([self.tracks[clip].time[frame] for clip, frame in self.moments[rows]])
        times = times if shift is None else times + shift
        place = np.empty(len(rows))
        for m, clip in enumerate(clips):
            own = self.features[clip].times
            inside = min(max(times[m], own[0] - WINDOW_OFFSETS.min()), own[-1] - WINDOW_OFFSETS.max())
            place[m] = self.first[clip] * self.joined.hop + inside - own[0]
        return windows_at(self.joined, place)

    def stacked(self, column: str, rows: np.ndarray | None = None) -> np.ndarray:
        """landmarks or expression of moments, [S or M, ...]."""
        moments = self.moments if rows is None else self.moments[rows]
        return np.stack([getattr(self.tracks[clip], column)[frame] for clip, frame in moments])


def encode_clips(footage: Footage, split: str, encoder: str, at_most: int | None = None) -> ClipSpeech:
    """Encode the sound of every clip of a split (or of some, evenly chosen) and read its track. Raises UserError."""
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
