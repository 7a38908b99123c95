# SPDX-License-Identifier: GPL-3.0-or-later
"""A TalkingGaussian / ER-NeRF dataset folder -> our footage, so that existing sets train here unchanged.

Pictures come one at a time, so memory holds the tables and the sound only. A cancelled or killed conversion continues
when it is run again: finished pictures are kept, and footage.json, without which nothing opens the folder, is written
last. Their one sound becomes two clips, "train" and "val", cut where the pictures of each begin and end.

Taken: transforms_{train,val}.json, aud.wav, gt_imgs (else ori_imgs), ori_imgs/*.lms, parsing, teeth_mask where there is
one, au.csv. Where something of a picture is missing or damaged, that picture is left out and the others stay at their
moments (left_out.py). Ignored: torso_imgs and bc.jpg (head space is the head's; what is behind it is not trained),
aud_*.npy (we have our own encoders), track_params.pt (a pickle). The pixels outside the head stay in the pictures under
alpha 0.
"""

import hashlib
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..audio import Sound, load_sound, write_wav
from ..footage import (
    LABEL_BACKGROUND,
    picture_paths,
    write_clip_track,
    write_footage_card,
    write_footage_picture,
    write_frame_table,
)
from ..formats import UserError
from ..jobs import Event, Finished, Pace, Started, Warned
from .action_units import CHANNELS
from .er_nerf_dataset import CLIP_SPLITS, MISSING_SOUND, ErNerfDataset, read_dataset
from .er_nerf_layout import RATE, SAMPLES
from .er_nerf_parsing import labels_from_parsing
from .er_nerf_pictures import read_picture, usual_picture_size
from .er_nerf_text import Transforms
from .resume_marker import check_startable, mark_finished, mark_started

DRIFT = 1.1  # sound longer than the pictures by this factor: they were hardly 25 a second
FOLDERS = ("audio", "tracks", "image", "label")
LAST_FILE = "footage.json"


def read_er_nerf(folder: Path, out: Path, torso: bool = False) -> Generator[Event, None, None]:
    """Convert; the last event is Finished. torso: neck and torso belong to the trained picture too (they follow the
    body, not the head, so they blur). Raises UserError."""
    check_startable(out, LAST_FILE)
    samples = load_sound(folder / "aud.wav").samples
    dataset = read_dataset(folder, len(samples))
    size = usual_picture_size(folder, dataset.image.tolist())
    yield Started(f"Checking the pictures of {folder.name}", len(dataset.image))
    dataset = yield from _leave_out_unreadable(folder, dataset, size)
    if warning := dataset.left_out.warning():
        yield Warned(warning)
    mark_started(out, _made_from(folder, dataset, size, torso), LAST_FILE, FOLDERS)
    yield Started(f"Reading {len(dataset.image)} pictures of {folder.name}", len(dataset.image))
    yield from _write_sounds(folder, out, samples, dataset.clips)
    for name, track in dataset.tracks.items():
        write_clip_track(out, name, track.time, track.landmarks, track.expression)
    write_frame_table(out, **dataset.columns)
    pace = Pace(len(dataset.image))
    for i, number in enumerate(dataset.image.tolist()):
        _convert_picture(folder, out, i, number, size, torso)
        yield pace.at(i + 1)
    _write_card(folder, out, dataset, size)
    mark_finished(out)
    yield Finished(_result(out, dataset))


def _made_from(folder: Path, dataset: ErNerfDataset, size: tuple[int, int], torso: bool) -> dict:
    """What must be the same for a conversion to continue: with another picture left out, the numbers mean others."""
    made_from = {"from": str(folder.resolve()), "torso": torso, "pictures": len(dataset.image), "size": list(size)}
    if not dataset.left_out.count:  # as 0.1.0 has it
        return made_from
    return made_from | {"numbers": hashlib.sha256(dataset.image.tobytes()).hexdigest()}


def _result(out: Path, dataset: ErNerfDataset) -> dict:
    return {
        "footage": str(out),
        "pictures": len(dataset.image),
        "left_out": dataset.left_out.count,
        "metres_a_unit": dataset.unit,
        "landmark_depth_doubt_mm": round(1e3 * dataset.depth_error, 2),
    }


def _leave_out_unreadable(
    folder: Path, dataset: ErNerfDataset, size: tuple[int, int]
) -> Generator[Event, None, ErNerfDataset]:
    """Every picture is decoded once before the first is written, since the pictures of footage are numbered without
    holes."""
    readable, pace = np.ones(len(dataset.image), bool), Pace(len(dataset.image))
    for row, number in enumerate(dataset.image.tolist()):
        try:
            read_picture(folder, number, size)
        except UserError as error:
            dataset.left_out.add(dataset.part_of(row), error)
            readable[row] = False
        yield pace.at(row + 1)
    return dataset.select(readable)


def _write_sounds(
    folder: Path, out: Path, samples: np.ndarray, clips: dict[str, Transforms]
) -> Generator[Event, None, None]:
    end = (max(int(t.sound.max()) for t in clips.values()) + 1) * SAMPLES
    if len(samples) > DRIFT * end + MISSING_SOUND * RATE * SAMPLES:
        yield Warned(
            f"{folder / 'aud.wav'} is {len(samples) / end:.2f} times as long as the pictures; if they were not taken "
            f"at {RATE} a second, the lips will drift."
        )
    samples = np.pad(samples, (0, max(end - len(samples), 0)))
    for name, t in clips.items():
        part = samples[int(t.sound.min()) * SAMPLES : (int(t.sound.max()) + 1) * SAMPLES]
        write_wav(out / "audio" / f"{name}.wav", Sound(part.copy()))


def _convert_picture(folder: Path, out: Path, i: int, number: int, size: tuple[int, int], torso: bool) -> None:
    """Picture i and its label, unless both are there."""
    paths = picture_paths(out, i)
    if paths["image"].is_file() and paths["label"].is_file():
        return
    rgb, parsing, teeth = read_picture(folder, number, size)
    labels = labels_from_parsing(parsing, teeth, torso)
    alpha = np.where(labels != LABEL_BACKGROUND, 255, 0).astype(np.uint8)
    write_footage_picture(out, i, np.dstack([rgb, alpha]), labels)


def _write_card(folder: Path, out: Path, dataset: ErNerfDataset, size: tuple[int, int]) -> None:
    write_footage_card(
        out,
        folder.resolve().name or "er_nerf",
        Fraction(RATE),
        size,
        CHANNELS,
        [(name, CLIP_SPLITS[name]) for name in dataset.clips],
        licence="not stated in the data set; ask whoever made it",
        provenance=f"converted from a TalkingGaussian / ER-NeRF dataset folder; {dataset.unit:g} metres a unit; "
        f"landmarks in head space triangulated, depth sure to {1e3 * dataset.depth_error:.1f} mm",
    )
