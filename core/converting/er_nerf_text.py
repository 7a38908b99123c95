# SPDX-License-Identifier: GPL-3.0-or-later
"""The text files of a TalkingGaussian / ER-NeRF dataset folder, read without trusting them.

Letters: F pictures.
"""

import codecs
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..footage import MAX_PICTURE_SIDE
from ..formats import UserError, open_untrusted
from .er_nerf_cameras import are_rigid
from .er_nerf_layout import REMAKE

MAX_TEXT_BYTES = 64 << 20  # of transforms_*.json and au.csv; ten hours of pictures need less
MAX_LANDMARKS_BYTES = 64 << 10  # of an .lms
MAX_PICTURES = 1_000_000  # 11 hours


@dataclass(frozen=True)
class Transforms:
    """One of transforms_{train,val}.json: the pictures whose numbers and camera can be read."""

    focal: float  # pixels
    centre: tuple[float, float]  # cx, cy pixels
    image: np.ndarray  # [F] int64: the number in a picture's name
    sound: np.ndarray  # [F] int64: the 25th of a second in aud.wav
    matrices: np.ndarray  # [F,4,4] camera to world, OpenGL axes, their units
    total: int  # pictures that the file lists
    fault: str = ""  # what is wrong with the first that cannot be read: a sentence

    def select(self, rows: np.ndarray) -> "Transforms":  # [F] bool
        """Some of its pictures."""
        return replace(self, image=self.image[rows], sound=self.sound[rows], matrices=self.matrices[rows])


def read_text(path: Path, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """The file as UTF-8, or as UTF-16 where it begins with that byte-order mark; without the mark. Raises UserError."""
    with open_untrusted(path) as (file, size):
        if size > max_bytes:
            raise UserError(f"{path} has {size} bytes, more than the {max_bytes} that are read; {REMAKE}.")
        data = file.read(max_bytes)
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # as PowerShell writes
    try:
        return data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not text; {REMAKE}.") from None


def read_transforms(path: Path) -> Transforms:
    """Raises UserError, also where no picture of the file can be read."""
    try:
        card = json.loads(read_text(path))
        frames = card["frames"]
        numbers = np.array([card["focal_len"], card["cx"], card["cy"]], dtype=np.float64)
        if not isinstance(frames, list) or not 0 < len(frames) <= MAX_PICTURES:
            raise ValueError("no frames")
    except UserError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise UserError(f"{path}: a field is missing or of the wrong kind ({str(error)[:80]}); {REMAKE}.") from None
    if numbers.shape != (3,) or not np.isfinite(numbers).all() or numbers[0] <= 0 or np.abs(numbers).max() > 1e6:
        raise UserError(f"{path}: focal_len, cx and cy must be plain numbers, focal_len above 0; {REMAKE}.")
    image, sound, matrices, usable, fault = _read_frames(path, frames)
    rigid = are_rigid(matrices)
    if not rigid.all() and not fault:
        number = image[np.argmin(rigid)]
        fault = f"{path}: transform_matrix of picture {number} is not a 4x4 rotation and translation; {REMAKE}."
    usable &= rigid
    if not usable.any():
        raise UserError(fault)
    focal, cx, cy = numbers.tolist()
    return Transforms(focal, (cx, cy), image, sound, matrices, len(frames), fault).select(usable)


def _read_frames(path: Path, frames: list) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, str]:
    """([F] img_id, [F] aud_id, [F,4,4] camera to world, [F] whether img_id is unique) of the entries that hold numbers,
    and the first fault, a sentence."""
    images, sounds, matrices, fault = [], [], [], ""
    for place, frame in enumerate(frames):
        try:
            image, sound, matrix = _read_frame(frame)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            fault = fault or f"{path}: entry {place} of frames cannot be used ({str(error)[:80]}); {REMAKE}."
            continue
        images.append(image)
        sounds.append(sound)
        matrices.append(matrix)
    numbers, counts = np.unique(np.array(images, np.int64), return_counts=True)
    if (twice := numbers[counts > 1]).size:  # nobody can say which of the two is meant
        fault = fault or f"{path}: the img_id {twice[0]} appears {counts.max()} times; {REMAKE}."
    single = ~np.isin(images, twice)
    return np.array(images, np.int64), np.array(sounds, np.int64), np.array(matrices).reshape(-1, 4, 4), single, fault


def _read_frame(frame: dict) -> tuple[int, int, np.ndarray]:
    """(img_id, aud_id, [4,4]). Raises ValueError, TypeError, KeyError, AttributeError or OverflowError."""
    image, sound = frame["img_id"], frame.get("aud_id", frame["img_id"])
    if not all(type(number) is int and 0 <= number < MAX_PICTURES for number in (image, sound)):
        raise ValueError("img_id and aud_id must be counting numbers")
    matrix = np.array(frame["transform_matrix"], dtype=np.float64)
    if matrix.shape != (4, 4):
        raise ValueError("transform_matrix must be 4x4 numbers")
    return image, sound, matrix


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
