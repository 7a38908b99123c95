# SPDX-License-Identifier: GPL-3.0-or-later
"""Each clip's sound as it was recorded and changed in other ways, so that the net hears rooms, music, other throats and
held vowels.

Letters: L samples, N corners of a clock.
"""

from collections.abc import Callable
from math import gcd

import numpy as np
import soxr

from ...core.audio import SOUND_RATE, Sound
from ...core.formats import TimedLabel
from .held_vowels import hold_vowels
from .non_speech import make_non_speech

FASTEST = 1.15  # of another throat: played faster or slower by up to this, pitch and formants with it
SNR = 6.0, 24.0  # dB of the voice over what is under it
REVERBERATION = 0.15, 0.6  # seconds to -60 dB
STEPS = 100  # of the rate, so that it is a ratio of small numbers


def as_recorded(sound: Sound, phones: list[TimedLabel], rng: np.random.Generator) -> tuple[Sound, np.ndarray]:
    """As it is."""
    return sound, _clock(sound, sound)


def another_throat(sound: Sound, phones: list[TimedLabel], rng: np.random.Generator) -> tuple[Sound, np.ndarray]:
    """Played faster or slower."""
    faster = round(STEPS * float(FASTEST ** rng.uniform(-1, 1)))
    divisor = gcd(faster, STEPS)
    samples = soxr.resample(sound.samples, faster // divisor, STEPS // divisor)
    changed = Sound(samples.astype(np.float32))
    return changed, _clock(changed, sound)


def another_place(sound: Sound, phones: list[TimedLabel], rng: np.random.Generator) -> tuple[Sound, np.ndarray]:
    """In a room, with music, noise or hum under it, at another level."""
    samples = sound.samples.astype(np.float64)
    if rng.random() < 0.5:
        samples = _in_a_room(samples, rng)
    if rng.random() < 0.7:
        under = make_non_speech(len(samples) / SOUND_RATE, rng)[: len(samples)]
        gain = np.sqrt(np.mean(samples**2) / max(float(np.mean(under**2)), 1e-12))
        samples[: len(under)] += under * gain * 10 ** (-rng.uniform(*SNR) / 20)
    level = 10 ** (rng.uniform(-25, 0) / 20) / max(float(np.abs(samples).max()), 1e-9)
    return Sound((samples * level).astype(np.float32)), _clock(sound, sound)


def another_throat_elsewhere(
    sound: Sound, phones: list[TimedLabel], rng: np.random.Generator
) -> tuple[Sound, np.ndarray]:
    """Both."""
    changed, clock = another_throat(sound, phones, rng)
    return another_place(changed, phones, rng)[0], clock


def _clock(changed: Sound, recorded: Sound) -> np.ndarray:
    """[2,2] of a sound that is evenly faster or slower."""
    return np.array([[0.0, changed.duration], [0.0, recorded.duration]])


def _in_a_room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[L]: with exponentially dying noise as the room's answer, the direct sound first and louder."""
    seconds = rng.uniform(*REVERBERATION)
    count = round(seconds * SOUND_RATE)
    answer = rng.normal(size=count) * 10 ** (-3 * np.arange(count) / count)
    answer *= rng.uniform(0.3, 1.0) / np.linalg.norm(answer)
    answer[0] += 1.0
    size = 1 << (len(samples) + count).bit_length()
    return np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(answer, size), size)[: len(samples)]


HELD = "held_vowels"
# The name of a version -> how it is made of a recording: (sound, its phones, seed) -> (sound, clock [2,N]: seconds of
# it, and the second of the recording that is heard then).
VERSIONS: dict[str, Callable[[Sound, list[TimedLabel], np.random.Generator], tuple[Sound, np.ndarray]]] = {
    "as_recorded": as_recorded,
    "another_throat": another_throat,
    "another_place": another_place,
    "another_throat_elsewhere": another_throat_elsewhere,
    HELD: hold_vowels,
}
