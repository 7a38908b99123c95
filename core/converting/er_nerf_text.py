# SPDX-License-Identifier: GPL-3.0-or-later
"""The text files of a TalkingGaussian / ER-NeRF dataset folder, read without trusting them.

Letters: F pictures.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..footage import MAX_PICTURE_SIDE
from ..formats import UserError, open_untrusted
from .er_nerf_cameras import is_rigid
from .er_nerf_layout import REMAKE

MAX_TEXT_BYTES = 64 << 20  # of transforms_*.json and au.csv; ten hours of pictures need less
MAX_LANDMARKS_BYTES = 64 << 10  # of an .lms
MAX_PICTURES = 1_000_000  # 11 hours


@dataclass(frozen=True)
class Transforms:
    """One of transforms_{train,val}.json."""

    focal: float  # pixels
    centre: tuple[float, float]  # cx, cy pixels
    image: np.ndarray  # [F] int64: the number in a picture's name
    sound: np.ndarray  # [F] int64: the 25th of a second in aud.wav
    matrices: np.ndarray  # [F,4,4] camera to world, OpenGL axes, their units


def read_text(path: Path, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """The file as UTF-8. Raises UserError."""
    with open_untrusted(path) as (file, size):
        if size > max_bytes:
            raise UserError(f"{path} has {size} bytes, more than the {max_bytes} that are read; {REMAKE}.")
        try:
            return file.read(max_bytes).decode("utf-8")
        except UnicodeDecodeError:
            raise UserError(f"{path} is not text; {REMAKE}.") from None


def read_transforms(path: Path) -> Transforms:
    """Raises UserError."""
    try:
        card = json.loads(read_text(path))
        frames = card["frames"]
        numbers = np.array([card["focal_len"], card["cx"], card["cy"]], dtype=np.float64)
        image, sound = _picture_numbers(frames)
        matrices = np.array([frame["transform_matrix"] for frame in frames], dtype=np.float64)
    except UserError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise UserError(f"{path}: a field is missing or of the wrong kind ({str(error)[:80]}); {REMAKE}.") from None
    if matrices.shape != (len(frames), 4, 4) or not np.isfinite(matrices).all() or not is_rigid(matrices):
        raise UserError(f"{path}: a transform_matrix is not a 4x4 rotation and translation; {REMAKE}.")
    if numbers.shape != (3,) or not np.isfinite(numbers).all() or numbers[0] <= 0 or np.abs(numbers).max() > 1e6:
        raise UserError(f"{path}: focal_len, cx and cy must be plain numbers, focal_len above 0; {REMAKE}.")
    if len(np.unique(image)) != len(image):
        raise UserError(f"{path}: the same img_id appears twice; {REMAKE}.")
    return Transforms(float(numbers[0]), (float(numbers[1]), float(numbers[2])), image, sound, matrices)


def _picture_numbers(frames: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    """([F] img_id, [F] aud_id), int64. Raises ValueError, TypeError or KeyError for anything else."""
    if not isinstance(frames, list) or not 0 < len(frames) <= MAX_PICTURES:
        raise ValueError("no frames")
    ids = [(frame["img_id"], frame.get("aud_id", frame["img_id"])) for frame in frames]
    if not all(type(number) is int and 0 <= number < MAX_PICTURES for pair in ids for number in pair):
        raise ValueError("img_id and aud_id must be counting numbers")
    image, sound = np.array(ids, dtype=np.int64).T
    return image, sound


def read_landmarks(path: Path) -> np.ndarray:
    """[68,2] float32 pixels of an .lms. Raises UserError."""
    lines = read_text(path, MAX_LANDMARKS_BYTES).splitlines()
    try:
        landmarks = np.array([line.split() for line in lines if line.strip()], dtype=np.float32)
    except ValueError:  # no numbers, or rows of different length
        landmarks = np.zeros(0)
    if landmarks.shape != (68, 2) or not (np.abs(landmarks) <= 4 * MAX_PICTURE_SIDE).all():  # NaN is not
        raise UserError(f"{path} does not hold 68 lines of x and y; track the landmarks again.")
    return landmarks
