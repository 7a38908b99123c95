# SPDX-License-Identifier: GPL-3.0-or-later
"""A TalkingGaussian / ER-NeRF dataset folder, read and checked: all of it but the pictures and the sound.

The layout has no 3D landmarks, and training needs them: triangulate.py makes them from .lms files and cameras; where
the head turns too little for that, reading ends in a UserError. A picture that misses something is left out.

Letters: F pictures, E expression channels.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..footage import SPLIT_CODES, Track
from ..formats import UserError
from .action_units import expression_from_action_units, read_action_units
from .clip_track import track_from_pictures
from .er_nerf_cameras import EYE_CORNERS, metres_per_unit, viewmats_from_transforms
from .er_nerf_layout import RATE, REMAKE, SAMPLES
from .er_nerf_text import Transforms, read_landmarks, read_transforms
from .left_out import LeftOutPictures
from .triangulate import triangulate_landmarks

CLIP_SPLITS = {"train": "train", "val": "test"}  # their name -> our split
# metres of the median landmark's depth; not in the papers: chosen because beyond it the depth is a guess
MAX_DEPTH_ERROR = 0.01
MISSING_SOUND = 1.0  # seconds by which the sound may end before the last picture


@dataclass(frozen=True)
class ErNerfDataset:
    """Everything but pictures and sound. Row f of every table is picture f: train's first, then val's."""

    clips: dict[str, Transforms]  # "train" and perhaps "val"
    image: np.ndarray  # [F] number in the pictures' names
    columns: dict[str, np.ndarray]  # of frames.npz
    tracks: dict[str, Track]  # clip -> track
    unit: float  # metres per unit of theirs
    depth_error: float  # metres, standard error of the median landmark's depth
    left_out: LeftOutPictures

    def part_of(self, row: int) -> str:
        """ "train" or "val"."""
        return list(self.clips)[self.columns["clip"][row]]

    def select(self, rows: np.ndarray) -> "ErNerfDataset":  # [F] bool
        """Some of the pictures; the tracks stay whole, since what the face does is known without them."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return replace(self, image=self.image[rows], columns=columns)


def read_dataset(
    folder: Path,
    sound_length: int,  # samples of aud.wav
) -> ErNerfDataset:
    """Read and check all that is small. Raises UserError."""
    clips = _read_clips(folder)
    left_out = LeftOutPictures(folder, {name: transforms.total for name, transforms in clips.items()})
    expression_of = expression_from_action_units(read_action_units(folder / "au.csv"))
    landmarks2d, expression = [], []
    for name, transforms in clips.items():
        clips[name], marks, channels = _usable_pictures(folder, name, transforms, sound_length, expression_of, left_out)
        landmarks2d.append(marks)
        expression.append(channels)
    _check_held_back(folder, clips)
    return _make_tables(folder, clips, np.concatenate(landmarks2d), np.concatenate(expression), left_out)


def _make_tables(
    folder: Path,
    clips: dict[str, Transforms],
    landmarks2d: np.ndarray,  # [F,68,2] pixels
    expression: np.ndarray,  # [F,E]
    left_out: LeftOutPictures,
) -> ErNerfDataset:
    first = clips["train"]
    image = np.concatenate([transforms.image for transforms in clips.values()])
    matrices = np.concatenate([transforms.matrices for transforms in clips.values()])
    K = np.array([[first.focal, 0, first.centre[0]], [0, first.focal, first.centre[1]], [0, 0, 1]])
    landmarks, unit, depth_error = _lift_landmarks(folder, landmarks2d, matrices, K)
    frame = np.concatenate([t.sound - t.sound.min() for t in clips.values()])
    clip = np.repeat(np.arange(len(clips)), [len(t.image) for t in clips.values()])
    columns = {
        "clip": clip,
        "time": frame / RATE,
        "split": np.array([SPLIT_CODES[CLIP_SPLITS[name]] for name in clips])[clip],
        "viewmat": viewmats_from_transforms(matrices, unit),
        "K": np.tile(K, (len(image), 1, 1)),
        "landmarks2d": landmarks2d,
        "expression": expression,
    }
    tracks = {
        name: track_from_pictures(frame[clip == k], landmarks[clip == k], expression[clip == k])
        for k, name in enumerate(clips)
    }
    return ErNerfDataset(clips, image, columns, tracks, unit, depth_error, left_out)


def _read_clips(folder: Path) -> dict[str, Transforms]:
    """All pictures are of one camera. Raises UserError."""
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
    return {"train": train, "val": val}


def _usable_pictures(
    folder: Path,
    name: str,  # of the part
    transforms: Transforms,
    sound_length: int,
    expression_of: np.ndarray,  # [R,E] by the number of the picture; NaN: unknown
    left_out: LeftOutPictures,
) -> tuple[Transforms, np.ndarray, np.ndarray]:
    """(those with sound, expression and landmarks, their landmarks [F,68,2] in pixels, their expression [F,E])."""
    if unread := transforms.total - len(transforms.image):
        left_out.add(name, transforms.fault, unread)
    usable, landmarks = np.ones(len(transforms.image), bool), []
    for row, (number, sound) in enumerate(zip(transforms.image.tolist(), transforms.sound.tolist())):
        try:
            _check_sound(folder / "aud.wav", number, sound, sound_length)
            _check_expression(folder / "au.csv", number, expression_of)
            landmarks.append(read_landmarks(folder / "ori_imgs" / f"{number}.lms"))
        except UserError as error:
            left_out.add(name, error)
            usable[row] = False
    transforms = transforms.select(usable)
    return transforms, np.stack(landmarks), expression_of[transforms.image]


def _check_sound(path: Path, number: int, sound: int, sound_length: int) -> None:
    end = (sound + 1) / RATE
    if sound_length / SAMPLES / RATE + MISSING_SOUND < end:
        raise UserError(
            f"{path} lasts {sound_length / SAMPLES / RATE:.1f} s, picture {number} is at {end:.1f} s; "
            "take the sound from the same 25 fps video."
        )


def _check_expression(path: Path, number: int, expression_of: np.ndarray) -> None:
    if number >= len(expression_of) or not np.isfinite(expression_of[number]).all():
        raise UserError(f"{path} has no row of numbers for picture {number}; run OpenFace again.")


def _check_held_back(folder: Path, clips: dict[str, Transforms]) -> None:
    """Raise UserError where a picture or a moment is in both parts."""
    if "val" not in clips:
        return
    train, val = clips["train"], clips["val"]
    if max(train.sound.min(), val.sound.min()) <= min(train.sound.max(), val.sound.max()):
        raise UserError(
            f"{folder}: transforms_val.json overlaps the time of transforms_train.json, so nothing would "
            "be held back; split the data set into a first and a last part."
        )
    if np.isin(val.image, train.image).any():
        raise UserError(f"{folder}: transforms_val.json names pictures of transforms_train.json; split them.")


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
