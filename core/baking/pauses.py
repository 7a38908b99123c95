# SPDX-License-Identifier: GPL-3.0-or-later
"""In a pause of the voice the mouth comes to rest, whoever speaks and whatever hums in the room.

Not in the paper: chosen because a head learns what silence is from one voice. Its encoder attends to seconds around a
moment, so in a stranger's pauses it still hears the stranger: with room tone at -59 dB the mouths of four heads stood
up to 8 mm open in a reading's pauses of half a second and more. The sound's own level tells a pause of any voice.

Letters: M moments.
"""

import numpy as np

from ..audio import Sound
from ..metrics import silent_spans
from ..performance import smoothstep

QUIET = 0.25  # of the way in dB from the sound's floor to its loud passages (`metrics` counts to 0.35)
SHORTEST = 0.4  # seconds: a stop between two words is no pause
HOLD = 0.1  # seconds for which the last sound's shape stays
LEAD = 0.1  # seconds before the next sound by which its shape is there: lips set out before they are heard
EASE = 0.2  # seconds from speech to rest, and back


def speech_presence(
    sound: Sound,
    times: np.ndarray,  # [M] seconds
) -> np.ndarray:
    """[M] float32: 1 where the head answers the sound, 0 where it rests in a pause, smooth between. A sound that hardly
    varies in level has no pauses that could be told."""
    spans = silent_spans(sound.samples, sound.rate, QUIET, SHORTEST)
    if not spans:
        return np.ones(len(times), np.float32)
    starts, ends = np.array(spans).T
    begun = np.searchsorted(starts, times, side="right") - 1  # the last pause that has begun; -1: none has
    if starts[0] <= 0:
        starts[0], begun = -np.inf, np.maximum(begun, 0)  # silence holds before the sound, and behind it
    if ends[-1] >= sound.duration - EASE / 2:
        ends[-1] = np.inf
    within = np.minimum(times - starts[begun] - HOLD, ends[begun] - LEAD - times)
    return (1 - smoothstep(np.where(begun < 0, 0.0, within / EASE))).astype(np.float32)
