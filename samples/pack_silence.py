# SPDX-License-Identifier: GPL-3.0-or-later
"""Each encoder's features of silence, which Blender needs to show a head at rest: core/performance/silence.npz.

python -m talksplat.samples.pack_silence
"""

import numpy as np

from ..core.audio import ENCODERS, SOUND_RATE, Sound
from ..core.formats import atomic_write
from ..core.performance import SILENCE_FILE


def features_of_silence(encoder: str) -> np.ndarray:
    """[C] float32, the middle of four seconds."""
    values = ENCODERS[encoder].encode(Sound(np.zeros(4 * SOUND_RATE, np.float32))).values
    return np.ascontiguousarray(values[len(values) // 2], np.float32)


def main() -> None:
    """Write the file."""
    with atomic_write(SILENCE_FILE) as temporary, open(temporary, "wb") as file:
        np.savez(file, **{name: features_of_silence(name) for name in ENCODERS})  # pyright: ignore[reportArgumentType]


if __name__ == "__main__":
    main()
