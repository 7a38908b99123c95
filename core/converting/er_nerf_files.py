# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a TalkingGaussian / ER-NeRF dataset folder, read with suspicion: sizes are checked before anything is
allocated, nothing is unpickled, and what is wrong ends in one sentence. What they mean stands in er_nerf.py.

Letters: F pictures, R rows of au.csv, H W the picture's size.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from PIL import Image

from ..footage import MAX_PICTURE_SIDE
from ..formats import UserError, open_untrusted
from .er_nerf import UNITS, rigid

TEXT_LIMIT = 64 << 20  # bytes of transforms_*.json and au.csv; ten hours of pictures need less
LANDMARKS_LIMIT = 64 << 10  # bytes of an .lms
MOST = 1_000_000  # pictures; 11 hours
CURE = "make the data set again"


@dataclass(frozen=True)
class Transforms:
    """One of transforms_{train,val}.json."""

    focal: float  # pixels
    centre: tuple[float, float]  # cx, cy pixels
    image: np.ndarray  # [F] int64: the number in a picture's name
    sound: np.ndarray  # [F] int64: the 25th of a second in aud.wav
    matrices: np.ndarray  # [F,4,4] camera to world, OpenGL axes, their units


def text_of(path: Path, limit: int) -> str:
    with open_untrusted(path) as (file, size):
        if size > limit:
            raise UserError(f"{path} has {size} bytes, at most {limit} are believed; {CURE}.")
        try:
            return file.read(limit).decode("utf-8")
        except UnicodeDecodeError:
            raise UserError(f"{path} is not text; {CURE}.") from None


def read_transforms(path: Path) -> Transforms:
    """Raises UserError."""
    try:
        card = json.loads(text_of(path, TEXT_LIMIT))
        frames = card["frames"]
        numbers = np.array([card["focal_len"], card["cx"], card["cy"]], dtype=np.float64)
        if not isinstance(frames, list) or not 0 < len(frames) <= MOST:
            raise ValueError("no frames")
        ids = [(frame["img_id"], frame.get("aud_id", frame["img_id"])) for frame in frames]
        if not all(type(number) is int and 0 <= number < MOST for pair in ids for number in pair):
            raise ValueError("img_id and aud_id must be counting numbers")
        matrices = np.array([frame["transform_matrix"] for frame in frames], dtype=np.float64)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as trouble:
        if isinstance(trouble, UserError):
            raise
        raise UserError(f"{path}: a field is missing or of the wrong kind ({str(trouble)[:80]}); {CURE}.") from None
    if matrices.shape != (len(frames), 4, 4) or not np.isfinite(matrices).all() or not rigid(matrices):
        raise UserError(f"{path}: a transform_matrix is not a 4x4 rotation and shift; {CURE}.")
    if numbers.shape != (3,) or not np.isfinite(numbers).all() or numbers[0] <= 0 or np.abs(numbers).max() > 1e6:
        raise UserError(f"{path}: focal_len, cx and cy must be plain numbers, focal_len above 0; {CURE}.")
    image, sound = np.array(ids, dtype=np.int64).T
    if len(np.unique(image)) != len(image):
        raise UserError(f"{path}: an img_id stands there twice; {CURE}.")
    return Transforms(float(numbers[0]), (float(numbers[1]), float(numbers[2])), image, sound, matrices)


