# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample actor as if filmed: on an uneven cyan backdrop, in drifting light, noisy, with chroma at half size."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "matting"
SIZE = 256
# Light of two clips: rgb @ matrix + offset. The second is what a white balance does: channels mix, black stays.
LIGHTS = (
    (np.eye(3), np.zeros(3)),
    (np.array([[1.03, 0.0, 0.0], [0.0, 1.0, 0.0], [0.03, 0.01, 0.95]]), np.zeros(3)),
)


@dataclass
class Truth:
    rgb: np.ndarray  # [4,H,W,3] float64 straight
    alpha: np.ndarray  # [4,H,W] 0..1
    mouth: np.ndarray  # [4,H,W] bool
    points: np.ndarray  # [4,478,2] pixels


@pytest.fixture(scope="session")
def truth() -> Truth:
    pictures = np.stack([np.asarray(Image.open(FIXTURES / f"{k}.webp").convert("RGBA")) for k in range(4)]) * 1.0
    with np.load(FIXTURES / "actor.npz", allow_pickle=False) as stored:
        mouth = np.unpackbits(stored["mouth"], axis=-1).astype(bool)
        return Truth(pictures[..., :3], pictures[..., 3] / 255, mouth, stored["points"])


@pytest.fixture(scope="session")
def cyan() -> np.ndarray:
    """[H,W,3] a lit cyan wall: brighter to the upper left, as in GRID."""
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    fall = 1.0 - 0.35 * x - 0.25 * y + 0.1 * x * y
    return np.stack([70 * fall, 225 * fall, 248 * fall], -1)


def through_video(picture: np.ndarray, seed: int) -> np.ndarray:
    """[H,W,3] uint8: with a sensor's noise and JPEG's 4:2:0, which has MPEG-1's chroma and blocks."""
    rng = np.random.default_rng(seed)
    noisy = picture + rng.normal(0, 1.2, (*picture.shape[:2], 1)) + rng.normal(0, 0.7, picture.shape)
    stored = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(stored, "JPEG", quality=88, subsampling=2)
    return np.asarray(Image.open(stored))


@pytest.fixture(scope="session")
def film(truth, cyan):
    """film(wall=cyan, light=0, seed=0) -> [4,H,W,3] uint8."""

    def make(wall: np.ndarray = cyan, light: int = 0, seed: int = 0) -> np.ndarray:
        matrix, offset = LIGHTS[light]
        pictures = truth.alpha[..., None] * truth.rgb + (1 - truth.alpha[..., None]) * wall
        return np.stack([through_video(p @ matrix + offset, 7 * seed + k) for k, p in enumerate(pictures)])

    return make
