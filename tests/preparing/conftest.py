# SPDX-License-Identifier: GPL-3.0-or-later
"""Short films cut from a real one: a face and its voice, or anything else before the same camera."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

REAL = Path(__file__).resolve().parents[1] / "fixtures" / "grid" / "sgbc6n.mpg"
ASPECT = Fraction(16, 15)


@pytest.fixture(scope="session")
def film() -> np.ndarray:
    """[75,288,384,3] uint8: every picture of the real clip."""
    from talksplat.core.interchange.video import read_video

    return np.stack([frame.rgb for frame in read_video(REAL, Fraction(25), pixel_aspect=ASPECT)])


@pytest.fixture(scope="session")
def cut(film):
    """A function that writes a film of pictures [T,H,W,3] (default: the real clip's) with the real voice, or another
    sound [L,2] at 48 kHz, or none."""
    from talksplat.core.audio.decode import load_soundtrack
    from talksplat.core.interchange.movie import MovieWriter

    voice, rate, _ = load_soundtrack(REAL)

    def write(path: Path, pictures: np.ndarray | None = None, first: int = 0, count: int = 30, sound="voice") -> Path:
        pictures = film[first : first + count] if pictures is None else pictures
        if isinstance(sound, str):
            sound = voice[first * rate // 25 : (first + len(pictures)) * rate // 25]
        height, width = pictures.shape[1:3]
        with MovieWriter(path, Fraction(25), width, height, sound=None if sound is None else (sound, rate)) as movie:
            for picture in pictures:
                movie.add(picture)
        return path

    return write
