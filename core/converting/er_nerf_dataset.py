# SPDX-License-Identifier: GPL-3.0-or-later
"""A TalkingGaussian / ER-NeRF dataset folder, read and checked: all of it but the pictures and the sound.

The layout has no 3D landmarks, and training needs them: triangulate.py makes them from .lms files and cameras; where
the head turns too little for that, reading ends in a UserError.

Letters: F pictures, E expression channels.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..footage import SPLIT_CODES, Track
from ..formats import UserError
from .action_units import expression_from_action_units, read_action_units
from .er_nerf_cameras import EYE_CORNERS, metres_per_unit, viewmats_from_transforms
from .er_nerf_layout import RATE, REMAKE
from .er_nerf_pictures import find_picture, read_picture_size
from .er_nerf_text import Transforms, read_landmarks, read_transforms
from .triangulate import triangulate_landmarks

CLIP_SPLITS = {"train": "train", "val": "test"}  # their name -> our split
# metres of the median landmark's depth; not in the papers: chosen because beyond it the depth is a guess
MAX_DEPTH_ERROR = 0.01


@dataclass(frozen=True)
class ErNerfDataset:
    """Everything but pictures and sound. Row f of every table is picture f: train's first, then val's."""

    clips: dict[str, Transforms]  # "train" and perhaps "val"
    size: tuple[int, int]  # width, height
    image: np.ndarray  # [F] number in the pictures' names
    columns: dict[str, np.ndarray]  # of frames.npz
    tracks: dict[str, Track]  # clip -> track
    unit: float  # metres per unit of theirs
    depth_error: float  # metres, standard error of the median landmark's depth


def read_dataset(folder: Path) -> ErNerfDataset:
    """Read and check all that is small. Raises UserError."""
    clips = _read_clips(folder)
    first = clips["train"]
    image = np.concatenate([transforms.image for transforms in clips.values()])
    matrices = np.concatenate([transforms.matrices for transforms in clips.values()])
    expression = _read_expression(folder / "au.csv", image)
    landmarks2d = np.stack([read_landmarks(folder / "ori_imgs" / f"{number}.lms") for number in image])
    K = np.array([[first.focal, 0, first.centre[0]], [0, first.focal, first.centre[1]], [0, 0, 1]])
    landmarks, unit, depth_error = _lift_landmarks(folder, landmarks2d, matrices, K)
    time = np.concatenate([(t.sound - t.sound.min()) / RATE for t in clips.values()])
    clip = np.repeat(np.arange(len(clips)), [len(t.image) for t in clips.values()])
    columns = {
        "clip": clip,
        "time": time,
        "split": np.array([SPLIT_CODES[CLIP_SPLITS[name]] for name in clips])[clip],
        "viewmat": viewmats_from_transforms(matrices, unit),
        "K": np.tile(K, (len(image), 1, 1)),
        "landmarks2d": landmarks2d,
        "expression": expression,
    }
    tracks = {
        name: _merge_moments(time[clip == k], landmarks[clip == k], expression[clip == k])
        for k, name in enumerate(clips)
    }
    size = read_picture_size(find_picture(folder, int(image[0])))
    return ErNerfDataset(clips, size, image, columns, tracks, unit, depth_error)


def _read_clips(folder: Path) -> dict[str, Transforms]:
    """One camera, and no moment in both parts. Raises UserError."""
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; choose a TalkingGaussian or ER-NeRF dataset folder.")
    train = read_transforms(folder / "transforms_train.json")
    if not (folder / "transforms_val.json").exists():
        return {"train": train}
    val = read_transforms(folder / "transforms_val.json")
    if (train.focal, train.centre) != (val.focal, val.centre):
        raise UserError(
            f"{folder}: transforms_val.json has another focal_len, cx or cy than transforms_train.json; {REMAKE}."
        )
    if max(train.sound.min(), val.sound.min()) <= min(train.sound.max(), val.sound.max()):
        raise UserError(
            f"{folder}: transforms_val.json overlaps the time of transforms_train.json, so nothing would "
            "be held back; split the data set into a first and a last part."
        )
    if np.isin(val.image, train.image).any():
        raise UserError(f"{folder}: transforms_val.json names pictures of transforms_train.json; split them.")
    return {"train": train, "val": val}


def _read_expression(path: Path, image: np.ndarray) -> np.ndarray:  # [F,E] float32
    units = read_action_units(path)
    rows = len(next(iter(units.values())))
    if image.max() >= rows:
        raise UserError(f"{path} has {rows} rows, but picture {image.max()} is used; run OpenFace again.")
    return expression_from_action_units(units)[image]


def _lift_landmarks(
    folder: Path, landmarks2d: np.ndarray, matrices: np.ndarray, K: np.ndarray
) -> tuple[np.ndarray, float, float]:
    """([F,68,3] metres in head space, metres per unit of theirs, depth error in metres). Raises UserError."""
    triangulated = triangulate_landmarks(landmarks2d.astype(np.float64), viewmats_from_transforms(matrices, 1.0), K)
    corners = triangulated.mean[list(EYE_CORNERS)]
    rays_cross = np.isfinite(corners).all() and np.linalg.norm(corners[0] - corners[1]) > 0
    unit = metres_per_unit(triangulated.mean) if rays_cross else 1.0
    depth_error = float(np.median(triangulated.depth_error)) * unit
    if not rays_cross or not depth_error <= MAX_DEPTH_ERROR or not np.isfinite(triangulated.mean).all():
        raise UserError(
            f"{folder}: the head turns too little to tell the depth of its landmarks "
            f"(they would be off by {1e3 * depth_error:.0f} mm); prepare the video itself instead."
        )
    return unit * triangulated.per_picture, unit, depth_error


def _merge_moments(time: np.ndarray, landmarks: np.ndarray, expression: np.ndarray) -> Track:
    """Rows in the order of time; pictures of one moment (several cameras) become their mean."""
    moments, row, count = np.unique(time, return_inverse=True, return_counts=True)
    means = []
    for values in (landmarks, expression):
        total = np.zeros((len(moments), *values.shape[1:]))
        np.add.at(total, row.reshape(-1), values)
        means.append((total.T / count).T.astype(np.float32))
    return Track(moments, means[0], means[1])
