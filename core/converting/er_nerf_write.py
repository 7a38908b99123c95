# SPDX-License-Identifier: GPL-3.0-or-later
"""Our footage -> a TalkingGaussian / ER-NeRF dataset folder, so that our sets train there.

Written: transforms_{train,val}.json, aud.wav, gt_imgs and ori_imgs (the head over plain grey), ori_imgs/*.lms, parsing,
teeth_mask (empty: our inside mouth has teeth in it), torso_imgs (clear: our pictures end where alpha ends), bc.jpg,
au.csv (the action units of our expression channels, and AU25; the others are 0).
Not written: aud_*.npy (features of their encoders; run theirs on aud.wav), ID.mp4, track_params.pt (a pickle).
Lost: pictures of the "camera" split (the layout has two splits) and damaged ones (left_out.py), clips without pictures,
soft edges (parsing is yes or no), depth, 3D landmarks, gaze. TalkingGaussian takes the principal point to be the
picture's middle; ER-NeRF reads cx and cy. A cancelled conversion continues; transforms_train.json, without which nobody
opens it, comes last.

The sounds of the clips with pictures follow one another, train first, each padded to whole pictures. `aud_id` is the
25th of a second in that sound, `img_id` the picture's number; the same moment from several cameras shares its aud_id.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import numpy as np

from ..audio import load_sound
from ..footage import SPLIT_CODES, Footage
from ..formats import UserError
from ..jobs import Event, Finished, Pace, Started, Warned
from .er_nerf_cameras import are_rigid, transforms_from_viewmats
from .er_nerf_layout import RATE
from .er_nerf_write_files import write_action_units, write_backdrop, write_file, write_picture_files, write_sound
from .left_out import LeftOutPictures
from .resume_marker import check_startable, mark_finished, mark_started

MAX_LATENESS = 1e-3  # seconds between a picture and its 25th of a second
SPLITS = {"train": "train", "test": "val"}  # our split -> their name
FOLDERS = ("gt_imgs", "ori_imgs", "parsing", "teeth_mask", "torso_imgs")
LAST_FILE = "transforms_train.json"


def write_er_nerf(source: Path, out: Path) -> Generator[Event, None, None]:
    """Convert; the last event is Finished. Raises UserError."""
    check_startable(out, LAST_FILE)
    footage = Footage.open(source)
    listed = np.concatenate([footage.frames(split) for split in SPLITS])
    _check_rate(footage, listed)
    focal, centre = _shared_intrinsics(footage, listed)
    yield Started(f"Checking the pictures of {footage.name}", len(listed))
    order, left_out = yield from _usable_pictures(footage, listed)
    mark_started(out, _made_from(footage, order, left_out), LAST_FILE, FOLDERS)
    yield Started(f"Writing {len(order)} pictures of {footage.name}", len(order))
    if warning := left_out.warning():
        yield Warned(warning)
    if len(listed) < len(footage):
        yield Warned(
            f"{footage.folder}: {len(footage) - len(listed)} pictures of held-back cameras are left out, because the "
            "layout has only train and val."
        )
    sound_ids = write_sound(footage, order, out)
    pace = Pace(len(order))
    for number, i in enumerate(order.tolist()):
        write_picture_files(footage, i, number, out)
        yield pace.at(number + 1)
    write_backdrop(footage, out)
    write_action_units(footage, order, out)
    lens = {"focal_len": focal, "cx": centre[0], "cy": centre[1]}
    _write_transforms(footage, order, sound_ids, lens, out)
    mark_finished(out)
    seconds = float(sound_ids.max() + 1) / RATE
    yield Finished({"folder": str(out), "pictures": len(order), "left_out": left_out.count, "seconds": seconds})


def _made_from(footage: Footage, order: np.ndarray, left_out: LeftOutPictures) -> dict:
    """What must be the same for a conversion to continue: with another picture left out, the numbers mean others."""
    made_from = {"from": str(footage.folder.resolve()), "pictures": len(order)}
    if not left_out.count:  # as 0.1.0 has it
        return made_from
    return made_from | {"numbers": hashlib.sha256(order.tobytes()).hexdigest()}


def _usable_pictures(
    footage: Footage, listed: np.ndarray
) -> Generator[Event, None, tuple[np.ndarray, LeftOutPictures]]:
    """(the pictures of `listed` that can be read, what is left out); decoded once before the first is written, since
    the layout numbers them without holes."""
    parts = [_part_of(footage, i) for i in listed.tolist()]
    left_out, pace, usable = LeftOutPictures(footage.folder, Counter(parts)), Pace(len(listed)), []
    sound_faults = {clip: _sound_fault(footage, clip) for clip in dict.fromkeys(footage.clip[listed].tolist())}
    for done, (i, part) in enumerate(zip(listed.tolist(), parts), start=1):
        try:
            if fault := sound_faults[int(footage.clip[i])]:
                raise fault
            _check_camera_and_time(footage, i)
            footage.stored_picture(i)
            usable.append(i)
        except UserError as error:
            left_out.add(part, error)
        yield pace.at(done)
    return np.array(usable, np.int64), left_out


def _part_of(footage: Footage, i: int) -> str:
    """ "train" or "val"."""
    return next(name for split, name in SPLITS.items() if SPLIT_CODES[split] == footage.split[i])


def _sound_fault(footage: Footage, clip: int) -> UserError | None:
    try:
        load_sound(footage.clips[clip].audio)
    except UserError as error:
        return error
    return None


def _check_camera_and_time(footage: Footage, i: int) -> None:
    if not are_rigid(footage.camera(i).matrix[None]).all():
        raise UserError(
            f"{footage.folder}: the viewmat of picture {i} is not a rotation and translation; prepare the "
            "footage again."
        )
    if np.rint(footage.time[i] * RATE) < 0:
        name = footage.clips[footage.clip[i]].name
        raise UserError(f"{footage.folder}: picture {i} of {name} is before its sound; prepare it again.")


def _write_transforms(
    footage: Footage, order: np.ndarray, sound_ids: np.ndarray, lens: dict[str, float], out: Path
) -> None:
    """Write transforms_{train,val}.json; train's pictures come first in `order`."""
    train_count = int((footage.split[order] == SPLIT_CODES["train"]).sum())
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
    return float(intrinsics[0, 0]), (float(intrinsics[0, 2]), float(intrinsics[0, 3]))
