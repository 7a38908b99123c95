# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a long video is cut into clips, and which clips are held back for tests.

Everything after this works clip by clip, so that memory does not grow with the length of a video. Not in the paper:
chosen because a cut in a pause loses no sound that a picture needs.

Letters: L samples of sound, T model frames.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

LONG = 15.0  # seconds; a longer video is cut
SHORTEST, FARTHEST = 6.0, 12.0  # seconds of a piece; the last may be as short as 3
REST = 3.0
HUSH = 0.2  # seconds over which loudness is taken


@dataclass(frozen=True)
class ClipSpan:
    """A clip: `count` model frames of a video from frame `first`."""

    name: str
    first: int
    count: int


def spans_of(
    name: str,
    count: int,  # T
    rate: Fraction,
    samples: np.ndarray,  # [L] the sound
    sound_rate: int,
) -> list[ClipSpan]:
    """One span for a short video, else spans NAME-000, NAME-001, ... cut where it is quietest."""
    if count <= LONG * rate:
        return [ClipSpan(name, 0, count)]
    cuts, hush = [0], _loudness(samples, sound_rate, count, rate)
    nearest, farthest, rest = (int(seconds * rate) for seconds in (SHORTEST, FARTHEST, REST))
    while count - cuts[-1] > farthest:
        low, high = cuts[-1] + nearest, min(cuts[-1] + farthest, count - rest)
        cuts.append(low + int(np.argmin(hush[low : high + 1])))
    cuts.append(count)
    names = names_of(name, len(cuts) - 1)
    return [ClipSpan(own, first, end - first) for own, (first, end) in zip(names, pairwise(cuts))]


def names_of(name: str, count: int) -> list[str]:
    """Of a video's clips."""
    return [name] if count == 1 else [f"{name}-{k:03d}" for k in range(count)]


def _loudness(samples: np.ndarray, sound_rate: int, count: int, rate: Fraction) -> np.ndarray:
    """[T+1] mean square of the sound around the start of each frame."""
    total = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    centre = np.round(np.arange(count + 1) * float(sound_rate / rate)).astype(np.int64)
    half = int(HUSH / 2 * sound_rate)
    low, high = (np.clip(centre + side, 0, len(samples)) for side in (-half, half))
    return (total[high] - total[low]) / (2 * half)


def held_back(
    videos: Sequence[Sequence[str]],  # the clips of each video, in order
    share: float,
) -> set[str]:
    """The names of the test clips.

    A clip that is a whole video: by the hash of its name, so that it is on the same side in every footage. A video
    that was cut: its last clips, because pieces that touch a training piece are hardly unheard (the field holds back
    the end of its one video too). Where chance holds back nothing, the clip of the smallest hash goes.
    """
    if share <= 0:
        return set()
    test: set[str] = set()
    for clips in videos:
        if len(clips) > 1:
            test |= set(clips[len(clips) - max(1, round(share * len(clips))) :])
        else:
            test |= {name for name in clips if chance(name) < share}
    names = [name for clips in videos for name in clips]
    if not test and len(names) > 1:
        test = {min(names, key=chance)}
    return test if len(test) < len(names) else test - {max(names, key=chance)}


def chance(name: str) -> float:
    """0..1, always the same for a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2.0**64