def read_units(path: Path) -> dict[str, np.ndarray]:
    """Action unit -> [R] intensities 0..5; row i belongs to picture i. Blanks around OpenFace's column names are
    ignored; rows where it lost the face (success 0) are filled in from their neighbours. Raises UserError."""
    lines = text_of(path, TEXT_LIMIT).splitlines()
    names = [name.strip() for name in lines[0].split(",")] if lines else []
    missing = [name for name in UNITS if name not in names]
    if missing:
        raise UserError(
            f"{path}: the column {missing[0]} is missing; run OpenFace's FeatureExtraction with -aus again."
        )
    wanted = [*UNITS, "success"] if "success" in names else list(UNITS)
    places = [names.index(name) for name in wanted]
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split(",")
        if not line.strip():
            continue
        try:
            rows.append([float(cells[place]) for place in places])
        except (ValueError, IndexError):
            raise UserError(f"{path}: line {number} is not a row of numbers; run OpenFace again.") from None
    values = np.array(rows, dtype=np.float64).reshape(-1, len(wanted))
    seen = values[:, -1] > 0.5 if wanted[-1] == "success" else np.ones(len(values), bool)
    if not seen.any() or not np.isfinite(values).all():
        raise UserError(f"{path} holds no rows with a face, or numbers that are not finite; run OpenFace again.")
    where = np.arange(len(values))
    return {name: np.interp(where, where[seen], values[seen, k]) for k, name in enumerate(UNITS)}


def read_landmarks(path: Path) -> np.ndarray:
    """[68,2] float32 pixels of an .lms. Raises UserError."""
    try:
        marks = np.array(
            [line.split() for line in text_of(path, LANDMARKS_LIMIT).splitlines() if line.strip()], dtype=np.float32
        )
    except ValueError as trouble:
        if isinstance(trouble, UserError):
            raise
        marks = np.zeros(0)
    if marks.shape != (68, 2) or not np.isfinite(marks).all() or np.abs(marks).max() > 4 * MAX_PICTURE_SIDE:
        raise UserError(f"{path} does not hold 68 lines of x and y; track the landmarks again.")
    return marks


def picture_path(folder: Path, number: int) -> Path:
    """gt_imgs, or where that folder is missing ori_imgs; .jpg or .png. Raises UserError."""
    base = "gt_imgs" if (folder / "gt_imgs").is_dir() else "ori_imgs"
    for suffix in ("jpg", "png"):
        path = folder / base / f"{number}.{suffix}"
        if path.is_file():
            return path
    raise UserError(f"{folder / base / f'{number}.jpg'} is missing, but a transforms file names it; {CURE}.")


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) without decoding. Raises UserError."""
    with _picture(path) as image:
        if not all(16 <= side <= MAX_PICTURE_SIDE for side in image.size):
            raise UserError(
                f"{path} is {image.size[0]}x{image.size[1]} pixels; sides of 16 to {MAX_PICTURE_SIDE} are read."
            )
        return image.size


def read_rgb(path: Path, width: int, height: int) -> np.ndarray:
    """[H,W,3] uint8. Raises UserError."""
    with _picture(path) as image:
        if image.size != (width, height):
            raise UserError(
                f"{path} is {image.size[0]}x{image.size[1]} pixels, the first picture is {width}x{height}; {CURE}."
            )
        return np.asarray(image.convert("RGB"))


@contextmanager
def _picture(path: Path) -> Iterator[Image.Image]:
    try:
        with open_untrusted(path) as (file, _), Image.open(file, formats=("JPEG", "PNG")) as image:
            yield image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as trouble:
        if isinstance(trouble, UserError):
            raise
        raise UserError(f"{path} is not a whole picture ({trouble}); {CURE}.") from None


def read_teeth(path: Path, width: int, height: int) -> np.ndarray:
    """[H,W] bool from an .npy that may hold flags or small numbers, never objects. Raises UserError."""
    with open_untrusted(path) as (file, size):
        try:
            version = npy.read_magic(file)
            reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran, dtype = reader(file)
            fits = not dtype.hasobject and dtype.kind in "bui" and tuple(shape) == (height, width)
            if not fits or size - file.tell() != width * height * dtype.itemsize:
                raise ValueError("it does not hold one flag a pixel")
        except (ValueError, SyntaxError, TypeError, EOFError) as trouble:
            raise UserError(f"{path} is not a mask of {width}x{height} ({str(trouble)[:80]}); {CURE}.") from None
        values = np.frombuffer(file.read(), dtype=dtype)
    return (values.reshape(width, height).T if fortran else values.reshape(height, width)) != 0
