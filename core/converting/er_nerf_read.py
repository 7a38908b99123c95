# SPDX-License-Identifier: GPL-3.0-or-later
"""A TalkingGaussian / ER-NeRF dataset folder -> our footage, so that existing sets train here unchanged.

Pictures come one at a time, so memory holds the tables and the sound only. A cancelled or killed conversion continues
when it is run again: finished pictures are kept, and footage.json, without which nothing opens the folder, is written
last. Their one sound becomes two clips, "train" and "val", cut where the pictures of each begin and end.

Taken: transforms_{train,val}.json, aud.wav, gt_imgs (else ori_imgs), ori_imgs/*.lms, parsing, teeth_mask where there is
one, au.csv. Ignored: torso_imgs and bc.jpg (head space is the head's; what is behind it is not trained), aud_*.npy (we
have our own encoders), track_params.pt (a pickle). The pixels outside the head stay in the pictures under alpha 0.
"""

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
from .er_nerf_dataset import CLIP_SPLITS, ErNerfDataset, read_dataset
from .er_nerf_layout import RATE, SAMPLES
from .er_nerf_parsing import labels_from_parsing
from .er_nerf_pictures import find_picture, read_rgb, read_teeth_mask
from .er_nerf_text import Transforms
from .resume_marker import mark_finished, mark_started

MISSING_SOUND = 1.0  # seconds by which the sound may end before the last picture
DRIFT = 1.1  # sound longer than the pictures by this factor: they were hardly 25 a second
FOLDERS = ("audio", "tracks", "image", "label")


def read_er_nerf(folder: Path, out: Path, torso: bool = False) -> Generator[Event, None, None]:
    """Convert; the last event is Finished. torso: neck and torso belong to the trained picture too (they follow the
    body, not the head, so they blur). Raises UserError."""
    dataset = read_dataset(folder)
    count = len(dataset.image)
    made_from = {"from": str(folder.resolve()), "torso": torso, "pictures": count, "size": list(dataset.size)}
    mark_started(out, made_from, "footage.json", FOLDERS)
    yield Started(f"Reading {count} pictures of {folder.name}", count)
    yield from _write_sounds(folder, out, dataset.clips)
    for name, track in dataset.tracks.items():
        write_clip_track(out, name, track.time, track.landmarks, track.expression)
    write_frame_table(out, **dataset.columns)
    pace = Pace(count)
    for i, number in enumerate(dataset.image.tolist()):
        _convert_picture(folder, out, i, number, dataset.size, torso)
        yield pace.at(i + 1)
    _write_card(folder, out, dataset)
    mark_finished(out)
    yield Finished(
        {
            "footage": str(out),
            "pictures": count,
            "metres_a_unit": dataset.unit,
            "landmark_depth_doubt_mm": round(1e3 * dataset.depth_error, 2),
        }
    )


def _write_sounds(folder: Path, out: Path, clips: dict[str, Transforms]) -> Generator[Event, None, None]:
    path = folder / "aud.wav"
    samples = load_sound(path).samples
    end = (max(int(t.sound.max()) for t in clips.values()) + 1) * SAMPLES
    if len(samples) + MISSING_SOUND * RATE * SAMPLES < end:
        raise UserError(
            f"{path} lasts {len(samples) / SAMPLES / RATE:.1f} s, the pictures {end / SAMPLES / RATE:.1f} s; "
            "take the sound from the same 25 fps video."
        )
    if len(samples) > DRIFT * end + MISSING_SOUND * RATE * SAMPLES:
        yield Warned(
            f"{path} is {len(samples) / end:.2f} times as long as the pictures; if they were not taken at "
            f"{RATE} a second, the lips will drift."
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
    rgb = read_rgb(find_picture(folder, number), *size)
    parsing = read_rgb(folder / "parsing" / f"{number}.png", *size)
    has_teeth = (folder / "teeth_mask").is_dir()
    teeth = read_teeth_mask(folder / "teeth_mask" / f"{number}.npy", *size) if has_teeth else None
    labels = labels_from_parsing(parsing, teeth, torso)
    alpha = np.where(labels != LABEL_BACKGROUND, 255, 0).astype(np.uint8)
    write_footage_picture(out, i, np.dstack([rgb, alpha]), labels)


def _write_card(folder: Path, out: Path, dataset: ErNerfDataset) -> None:
    write_footage_card(
        out,
        folder.resolve().name or "er_nerf",
        Fraction(RATE),
        dataset.size,
        CHANNELS,
        [(name, CLIP_SPLITS[name]) for name in dataset.clips],
        licence="not stated in the data set; ask whoever made it",
        provenance=f"converted from a TalkingGaussian / ER-NeRF dataset folder; {dataset.unit:g} metres a unit; "
        f"landmarks in head space triangulated, depth sure to {1e3 * dataset.depth_error:.1f} mm",
    )
