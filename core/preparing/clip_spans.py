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

MAX_UNCUT = 15.0  # seconds; a longer video is cut
MIN_SPAN, MAX_SPAN = 6.0, 12.0  # seconds
MIN_LAST_SPAN = 3.0  # seconds; the last span may be shorter than the others
LOUDNESS_WINDOW = 0.2  # seconds


@dataclass(frozen=True)
class ClipSpan:
    """A clip: `count` model frames of a video from frame `first`."""

    name: str
    first: int
    count: int


def split_into_spans(
    name: str,
    count: int,  # T
    rate: Fraction,
    samples: np.ndarray,  # [L] the sound
    sound_rate: int,
) -> list[ClipSpan]:
    """One span for a short video, else spans NAME-000, NAME-001, ... cut where it is quietest."""
    if count <= MAX_UNCUT * rate:
        return [ClipSpan(name, 0, count)]
    cuts, energy = [0], _energy(samples, sound_rate, count, rate)
    shortest, longest, last = (int(seconds * rate) for seconds in (MIN_SPAN, MAX_SPAN, MIN_LAST_SPAN))
    while count - cuts[-1] > longest:
        low, high = cuts[-1] + shortest, min(cuts[-1] + longest, count - last)
        cuts.append(low + int(np.argmin(energy[low : high + 1])))
    cuts.append(count)
    names = span_names(name, len(cuts) - 1)
    return [ClipSpan(clip, first, end - first) for clip, (first, end) in zip(names, pairwise(cuts))]


def span_names(name: str, count: int) -> list[str]:
    """The names of a video's clips."""
    return [name] if count == 1 else [f"{name}-{k:03d}" for k in range(count)]


def _energy(samples: np.ndarray, sound_rate: int, count: int, rate: Fraction) -> np.ndarray:
    """[T+1] mean square of the sound around the start of each frame."""
    total = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    centre = np.round(np.arange(count + 1) * float(sound_rate / rate)).astype(np.int64)
    half = int(LOUDNESS_WINDOW / 2 * sound_rate)
    low, high = (np.clip(centre + side, 0, len(samples)) for side in (-half, half))
    return (total[high] - total[low]) / (2 * half)


def choose_test_clips(
    videos: Sequence[Sequence[str]],  # the clips of each video, in order
    share: float,  # 0..1
) -> set[str]:
    """The names of the clips that are held back for tests.

    A clip that is a whole video: by the hash of its name, so that it is on the same side in every footage. A video
    that was cut: its last clips, because a piece next to a training piece is hardly unseen (others who have a single
    video hold back its end too). Where the hash holds back nothing, the clip with the smallest hash is taken.
    """
    if share <= 0:
        return set()
    test: set[str] = set()
    for clips in videos:
        if len(clips) > 1:
            test |= set(clips[len(clips) - max(1, round(share * len(clips))) :])
        else:
            test |= {name for name in clips if hash_fraction(name) < share}
    names = [name for clips in videos for name in clips]
    if not test and len(names) > 1:
        test = {min(names, key=hash_fraction)}
    return test if len(test) < len(names) else test - {max(names, key=hash_fraction)}


def hash_fraction(name: str) -> float:
    """0..1, uniform over names and always the same for a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2.0**64
