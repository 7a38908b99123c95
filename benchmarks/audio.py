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

from talksplat.core.audio import ENCODERS, SOUND_RATE, Sound, load_sound, windows_at, write_wav

BLOCK = 1500  # frames a block of windows


def best_of_two(work, *arguments):
    """(seconds of the better of two runs, result); the first run also pays for imports and loading."""
    best = float("inf")
    for _ in range(2):
        start = time.perf_counter()
        result = work(*arguments)
        best = min(best, time.perf_counter() - start)
    return best, result


def all_windows(features, seconds: float, rate: Fraction) -> None:
    times = [n / rate for n in range(int(seconds * rate))]
    for a in range(0, len(times), BLOCK):
        windows_at(features, times[a : a + BLOCK])


def main() -> None:
    seconds = 60.0 * float(sys.argv[2] if len(sys.argv) > 2 else 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "noise.wav"
        if len(sys.argv) < 2:
            t = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
            noise = np.random.default_rng(0).normal(size=len(t)) * 0.1 * (1.1 + np.sin(8 * np.pi * t))
            write_wav(path, Sound(noise.astype(np.float32)))
        decoding, sound = best_of_two(load_sound, path)
    print(f"sound: {sound.duration:.1f} s")
    print(f"decode + resample          {sound.duration / decoding:8.0f} x real time")
    for name, encoder in ENCODERS.items():
        encoding, features = best_of_two(encoder.encode, sound)
        windowing, _ = best_of_two(all_windows, features, sound.duration, Fraction(25))
        print(f"{name:10s} encode          {sound.duration / encoding:8.0f} x real time")
        print(f"{name:10s} windows, 25 fps {sound.duration / windowing:8.0f} x real time, "
              f"{windowing / encoding:.2f} of its encoding")  # fmt: skip
    compare_audio_nets(sound)


def compare_audio_nets(sound: Sound) -> None:
    """The sample head's audio net as artists run it (numpy) and as it is trained (torch), on the same windows."""
    import torch

    from talksplat.core.formats import read_head
    from talksplat.core.head import HeadModel
    from talksplat.core.performance import AudioInference

    head = read_head(Path(__file__).parents[1] / "samples" / "sample.head")
    windows = windows_at(ENCODERS[head.card.audio_encoder].encode(sound), [n / 100 for n in range(1000)])
    net = AudioInference(head.part("face.audio"), windows.shape[2], head.card.audio_code["face"])
    trained = HeadModel.from_file(head).field.branch("face").audio
    with torch.no_grad():
        (torch_time, by_torch), (numpy_time, by_numpy) = (
            best_of_two(trained, torch.from_numpy(windows)),
            best_of_two(net, windows),
        )
    print(
        f"audio net, numpy           {len(windows) / numpy_time:8.0f} moments a second, {torch_time / numpy_time:.2f} "
        f"times as fast as torch, apart by {np.abs(by_torch.numpy() - by_numpy).max():.1e}"
    )


if __name__ == "__main__":
    main()
