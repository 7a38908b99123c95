# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded speech whose vowels are held for seconds, as singers hold them and whoever calls across a field.

By waveform similarity (WSOLA; Verhelst & Roelands, ICASSP 1993): grains from around a place that wanders to and fro in
the vowel's middle follow one another, each from where it best goes on from the one before. So the voice stays the
speaker's own, with all its trembling.
not in the paper: the wandering; chosen because a place that stands still gives a machine's tone, and because a net that
learned held vowels from made tones took music for them (docs/research/any_voice.md).

Letters: L samples at 16 kHz, N corners.
"""

import numpy as np

from ...core.audio import SOUND_RATE, Sound
from ...core.formats import TimedLabel

VOWELS = ("AA", "AE", "AH", "AO", "EH", "ER", "IH", "IY", "UH", "UW")  # of one shape: no diphthongs
LEAST = 0.07  # seconds of a vowel that can be held
MIDDLE = 0.3, 0.7  # of a vowel: beyond the reach of its neighbours
LONGER = 0.5, 3.0  # seconds
AT_MOST = 3  # vowels of a recording
GRAIN, HOP = 512, 256  # samples
SEARCH = 160  # samples to either side: a period of 50 Hz in all
WANDERS = 0.3, 1.0  # of the speed of speech, to and fro
VIBRATO, VIBRATO_RATE = (0.0, 8.0), (4.5, 6.5)  # samples to and fro (8 are 1.7 % of the pitch); Hz
WINDOW = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(GRAIN) / GRAIN)


def hold_vowels(sound: Sound, phones: list[TimedLabel], rng: np.random.Generator) -> tuple[Sound, np.ndarray]:
    """(sound, clock [2,N]: seconds of the sound, and the second of the recording that is heard then)."""
    long = [phone for phone in phones if phone.label in VOWELS and phone.end - phone.start >= LEAST]
    pieces: list[np.ndarray] = []
    clock, done, now = [(0.0, 0.0)], 0, 0
    for i in sorted(rng.permutation(len(long))[:AT_MOST]):
        length = long[i].end - long[i].start
        first, last = (round((long[i].start + share * length) * SOUND_RATE) for share in MIDDLE)
        held = hold(sound.samples, first, last, round(rng.uniform(*LONGER) * SOUND_RATE), rng)
        pieces += [sound.samples[done:first], held]
        clock.append(((now + first - done) / SOUND_RATE, first / SOUND_RATE))
        now, done = now + first - done + len(held), last
        clock.append((now / SOUND_RATE, last / SOUND_RATE))
    rest = sound.samples[done:]
    clock.append(((now + len(rest)) / SOUND_RATE, (done + len(rest)) / SOUND_RATE))
    return Sound(np.concatenate([*pieces, rest]).astype(np.float32)), np.array(clock).T


def hold(
    samples: np.ndarray,  # [L]
    first: int,
    last: int,  # samples: a vowel's middle
    count: int,  # samples
    rng: np.random.Generator,
) -> np.ndarray:
    """[count, to whole HOPs] float32: begins as at `first` and ends as before `last`, so that both joins are smooth."""
    grains = max(count // HOP, 1)
    turns = 2 * int(rng.uniform(*WANDERS) * grains * HOP / (last - first) / 2) + 1
    place = first + (last - first) * (1 - np.abs(np.linspace(0, turns, grains + 1) % 2 - 1))
    padded = np.pad(samples, GRAIN + SEARCH).astype(np.float64)
    centred = GRAIN // 2 + SEARCH  # where a grain around sample 0 starts in `padded`
    out, start = np.zeros((grains + 2) * HOP), first + centred
    for i, wanted in enumerate(np.rint(place).astype(int) + centred):
        ends = i in (0, grains)
        start = wanted if ends else _best_start(padded, start + HOP, min(wanted, len(padded) - GRAIN - SEARCH))
        out[i * HOP : i * HOP + GRAIN] += WINDOW * padded[start : start + GRAIN]
    depth, rate = rng.uniform(*VIBRATO), rng.uniform(*VIBRATO_RATE)
    t = np.arange(grains * HOP)
    swell = np.sin(np.pi * t / len(t)) * np.sin(2 * np.pi * rate * t / SOUND_RATE)
    return np.interp(t + depth * swell, np.arange(-HOP, len(out) - HOP), out).astype(np.float32)


def _best_start(padded: np.ndarray, goes_on: int, wanted: int) -> int:
    """Of the places within SEARCH of the wanted one, the one that looks most like what goes on at `goes_on`."""
    template = padded[goes_on : goes_on + GRAIN]
    region = padded[wanted - SEARCH : wanted + SEARCH + GRAIN]
    energy = np.convolve(np.square(region), np.ones(GRAIN), "valid")
    alike = np.correlate(region, template[:GRAIN], "valid") / np.sqrt(energy + 1e-9)
    return wanted - SEARCH + int(np.argmax(alike))
