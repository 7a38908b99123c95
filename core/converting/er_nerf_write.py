# SPDX-License-Identifier: GPL-3.0-or-later
"""Our footage -> a TalkingGaussian / ER-NeRF dataset folder, so that our sets train there.

Written: transforms_{train,val}.json, aud.wav, gt_imgs and ori_imgs (the head over plain grey), ori_imgs/*.lms, parsing,
teeth_mask (empty: our inside mouth has teeth in it), torso_imgs (clear: our pictures end where alpha ends), bc.jpg,
au.csv (the action units of our expression channels, and AU25; the others are 0).
Not written: aud_*.npy (features of their encoders; run theirs on aud.wav), ID.mp4, track_params.pt (a pickle).
Lost: pictures of the "camera" split (the layout has two splits), clips without pictures, soft edges (parsing is yes or
no), depth, 3D landmarks, gaze. TalkingGaussian takes the principal point to be the picture's middle; ER-NeRF reads
cx and cy. A cancelled conversion continues; transforms_train.json, without which nobody opens it, comes last.

The sounds of the clips with pictures follow one another, train first, each padded to whole pictures. `aud_id` is the
25th of a second in that sound, `img_id` the picture's number; the same moment from several cameras shares its aud_id.
"""

import json
from collections.abc import Generator
from pathlib import Path

import numpy as np

from ..footage import Footage
from ..formats import UserError
from ..jobs import Event, Finished, Pace, Started, Warned
from .er_nerf_cameras import is_rigid, transforms_from_viewmats
from .er_nerf_layout import RATE
from .er_nerf_write_files import write_action_units, write_backdrop, write_file, write_picture_files, write_sound
from .resume_marker import mark_finished, mark_started

MAX_LATENESS = 1e-3  # seconds between a picture and its 25th of a second
SPLITS = {"train": "train", "test": "val"}  # our split -> their name
FOLDERS = ("gt_imgs", "ori_imgs", "parsing", "teeth_mask", "torso_imgs")
LAST_FILE = "transforms_train.json"


def write_er_nerf(source: Path, out: Path) -> Generator[Event, None, None]:
    """Convert; the last event is Finished. Raises UserError."""
    footage = Footage.open(source)
    numbers = {name: footage.frames(split) for split, name in SPLITS.items()}
    order = np.concatenate(list(numbers.values()))
    _check_rate(footage, order)
    focal, centre = _shared_intrinsics(footage, order)
    mark_started(out, {"from": str(footage.folder.resolve()), "pictures": len(order)}, LAST_FILE, FOLDERS)
    yield Started(f"Writing {len(order)} pictures of {footage.name}", len(order))
    if len(order) < len(footage):
        yield Warned(
            f"{len(footage) - len(order)} pictures of held-back cameras are left out: the layout has only "
            "train and val."
        )
    sound_ids = write_sound(footage, order, out)
    pace = Pace(len(order))
    for number, i in enumerate(order.tolist()):
        write_picture_files(footage, i, number, out)
        yield pace.at(number + 1)
    write_backdrop(footage, out)
    write_action_units(footage, order, out)
    lens = {"focal_len": focal, "cx": centre[0], "cy": centre[1]}
    _write_transforms(footage, order, sound_ids, len(numbers["train"]), lens, out)
    mark_finished(out)
    yield Finished({"folder": str(out), "pictures": len(order), "seconds": float(sound_ids.max() + 1) / RATE})


def _write_transforms(
    footage: Footage, order: np.ndarray, sound_ids: np.ndarray, train_count: int, lens: dict[str, float], out: Path
) -> None:
    """Write transforms_{train,val}.json; the first `train_count` pictures of `order` are train's."""
    matrices = transforms_from_viewmats(np.stack([footage.camera(i).matrix for i in order.tolist()]))
    frames = [
        {"img_id": k, "aud_id": int(sound_ids[k]), "transform_matrix": matrix}
        for k, matrix in enumerate(matrices.tolist())
    ]
    for name, part in (("transforms_val.json", frames[train_count:]), (LAST_FILE, frames[:train_count])):
        if part:
            write_file(out / name, json.dumps(lens | {"frames": part}, indent=1).encode())


def _check_rate(footage: Footage, order: np.ndarray) -> None:
    """Raise UserError for footage without training pictures, or whose pictures are not at 25ths of a second."""
    if not len(footage.frames("train")):
        raise UserError(f"{footage.folder} has no training pictures; prepare it again.")
    if footage.rate != RATE:
        raise UserError(
            f"{footage.folder} has {footage.rate} pictures a second, this layout has only {RATE}; "
            "prepare it again at 25."
        )
    late = np.abs(footage.time[order] * RATE - np.rint(footage.time[order] * RATE)).max() / RATE
    if late > MAX_LATENESS:
        raise UserError(
            f"{footage.folder}: a picture is {1e3 * late:.0f} ms off the 25ths of a second that this layout "
            "has; prepare it again at 25 pictures a second."
        )


def _shared_intrinsics(footage: Footage, order: np.ndarray) -> tuple[float, tuple[float, float]]:
    """(focal, (cx, cy)) in pixels of all pictures; the layout has one. Raises UserError for what it cannot say."""
    cameras = [footage.camera(i) for i in order.tolist()]
    intrinsics = np.array([[c.fx, c.fy, c.cx, c.cy] for c in cameras])
    if np.abs(intrinsics - intrinsics[0]).max() > 1e-6 or abs(intrinsics[0, 0] - intrinsics[0, 1]) > 1e-6:
        raise UserError(
            f"{footage.folder}: its pictures have different or non-square lenses, this layout has one "
            "focal length; choose footage of one camera."
        )
    if not is_rigid(np.stack([c.matrix for c in cameras])):
        raise UserError(f"{footage.folder}: a viewmat is not a rotation and translation; prepare the footage again.")
    return float(intrinsics[0, 0]), (float(intrinsics[0, 2]), float(intrinsics[0, 3]))
