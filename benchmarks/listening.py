# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory listening to an hour of sound takes.

    python -m benchmarks.listening [MINUTES] [HEAD]

Each length is a process of its own (`talksplat perform`), its peak the system's own figure. The sound is noise that
swells like syllables, 48 kHz stereo: it is resampled and mixed as a film's sound is. The limit: 800 MiB, whatever the
length; exit code 1 above it.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
import wave
from pathlib import Path

import numpy as np

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "sample.head"
LIMIT, RATE = 800, 48000  # MiB, Hz


def write_sound(path: Path, minutes: float) -> None:
    """A stereo 16-bit WAV, written a second at a time."""
    t = np.arange(RATE) / RATE
    rng, swell = np.random.default_rng(0), 0.1 * (1.1 + np.sin(8 * np.pi * t))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for _ in range(round(60 * minutes)):
            noise = rng.normal(size=(RATE, 2)) * swell[:, None]
            file.writeframes((np.clip(noise, -1, 1) * 32767).astype("<i2").tobytes())


def listen(head: Path, sound: Path, out: Path) -> float:
    """Run the job in this process; its peak in MiB."""
    from talksplat.core.dispatch import run_job
    from talksplat.core.jobs import Finished, Perform

    *_, last = run_job(Perform(str(head), str(sound), str(out)))
    if not isinstance(last, Finished):
        sys.exit(str(last))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "linux" else 1024) / 1024


def main() -> int:
    """Print the peak of a minute and of the hour; 1 where the hour's is above the limit."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    head = Path(sys.argv[2]) if len(sys.argv) > 2 else SAMPLE
    peak = 0.0
    for length in sorted({1.0, minutes}):
        with tempfile.TemporaryDirectory() as folder:
            sound = Path(folder) / "sound.wav"
            write_sound(sound, length)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                start = time.perf_counter()
                peak = pool.apply(listen, (head, sound, Path(folder) / "a.performance"))
                seconds = time.perf_counter() - start
        print(f"{length:g} minutes: at most {peak:.0f} MiB, {60 * length / seconds:.0f} x real time", flush=True)
    print(f"limit {LIMIT} MiB {'held' if peak <= LIMIT else 'MISSED'}")
    return int(peak > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
