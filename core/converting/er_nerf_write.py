# SPDX-License-Identifier: GPL-3.0-or-later
"""Our footage -> a TalkingGaussian / ER-NeRF dataset folder, so that our sets train there.

Written: transforms_{train,val}.json, aud.wav, gt_imgs and ori_imgs (the head over plain grey), ori_imgs/*.lms, parsing,
teeth_mask (empty: our inside mouth has teeth in it), torso_imgs (clear: our pictures end where alpha ends), bc.jpg,
au.csv (the action units that our expression channels stand for, and AU25; the others are 0).
Not written: aud_*.npy (features of their encoders; run theirs on aud.wav), ID.mp4, track_params.pt (a pickle).
Lost: pictures of the "camera" split (the layout has two splits), clips without pictures, soft edges (parsing is yes or
no), depth, 3D landmarks, gaze. TalkingGaussian takes the principal point to be the picture's middle; ER-NeRF reads
cx and cy. An ended conversion goes on where it was; transforms_train.json, without which nobody opens it, comes last.

The sounds of the clips with pictures follow one another, train first, each padded to whole pictures. `aud_id` is the
25th of a second in that sound, `img_id` the picture's number; the same moment from several cameras shares its aud_id.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ..audio import Sound, load_sound, write_wav
from ..footage import LABEL_BACKGROUND, LABEL_FACE, LABEL_MOUTH, Footage, mark_finished, mark_started, read_png
from ..formats import UserError, atomic_write
from ..jobs import Event, Finished, Pace, Started, Warned
from .er_nerf import RATE, SAMPLES, parsing_of, rigid, transforms_of, units_of

GREY = 128
QUALITY = 97
ON_TIME = 1e-3  # seconds a picture may lie beside its 25th of a second
SPLITS = {"train": "train", "test": "val"}  # our split -> their name
FOLDERS = ("gt_imgs", "ori_imgs", "parsing", "teeth_mask", "torso_imgs")
WHOLE = "transforms_train.json"


def write_er_nerf(source: Path | str, out: Path | str) -> Iterator[Event]:
    """Convert; the last event is Finished. Raises UserError."""
    footage, out = Footage.open(source), Path(out)
    chosen = {name: footage.frames(split) for split, name in SPLITS.items()}
    order = np.concatenate(list(chosen.values()))
    focal, centre = _one_lens(footage, order)
    mark_started(out, {"from": str(footage.folder.resolve()), "pictures": len(order)}, WHOLE, FOLDERS)
    yield Started(f"Writing {len(order)} pictures of {footage.name}", len(order))
    if len(order) < len(footage):
        yield Warned(
            f"{len(footage) - len(order)} pictures of held-back cameras are left out: the layout has only "
            "train and val."
        )
    places = _sound(footage, order, out / "aud.wav")
    pace = Pace(len(order))
    for number, i in enumerate(order):
        _picture(footage, int(i), number, out)
        yield pace.at(number + 1)
    _save(out / "bc.jpg", _jpeg(np.full((*footage.full_size[::-1], 3), GREY, np.uint8)))
    _units(footage, order, out / "au.csv")
    matrices = transforms_of(np.stack([footage.camera(int(i)).matrix for i in order])).tolist()
    frames = [{"img_id": k, "aud_id": int(places[k]), "transform_matrix": matrix} for k, matrix in enumerate(matrices)]
    train = len(chosen["train"])
    for name, part in (("transforms_val.json", frames[train:]), (WHOLE, frames[:train])):
        if part:
            card = {"focal_len": focal, "cx": centre[0], "cy": centre[1], "frames": part}
            _save(out / name, json.dumps(card, indent=1).encode())
    mark_finished(out)
    yield Finished({"folder": str(out), "pictures": len(order), "seconds": float(places.max() + 1) / RATE})


def _one_lens(footage: Footage, order: np.ndarray) -> tuple[float, tuple[float, float]]:
    """(focal, (cx, cy)) of all pictures; the layout holds one. Raises UserError for what it cannot say."""
    if not len(footage.frames("train")):
        raise UserError(f"{footage.folder} has no training pictures; prepare it again.")
    if footage.rate != RATE:
        raise UserError(
            f"{footage.folder} has {footage.rate} pictures a second, this layout knows only {RATE}; "
            "prepare it again at 25."
        )
    late = np.abs(footage.time[order] * RATE - np.rint(footage.time[order] * RATE)).max() / RATE
    if late > ON_TIME:
        raise UserError(
            f"{footage.folder}: a picture lies {1e3 * late:.0f} ms beside the 25ths of a second that this "
            "layout knows; prepare it again at 25 pictures a second."
        )
    cameras = [footage.camera(int(i)) for i in order]
    lenses = np.array([[c.fx, c.fy, c.cx, c.cy] for c in cameras])
    if np.abs(lenses - lenses[0]).max() > 1e-6 or abs(lenses[0, 0] - lenses[0, 1]) > 1e-6:
        raise UserError(
            f"{footage.folder}: its pictures have different or non-square lenses, this layout knows one "
            "focal length; choose footage of one camera."
        )
    if not rigid(np.stack([c.matrix for c in cameras])):
        raise UserError(f"{footage.folder}: a viewmat is not a rotation and shift; prepare the footage again.")
    return float(lenses[0, 0]), (float(lenses[0, 2]), float(lenses[0, 3]))


def _sound(footage: Footage, order: np.ndarray, path: Path) -> np.ndarray:
    """Write the joined sound; returns [F] each picture's 25th of a second in it."""
    first, parts, length = {}, [], 0
    for clip in dict.fromkeys(footage.clip[order[np.argsort(footage.split[order], kind="stable")]].tolist()):
        samples = load_sound(footage.clips[clip].audio).samples
        pictures = np.rint(footage.time[order][footage.clip[order] == clip] * RATE)
        if pictures.min() < 0:
            raise UserError(
                f"{footage.folder}: a picture of {footage.clips[clip].name} lies before its sound; prepare it again."
            )
        whole = max(-(-len(samples) // SAMPLES), int(pictures.max()) + 1)
        first[clip] = length
        length += whole
        parts.append(np.pad(samples, (0, whole * SAMPLES - len(samples))))
    write_wav(path, Sound(np.concatenate(parts)))
    start = np.array([first[clip] for clip in footage.clip[order].tolist()])
    return start + np.rint(footage.time[order] * RATE).astype(np.int64)


def _picture(footage: Footage, i: int, number: int, out: Path) -> None:
    last = out / "teeth_mask" / f"{number}.npy"
    if last.is_file():
        return
    width, height = footage.full_size
    image = read_png(footage.folder / "image" / f"{i:06d}.png", "RGBA", width, height)
    label = read_png(footage.folder / "label" / f"{i:06d}.png", "L", width, height)
    alpha = image[..., 3:].astype(np.float32) / 255
    over = np.rint(image[..., :3] * alpha + GREY * (1 - alpha)).astype(np.uint8)
    data = _jpeg(over)
    _save(out / "gt_imgs" / f"{number}.jpg", data)
    _save(out / "ori_imgs" / f"{number}.jpg", data)
    lines = "".join(f"{x:.6f} {y:.6f}\n" for x, y in footage.landmarks2d[i])
    _save(out / "ori_imgs" / f"{number}.lms", lines.encode())
    seen = np.where(
        alpha[..., 0] < 0.5, LABEL_BACKGROUND, np.where(label == LABEL_MOUTH, LABEL_MOUTH, LABEL_FACE)
    )  # as Picture.label has it
    _save(out / "parsing" / f"{number}.png", _encoded(Image.fromarray(parsing_of(seen)), "PNG"))
    _save(out / "torso_imgs" / f"{number}.png", _encoded(Image.new("RGBA", (width, height)), "PNG"))
    mask = io.BytesIO()
    np.save(mask, np.zeros((height, width), bool), allow_pickle=False)
    _save(last, mask.getvalue())


def _units(footage: Footage, order: np.ndarray, path: Path) -> None:
    """OpenFace's columns, a leading blank in every name but the first as its 2.x writes them."""
    units = units_of(footage.expression[order], footage.expression_names, footage.landmarks2d[order])
    rows = [", ".join(["frame", "face_id", "timestamp", "confidence", "success", *units])]
    for k in range(len(order)):
        values = ", ".join(f"{units[name][k]:.4f}" for name in units)
        rows.append(f"{k + 1}, 0, {k / RATE:.3f}, 1.00, 1, {values}")
    _save(path, ("\n".join(rows) + "\n").encode())


def _jpeg(codes: np.ndarray) -> bytes:  # [H,W,3] uint8
    return _encoded(Image.fromarray(codes), "JPEG", quality=QUALITY, subsampling=0)


def _encoded(image: Image.Image, kind: str, **settings: int) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **settings)
    return out.getvalue()


def _save(path: Path, data: bytes) -> None:
    with atomic_write(path) as beside:
        beside.write_bytes(data)
