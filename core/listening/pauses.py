# SPDX-License-Identifier: GPL-3.0-or-later
"""In a pause of the voice the mouth comes to rest, whoever speaks and however noisy the room is.

Not in the paper: chosen because a head learns what silence is from one voice. Its encoder attends to seconds around a
moment, so in the pauses of another voice it still reacts to that voice: with room tone at -59 dB the mouths of four
heads were up to 8 mm open in a reading's pauses of half a second and more. The sound's own level shows a pause of any
voice.

Letters: M moments.
"""

import numpy as np

from ..audio import Sound, silent_spans
from ..performance import smoothstep

QUIET = 0.25  # of the way in dB from the sound's floor to its loud passages (`audio.silent_spans` counts to 0.35)
SHORTEST = 0.4  # seconds: a stop between two words is no pause
HOLD = 0.1  # seconds for which the last sound's shape stays
LEAD = 0.1  # seconds before the next sound at which its shape is reached: lips move before the sound starts
EASE = 0.2  # seconds from speech to rest, and back


def speech_presence(
    sound: Sound,
    times: np.ndarray,  # [M] seconds
) -> np.ndarray:
    """[M] float32: 1 where the head follows the sound, 0 where it rests in a pause, smooth in between. A sound whose
    level hardly varies has no pauses."""
    spans = silent_spans(sound.samples, sound.rate, QUIET, SHORTEST)
    if not spans:
        return np.ones(len(times), np.float32)
    starts, ends = np.array(spans).T
    latest = np.searchsorted(starts, times, side="right") - 1  # index of the last pause that has started; -1: none
    if starts[0] <= 0:
        starts[0], latest = -np.inf, np.maximum(latest, 0)  # silence extends to before the sound, and to after it
    if ends[-1] >= sound.duration - EASE / 2:
        ends[-1] = np.inf
    seconds_inside = np.minimum(times - starts[latest] - HOLD, ends[latest] - LEAD - times)
    rest = np.asarray(smoothstep(np.where(latest < 0, 0.0, seconds_inside / EASE)))
    return (1 - rest).astype(np.float32)
