# SPDX-License-Identifier: GPL-3.0-or-later
"""A TalkingGaussian / ER-NeRF dataset folder -> our footage, so that existing sets train here unchanged.

Pictures come one at a time, so memory holds the tables and the sound only. A conversion that was ended is started
again with the same words: finished pictures are kept, and footage.json, without which nothing opens the folder, is
written last. Their one sound becomes two clips, "train" and "val", cut where the pictures of each begin and end.

Taken: transforms_{train,val}.json, aud.wav, gt_imgs (else ori_imgs), ori_imgs/*.lms, parsing, teeth_mask where there is
one, au.csv. Left: torso_imgs and bc.jpg (head space is the head's; what lies behind it is not trained), aud_*.npy (we
listen ourselves), track_params.pt (a pickle). The pixels outside the head stay in the pictures under alpha 0.

The layout has no 3D landmarks, and training needs them: triangulate.py makes them from .lms and cameras, or the set is
refused where the head turns too little for that. Letters: F pictures, T moments of a clip, E expression channels.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..audio import Sound, load_sound, write_wav
from ..footage import FOOTAGE_VERSION, SPLITS, mark_finished, mark_started
from ..formats import UserError, atomic_write
from ..jobs import Event, Finished, Pace, Started, Warned
from .er_nerf import CHANNELS, RATE, SAMPLES, expression_of, label_of, metres_a_unit, viewmats_of
from .er_nerf_files import (
    Transforms,
    picture_path,
    picture_size,
    read_landmarks,
    read_rgb,
    read_teeth,
    read_transforms,
    read_units,
)
from .triangulate import triangulated

CLIPS = {"train": "train", "val": "test"}  # their name -> our split
DOUBT = 0.01  # metres: beyond it the median landmark's depth is a guess
SHORT = 1.0  # seconds that the sound may end before the last picture
ADRIFT = 1.1  # sound longer than the pictures by so much: they were hardly 25 a second


@dataclass(frozen=True)
class DataSet:
    """Everything but the pictures. Row f of every table is picture f: train's first, then val's."""

    clips: dict[str, Transforms]
    size: tuple[int, int]
    image: np.ndarray  # [F] number in their names
    columns: dict[str, np.ndarray]  # frames.npz
    tracks: dict[str, dict[str, np.ndarray]]  # clip -> arrays of tracks/NAME.npz
    unit: float  # metres a unit of theirs
    doubt: float  # metres, of the median landmark's depth


def read_er_nerf(folder: Path | str, out: Path | str, torso: bool = False) -> Iterator[Event]:
    """Convert; the last event is Finished. torso: neck and torso belong to the trained picture too (they follow the
    body, not the head, so they blur). Raises UserError."""
    folder, out = Path(folder), Path(out)
    data = open_data_set(folder)
    words = {"from": str(folder.resolve()), "torso": torso, "pictures": len(data.image), "size": list(data.size)}
    mark_started(out, words, "footage.json", ("audio", "tracks", "image", "label"))
    yield Started(f"Reading {len(data.image)} pictures of {folder.name}", len(data.image))
    yield from _sounds(folder, out, data.clips)
    for name, track in data.tracks.items():
        _write_arrays(out / "tracks" / f"{name}.npz", track)
    _write_arrays(out / "frames.npz", data.columns)
    pace = Pace(len(data.image))
    for i, number in enumerate(data.image):
        _picture(folder, out, i, int(number), data.size, torso)
        yield pace.at(i + 1)
    with atomic_write(out / "footage.json") as beside:
        beside.write_text(json.dumps(_card(folder, data), indent=1), encoding="utf-8")
    mark_finished(out)
    yield Finished(
        {
            "footage": str(out),
            "pictures": len(data.image),
            "metres_a_unit": data.unit,
            "landmark_depth_doubt_mm": round(1e3 * data.doubt, 2),
        }
    )


def open_data_set(folder: Path) -> DataSet:
    """Read and check all that is small. Raises UserError."""
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; choose a TalkingGaussian or ER-NeRF dataset folder.")
    clips = {"train": read_transforms(folder / "transforms_train.json")}
    if (folder / "transforms_val.json").exists():
        clips["val"] = read_transforms(folder / "transforms_val.json")
    _check_split(folder, clips)
    first = clips["train"]
    image, matrices = (np.concatenate([getattr(t, name) for t in clips.values()]) for name in ("image", "matrices"))
    units = read_units(folder / "au.csv")
    rows = len(next(iter(units.values())))
    if image.max() >= rows:
        raise UserError(f"{folder / 'au.csv'} has {rows} rows, but picture {image.max()} is used; run OpenFace again.")
    landmarks = np.stack([read_landmarks(folder / "ori_imgs" / f"{number}.lms") for number in image])
    K = np.array([[first.focal, 0, first.centre[0]], [0, first.focal, first.centre[1]], [0, 0, 1]])
    lifted = triangulated(landmarks.astype(np.float64), viewmats_of(matrices, 1.0), K)
    corners = lifted.mean[[36, 45]]
    crossing = np.isfinite(corners).all() and np.linalg.norm(corners[0] - corners[1]) > 0
    unit = metres_a_unit(lifted.mean) if crossing else 1.0
    doubt = float(np.median(lifted.doubt)) * unit
    if not crossing or not doubt <= DOUBT or not np.isfinite(lifted.mean).all():
        raise UserError(
            f"{folder}: the head turns too little to tell the depth of its landmarks "
            f"(they would be off by {1e3 * doubt:.0f} mm); prepare the video itself instead."
        )
    expression = expression_of(units)[image]
    count = {name: len(t.image) for name, t in clips.items()}
    origin = {name: int(t.sound.min()) for name, t in clips.items()}
    time = np.concatenate([(t.sound - origin[name]) / RATE for name, t in clips.items()])
    clip = np.repeat(np.arange(len(clips)), list(count.values()))
    split = np.array([SPLITS[CLIPS[name]] for name in clips], dtype=np.uint8)[clip]
    columns = {
        "clip": clip.astype(np.int32),
        "time": time,
        "split": split,
        "viewmat": viewmats_of(matrices, unit),
        "K": np.tile(K, (len(image), 1, 1)),
        "landmarks2d": landmarks,
        "expression": expression,
    }
    tracks = {
        name: _track(time[clip == k], unit * lifted.moments[clip == k], expression[clip == k])
        for k, name in enumerate(clips)
    }
    return DataSet(clips, picture_size(picture_path(folder, int(image[0]))), image, columns, tracks, unit, doubt)


def _check_split(folder: Path, clips: dict[str, Transforms]) -> None:
    """One camera, and no moment in both parts."""
    if len(clips) < 2:
        return
    train, val = clips.values()
    if (train.focal, train.centre) != (val.focal, val.centre):
        raise UserError(
            f"{folder}: transforms_val.json has another focal_len, cx or cy than transforms_train.json; "
            "make the data set again."
        )
    if max(train.sound.min(), val.sound.min()) <= min(train.sound.max(), val.sound.max()):
        raise UserError(
            f"{folder}: transforms_val.json lies within the time of transforms_train.json, so nothing would "
            "be held back; split the data set into a first and a last part."
        )
    if np.isin(val.image, train.image).any():
        raise UserError(f"{folder}: transforms_val.json names pictures of transforms_train.json; split them.")


def _track(time: np.ndarray, landmarks: np.ndarray, expression: np.ndarray) -> dict[str, np.ndarray]:
    """Rows in the order of time; pictures of one moment (several cameras) become their mean."""
    moments, place, count = np.unique(time, return_inverse=True, return_counts=True)
    sums = [np.zeros((len(moments), *values.shape[1:])) for values in (landmarks, expression)]
    for total, values in zip(sums, (landmarks, expression)):
        np.add.at(total, place.reshape(-1), values)
    return {
        "time": moments,
        "landmarks": (sums[0] / count[:, None, None]).astype(np.float32),
        "expression": (sums[1] / count[:, None]).astype(np.float32),
    }


def _sounds(folder: Path, out: Path, clips: dict[str, Transforms]) -> Iterator[Event]:
    path = folder / "aud.wav"
    samples = load_sound(path).samples
    end = (max(int(t.sound.max()) for t in clips.values()) + 1) * SAMPLES
    if len(samples) + SHORT * RATE * SAMPLES < end:
        raise UserError(
            f"{path} lasts {len(samples) / SAMPLES / RATE:.1f} s, the pictures {end / SAMPLES / RATE:.1f} s; "
            "take the sound from the same 25 fps video."
        )
    if len(samples) > ADRIFT * end + SHORT * RATE * SAMPLES:
        yield Warned(
            f"{path} is {len(samples) / end:.2f} times as long as the pictures; if they were not taken at "
            f"{RATE} a second, the lips will drift."
        )
    samples = np.pad(samples, (0, max(end - len(samples), 0)))
    for name, t in clips.items():
        part = samples[int(t.sound.min()) * SAMPLES : (int(t.sound.max()) + 1) * SAMPLES]
        write_wav(out / "audio" / f"{name}.wav", Sound(part.copy()))


def _picture(folder: Path, out: Path, i: int, number: int, size: tuple[int, int], torso: bool) -> None:
    """Picture i and its label, unless both are there."""
    image, label = out / "image" / f"{i:06d}.png", out / "label" / f"{i:06d}.png"
    if image.is_file() and label.is_file():
        return
    rgb = read_rgb(picture_path(folder, number), *size)
    parsing = read_rgb(folder / "parsing" / f"{number}.png", *size)
    teeth = read_teeth(folder / "teeth_mask" / f"{number}.npy", *size) if (folder / "teeth_mask").is_dir() else None
    labels = label_of(parsing, teeth, torso)
    alpha = np.where(labels > 0, 255, 0).astype(np.uint8)
    with atomic_write(image) as beside:
        Image.fromarray(np.dstack([rgb, alpha])).save(beside, compress_level=3)
    with atomic_write(label) as beside:
        Image.fromarray(labels).save(beside)


def _card(folder: Path, data: DataSet) -> dict:
    clips = [{"name": name, "audio": f"audio/{name}.wav", "split": CLIPS[name]} for name in data.clips]
    return {
        "format": "talksplat footage",
        "version": FOOTAGE_VERSION,
        "name": folder.resolve().name or "er_nerf",
        "rate": f"{RATE}/1",
        "width": data.size[0],
        "height": data.size[1],
        "colour_space": "srgb_rec709_display",
        "expression_names": list(CHANNELS),
        "clips": clips,
        "licence": "not stated in the data set; ask whoever made it",
        "provenance": f"converted from a TalkingGaussian / ER-NeRF dataset folder; {data.unit:g} metres a unit; "
        f"landmarks in head space triangulated, depth sure to {1e3 * data.doubt:.1f} mm",
    }


def _write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with atomic_write(path) as beside:
        np.savez_compressed(beside, **arrays)
