# SPDX-License-Identifier: GPL-3.0-or-later
"""In a pause of the voice the mouth comes to rest, whoever speaks and whatever hums in the room.

Not in the paper: chosen because a head learns what silence is from one voice. Its encoder attends to seconds around a
moment, so in a stranger's pauses it still hears the stranger: with room tone at -59 dB the mouths of four heads stood
1 to 8 mm open in a reading's pauses of half a second and more. The sound's own level tells a pause of any voice.

Letters: L samples, M moments.
"""

import numpy as np

from ..audio.sound import Sound
from ..metrics import silent_spans

QUIET = 0.25  # of the way in dB from the sound's floor to its loud passages (`metrics` counts to 0.35)
SHORTEST = 0.4  # seconds: a stop between two words is no pause
HOLD = 0.1  # seconds for which the last sound's shape stays
LEAD = 0.1  # seconds before the next sound by which its shape is there: lips set out before they are heard
EASE = 0.2  # seconds from speech to rest, and back


def speaking(
    sound: Sound,
    times: np.ndarray,  # [M] seconds
) -> np.ndarray:
    """[M] float32: 1 where the head answers the sound, 0 where it rests in a pause, smooth between. A sound that hardly
    varies in level has no pauses that could be told."""
    present = np.ones(len(times))
    for start, end in silent_spans(sound.samples, sound.rate, QUIET, SHORTEST):
        since = np.inf if start <= 0 else times - start - HOLD
        until = np.inf if end >= sound.duration - EASE / 2 else end - LEAD - times
        present = np.minimum(present, 1 - _smooth(np.minimum(since, until) / EASE))
    return present.astype(np.float32)


def _smooth(x: np.ndarray) -> np.ndarray:
    """0 to 1 as x goes from 0 to 1, flat at both ends."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)
