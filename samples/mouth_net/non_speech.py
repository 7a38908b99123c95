# SPDX-License-Identifier: GPL-3.0-or-later
"""Sounds in which nobody speaks, made from nothing: music, noise, hum, knocks, breath. A mouth must not follow them.

Letters: L samples at 16 kHz.
"""

from collections.abc import Callable

import numpy as np

from ...core.audio import SOUND_RATE


def _coloured_noise(count: int, power: float, rng: np.random.Generator) -> np.ndarray:
    """[L], its spectrum falling by 3 dB an octave times `power`."""
    spectrum = np.fft.rfft(rng.normal(size=count))
    spectrum[1:] *= np.arange(1, len(spectrum)) ** (-power / 2)
    spectrum[0] = 0
    return np.fft.irfft(spectrum, count)


def noise(count: int, rng: np.random.Generator) -> np.ndarray:
    """Wind, rain, traffic: coloured noise that swells."""
    t = np.arange(count) / SOUND_RATE
    swell = 1 + rng.uniform(0, 0.9) * np.sin(2 * np.pi * rng.uniform(0.1, 5) * t + rng.uniform(0, 6))
    return _coloured_noise(count, rng.uniform(0, 2), rng) * swell


def hum(count: int, rng: np.random.Generator) -> np.ndarray:
    """A machine: harmonics of one tone, some of them loud."""
    t = np.arange(count) / SOUND_RATE
    base = rng.uniform(45, 220)
    overtones = np.arange(1, int(4000 / base))
    levels = rng.exponential(size=len(overtones)) / overtones
    return np.sin(2 * np.pi * base * overtones * t[:, None]) @ levels


def music(count: int, rng: np.random.Generator) -> np.ndarray:
    """Chords of decaying or held notes on a beat, over a drum."""
    out, beat = np.zeros(count), int(SOUND_RATE * rng.uniform(0.2, 0.6))
    scale = 55 * 2 ** (np.array([0, 2, 4, 7, 9, 12, 14, 16, 19, 21, 24, 28, 31]) / 12) * 2 ** rng.integers(0, 3)
    decay, brightness = rng.uniform(0.5, 8), rng.uniform(0.5, 2)
    for start in range(0, count, beat):
        t = np.arange(min(4 * beat, count - start)) / SOUND_RATE
        for pitch in rng.choice(scale, rng.integers(1, 4)):
            overtones = np.arange(1, 9)[: max(int(7000 / pitch), 1)]
            tone = np.sin(2 * np.pi * pitch * overtones * t[:, None]) @ (1.0 / overtones**brightness)
            out[start : start + len(t)] += tone * np.exp(-decay * t) * np.minimum(t / 0.01, 1)
        drum = rng.normal(size=len(t)) * np.exp(-t / rng.uniform(0.01, 0.06))
        out[start : start + len(t)] += drum * rng.uniform(0, 1.5)
    return out


def knocks(count: int, rng: np.random.Generator) -> np.ndarray:
    """Steps, doors, keys: short bursts at irregular times."""
    out = np.zeros(count)
    for start in np.sort(rng.integers(0, max(count - 1, 1), max(int(rng.uniform(1, 5) * count / SOUND_RATE), 1))):
        t = np.arange(min(SOUND_RATE // 2, count - start)) / SOUND_RATE
        ring = np.sin(2 * np.pi * rng.uniform(80, 2500) * t) * rng.uniform(0, 1)
        burst = (rng.normal(size=len(t)) + 2 * ring) * np.exp(-t / rng.uniform(0.005, 0.08))
        out[start : start + len(t)] += burst * rng.uniform(0.2, 1)
    return out + 1e-3 * rng.normal(size=count)


def breath(count: int, rng: np.random.Generator) -> np.ndarray:
    """Air through nose or mouth: band noise that rises and falls in a second."""
    t = np.arange(count) / SOUND_RATE
    air = np.convolve(rng.normal(size=count), np.hanning(int(rng.uniform(4, 12))), "same")
    return air * np.sin(np.pi * ((t / rng.uniform(0.6, 1.5)) % 1)) ** 2


KINDS: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    "noise": noise,
    "hum": hum,
    "music": music,
    "knocks": knocks,
    "breath": breath,
}


def make_non_speech(seconds: float, rng: np.random.Generator, kind: str = "") -> np.ndarray:
    """[L] float32, peak 0.5; of a random kind where none is named."""
    make = KINDS[kind or str(rng.choice(sorted(KINDS)))]
    samples = make(round(seconds * SOUND_RATE), rng)
    return (0.5 * samples / max(float(np.abs(samples).max()), 1e-9)).astype(np.float32)
