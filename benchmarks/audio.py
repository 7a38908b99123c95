# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound to windows: how many seconds of sound a second of work handles, and each step's share.

Run: python -m benchmarks.audio [FILE] [MINUTES]. Without a file: noise that swells like syllables.
Ratios hold within one run only; other work on the machine moves them.
"""

import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

from talksplat.core.audio import moonshine
from talksplat.core.audio.decode import load_sound
from talksplat.core.audio.encoders import ENCODERS
from talksplat.core.audio.sound import SOUND_RATE, Sound, write_wav
from talksplat.core.audio.windows import windows_at

BLOCK = 1500  # frames a block of windows


def timed(work, *arguments):
    """(seconds of the better of two runs, result); the first run also pays for imports and loading."""
    best = float("inf")
    for _ in range(2):
        start = time.perf_counter()
        result = work(*arguments)
        best = min(best, time.perf_counter() - start)
    return best, result


def all_windows(features, seconds: float, rate: Fraction) -> None:
    moments = [n / rate for n in range(int(seconds * rate))]
    for a in range(0, len(moments), BLOCK):
        windows_at(features, moments[a : a + BLOCK])


def main() -> None:
    seconds = 60.0 * float(sys.argv[2] if len(sys.argv) > 2 else 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "noise.wav"
        if len(sys.argv) < 2:
            t = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
            noise = np.random.default_rng(0).normal(size=len(t)) * 0.1 * (1.1 + np.sin(8 * np.pi * t))
            write_wav(path, Sound(noise.astype(np.float32)))
        decoding, sound = timed(load_sound, path)
    print(f"sound: {sound.duration:.1f} s")
    print(f"decode + resample          {sound.duration / decoding:8.0f} x real time")
    for name, encoder in ENCODERS.items():
        encoding, features = timed(encoder.encode, sound)
        asking, _ = timed(all_windows, features, sound.duration, Fraction(25))
        print(f"{name:10s} encode          {sound.duration / encoding:8.0f} x real time")
        print(f"{name:10s} windows, 25 fps {sound.duration / asking:8.0f} x real time, "
              f"{asking / encoding:.2f} of its encoding")  # fmt: skip
    short = sound.samples[: 20 * SOUND_RATE]
    whole, _ = timed(moonshine.encode_pass, short)
    spans, _ = timed(ENCODERS["moonshine"].encode, Sound(short.copy()))
    print(f"moonshine: spans heard twice cost {spans / whole:.2f} of one pass over the same 20 s")


if __name__ == "__main__":
    main()
