# SPDX-License-Identifier: GPL-3.0-or-later
"""A clip's own sound as a 16 kHz mono 16-bit WAV whose time 0 is the first picture."""

import wave
from pathlib import Path

import av
import numpy as np

from ...core.formats import atomic_write

RATE = 16000


def read_sound(clip_file: Path) -> np.ndarray:
    """[N] int16 at 16 kHz; padded or cut in front so that sample 0 sounds with the first picture."""
    if not clip_file.is_file():
        raise FileNotFoundError(f"{clip_file}: this GRID clip is missing; pass the data folder with --data.")
    with av.open(str(clip_file)) as container:
        first_picture = next(container.decode(video=0)).time
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(str(clip_file)) as container:
        blocks = list(container.decode(audio=0))
    start = blocks[0].time
    pieces = [piece.to_ndarray()[0] for block in [*blocks, None] for piece in resampler.resample(block)]
    samples = np.concatenate(pieces)
    late = round((start - first_picture) * RATE)
    return np.concatenate([np.zeros(late, np.int16), samples]) if late >= 0 else samples[-late:]


def write_wav(wav_file: Path, samples: np.ndarray) -> None:
    """[N] int16 at 16 kHz."""
    with atomic_write(wav_file) as temporary, wave.open(str(temporary), "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(RATE)
        stream.writeframes(samples.astype("<i2").tobytes())
