# SPDX-License-Identifier: GPL-3.0-or-later
"""Short films cut from a real one: a face and its voice, or anything else before the same camera."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

REAL = Path(__file__).resolve().parents[1] / "fixtures" / "grid" / "sgbc6n.mpg"
ASPECT = Fraction(16, 15)
KEYED_FIRST, KEYED_COUNT = 38, 26  # the part of the clip that is keyed


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


@pytest.fixture(scope="session")
def keyed_talker(film) -> tuple[np.ndarray, np.ndarray]:
    """(alpha [26,288,384], straight rgb [26,288,384,3] uint8) of the talker, by the key over his own backdrop."""
    from talksplat.core.matting import Backdrop, despill
    from talksplat.core.tracking.landmarker import Landmarker

    pictures = film[KEYED_FIRST : KEYED_FIRST + KEYED_COUNT]
    with Landmarker() as landmarker:
        points = np.stack([landmarker.detect(picture).points[:, :2] for picture in pictures])
    backdrop = Backdrop.estimate(pictures, points).for_clip(pictures[::4], points[::4])
    even = [backdrop.match_colour(*both) for both in zip(pictures, points)]
    alpha = [backdrop.alpha(*both) for both in zip(even, points)]
    return np.stack(alpha), np.stack([despill(*both, backdrop.field) for both in zip(even, alpha)])


@pytest.fixture(scope="session")
def cut_before(cut, keyed_talker):
    """A function that writes a film of the talker before another backdrop, [H,W,3] or [26,H,W,3] 0..255, with his
    voice or another sound [L,2] at 48 kHz."""
    alpha, rgb = keyed_talker

    def write(path: Path, backdrop: np.ndarray, sound="voice") -> Path:
        pictures = rgb * alpha[..., None] + backdrop * (1 - alpha[..., None])
        return cut(path, pictures.clip(0, 255).astype(np.uint8), KEYED_FIRST, sound=sound)

    return write
