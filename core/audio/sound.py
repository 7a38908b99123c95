# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound as the encoders take it: one channel, 16 kHz, time 0 where the file's own timeline starts.

Knows nothing of features or heads. Reading files: decode.py.

Letters: L samples; sample n is the pressure at n / 16000 seconds.
"""

import hashlib
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..formats import atomic_write

SOUND_RATE = 16000  # Hz; every encoder's input
SILENT = -60.0  # dB of full scale (root mean square of LEVEL_SECONDS): a sound without anything louder is silent
LEVEL_SECONDS = 0.05
LEVEL_BLOCKS = 4096  # looked at together: memory does not grow with the sound


@dataclass(frozen=True)
class Sound:
    """Mono sound. Raises ValueError for another type, shape or rate.

    `content_hash` is the SHA-256 of the file that it came from (the same on every machine of a farm, whatever its
    decoder rounds), with the track and channel where they were chosen (`SoundChoice.content_hash`), or of the samples
    when it was made in memory.
    """

    samples: np.ndarray  # [L] float32, -1..1
    rate: int = SOUND_RATE
    content_hash: str = ""
    source: str = (
        ""  # "track 2 (track 1 is silent)": taken without being asked for; "": the main track's mix, or as asked
    )

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.dtype != np.float32 or self.rate != SOUND_RATE:
            raise ValueError(f"a Sound is one channel of float32 at {SOUND_RATE} Hz")
        if not self.content_hash:
            digest = hashlib.sha256(np.ascontiguousarray(self.samples).data).hexdigest()
            object.__setattr__(self, "content_hash", digest)

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.rate

    def stretch(self, start: int, end: int) -> np.ndarray:
        """Samples start .. end - 1, [end - start]; zeros before the sound and after it."""
        out = np.zeros(end - start, dtype=np.float32)
        inside = self.samples[max(start, 0) : max(end, 0)]
        first = max(-start, 0)
        out[first : first + len(inside)] = inside
        return out

    @property
    def is_silent(self) -> bool:
        """Whether nothing in it is louder than SILENT."""
        return loudest_level(self.samples, self.rate) <= SILENT


def loudest_level(
    samples: np.ndarray,  # [L] -1..1
    rate: int,
) -> float:
    """The loudest LEVEL_SECONDS of a sound in dB of full scale; -300 for zeros and for what has no samples."""
    block = round(LEVEL_SECONDS * rate)
    powers = [0.0]
    for a in range(0, len(samples), LEVEL_BLOCKS * block):
        piece = np.square(samples[a : a + LEVEL_BLOCKS * block], dtype=np.float64)
        whole = len(piece) // block * block
        powers.append(float(piece[:whole].reshape(-1, block).mean(axis=1).max(initial=0.0)))
        powers.append(float(piece[whole:].sum()) / block)  # a rest, as if silence followed
    return float(10 * np.log10(max(*powers, 1e-30)))


def write_wav(path: Path | str, sound: Sound) -> None:
    """Write 16-bit mono PCM, atomically."""
    codes = np.clip(np.rint(sound.samples * 32768.0), -32768, 32767).astype("<i2")
    with atomic_write(path) as temporary, wave.open(str(temporary), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(sound.rate)
        out.writeframes(codes.tobytes())
