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


@dataclass(frozen=True)
class Sound:
    """Mono sound. Raises ValueError for another type, shape or rate.

    `content_hash` is the SHA-256 of the file that it came from (the same on every machine of a farm, whatever its
    decoder rounds), or of the samples when it was made in memory.
    """

    samples: np.ndarray  # [L] float32, -1..1
    rate: int = SOUND_RATE
    content_hash: str = ""

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


def write_wav(path: Path | str, sound: Sound) -> None:
    """Write 16-bit mono PCM, atomically."""
    codes = np.clip(np.rint(sound.samples * 32768.0), -32768, 32767).astype("<i2")
    with atomic_write(path) as temporary, wave.open(str(temporary), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(sound.rate)
        out.writeframes(codes.tobytes())
