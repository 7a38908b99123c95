# SPDX-License-Identifier: GPL-3.0-or-later
"""The sound of a shot whose strips were cut, retimed or are of several files, put together frame by frame.

A sound that is retimed is played faster or slower, pitch and all; Blender can keep the pitch, we do not.

Letters: L samples of 48 kHz, n of one frame.
"""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np

from ..audio import load_soundtrack
from ..formats import BakeCard, SoundChoice, UserError, content_key
from ..jobs import Render

SAME_MOMENT = 1e-4  # seconds between the end of a frame and the start of the next that are one piece of sound
LONGEST, LONGEST_STEP = 1e6, 60.0  # seconds: of a sound, and of it in one frame
NORMAL_SPEED = 1e-6  # how far from it a speed still counts as 1


def edited_sound(job: Render, card: BakeCard) -> tuple[np.ndarray, int, str]:
    """(float32 [L,2] from the shot's first frame to the end of its last, samples a second, content hash).

    Raises UserError for a sound that cannot be read, and where `job.sound_per_frame` does not fit the shot.
    """
    _check(job, card)
    choice = SoundChoice(card.track, card.channel)
    tracks, rates, hashes = zip(*(load_soundtrack(path, choice) for path in job.sounds), strict=True)
    rate = rates[0]
    edges = [round(Fraction(number) * rate / card.fps) for number in range(card.frame_count + 1)]
    out = np.zeros((edges[-1], 2), dtype=np.float32)
    for number, (here, after) in enumerate(pairwise((*job.sound_per_frame, ()))):
        if here:
            first, last = edges[number : number + 2]
            # Samples seldom start with the frame: what lies between keeps a piece of sound in one rhythm.
            late = first - float(Fraction(number) * rate / card.fps)
            count = float(rate / card.fps)
            out[first:last] = _samples(
                tracks[int(here[0])], rate, here, after, (np.arange(last - first) + late) / count
            )
    return out, rate, content_key("edited", hashes, job.sound_per_frame)


def _samples(
    track: np.ndarray,  # float32 [L,2]
    rate: int,
    here: tuple[float, ...],  # of the frame, as `Render.sound_per_frame` has it
    after: tuple[float, ...],  # of the next one
    share: np.ndarray,  # [n] of the frame that has passed, 0..1
) -> np.ndarray:
    """float [n,2]: the sound of one frame, its volume on its way to that of the next frame of the same piece."""
    _, start, end, volume = here
    next_volume = after[3] if after and _continues(here, after) else volume
    positions = (start + (end - start) * share) * rate
    if len(share) > 1 and abs((positions[-1] - positions[0]) / (len(share) - 1) - 1) < NORMAL_SPEED:
        positions = np.floor(positions + 0.5 + NORMAL_SPEED)  # samples as they are
    first = min(max(math.floor(positions.min()), 0), len(track))
    last = min(max(math.ceil(positions.max()) + 1, 0), len(track))
    if first >= last:
        return np.zeros((len(share), 2))
    known = np.arange(first, last)
    channels = [np.interp(positions, known, track[first:last, c], left=0.0, right=0.0) for c in range(2)]
    return np.stack(channels, axis=1) * (volume + (next_volume - volume) * share)[:, None]


def _continues(here: tuple[float, ...], after: tuple[float, ...]) -> bool:
    return here[0] == after[0] and abs(here[2] - after[1]) < SAME_MOMENT


def _check(job: Render, card: BakeCard) -> None:
    rows = job.sound_per_frame
    if len(rows) != card.frame_count or not all(not row or _is_sound(row, len(job.sounds)) for row in rows):
        raise UserError(f"{card.name}: sound_per_frame does not fit its {card.frame_count} frames; render it again.")
    if not job.sounds:
        raise UserError(f"{card.name}: sound_per_frame names no sound; render it without.")


def _is_sound(row: tuple[float, ...], files: int) -> bool:
    if len(row) != 4 or not all(map(math.isfinite, row)):
        return False
    file, start, end, _volume = row
    return file in range(files) and abs(start) < LONGEST and abs(end - start) < LONGEST_STEP
