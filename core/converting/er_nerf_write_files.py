# SPDX-License-Identifier: GPL-3.0-or-later
"""The single files of a TalkingGaussian / ER-NeRF dataset folder, written from our footage, each complete or not there.

`order` [F] are the numbers of the pictures to write, in the order of their new numbers.
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from ..audio import Sound, load_sound, write_wav
from ..footage import LABEL_BACKGROUND, LABEL_FACE, LABEL_MOUTH, Footage
from ..formats import atomic_write
from .action_units import action_units_from_expression
from .er_nerf_layout import RATE, SAMPLES
from .er_nerf_parsing import parsing_from_labels

GREY = 128  # of the backdrop
JPEG_QUALITY = 97


def write_sound(footage: Footage, order: np.ndarray, out: Path) -> np.ndarray:
    """Write aud.wav, the joined sound; returns [F] int64, each picture's 25th of a second in it, none
    negative in its clip. Raises UserError."""
    picture_ids = np.rint(footage.time[order] * RATE).astype(np.int64)
    clips = footage.clip[order].tolist()
    first, parts, length = {}, [], 0
    for clip in dict.fromkeys(footage.clip[order[np.argsort(footage.split[order], kind="stable")]].tolist()):
        samples = load_sound(footage.clips[clip].audio).samples
        own_ids = picture_ids[footage.clip[order] == clip]
        pictures = max(-(-len(samples) // SAMPLES), int(own_ids.max()) + 1)
        first[clip] = length
        length += pictures
        parts.append(np.pad(samples, (0, pictures * SAMPLES - len(samples))))
    write_wav(out / "aud.wav", Sound(np.concatenate(parts)))
    return np.array([first[clip] for clip in clips]) + picture_ids


def write_picture_files(footage: Footage, i: int, number: int, out: Path) -> None:
    """Write picture i of the footage as picture `number`, unless its last file, the teeth mask, is there."""
    teeth_mask = out / "teeth_mask" / f"{number}.npy"
    if teeth_mask.is_file():
        return
    image, label = footage.stored_picture(i)
    alpha = image[..., 3:].astype(np.float32) / 255
    composite = np.rint(image[..., :3] * alpha + GREY * (1 - alpha)).astype(np.uint8)
    for folder in ("gt_imgs", "ori_imgs"):
        write_file(out / folder / f"{number}.jpg", _encode_jpeg(composite))
    lines = "".join(f"{x:.6f} {y:.6f}\n" for x, y in footage.landmarks2d[i])
    write_file(out / "ori_imgs" / f"{number}.lms", lines.encode())
    part = np.where(label == LABEL_MOUTH, LABEL_MOUTH, LABEL_FACE)
    labels = np.where(alpha[..., 0] < 0.5, LABEL_BACKGROUND, part)  # as Picture.label has it
    write_file(out / "parsing" / f"{number}.png", _encode_image(Image.fromarray(parsing_from_labels(labels)), "PNG"))
    clear = Image.new("RGBA", footage.full_size)
    write_file(out / "torso_imgs" / f"{number}.png", _encode_image(clear, "PNG"))
    mask = io.BytesIO()
    np.save(mask, np.zeros(label.shape, bool), allow_pickle=False)
    write_file(teeth_mask, mask.getvalue())


def write_backdrop(footage: Footage, out: Path) -> None:
    """Write bc.jpg, plain grey."""
    width, height = footage.full_size
    write_file(out / "bc.jpg", _encode_jpeg(np.full((height, width, 3), GREY, np.uint8)))


def write_action_units(footage: Footage, order: np.ndarray, out: Path) -> None:
    """Write au.csv: OpenFace's columns, a leading blank in every name but the first as its 2.x writes them."""
    units = action_units_from_expression(
        footage.expression[order], footage.expression_names, footage.landmarks2d[order]
    )
    rows = [", ".join(["frame", "face_id", "timestamp", "confidence", "success", *units])]
    for k in range(len(order)):
        values = ", ".join(f"{units[name][k]:.4f}" for name in units)
        rows.append(f"{k + 1}, 0, {k / RATE:.3f}, 1.00, 1, {values}")
    write_file(out / "au.csv", ("\n".join(rows) + "\n").encode())


def write_file(path: Path, data: bytes) -> None:
    """Write `data` atomically."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)


def _encode_jpeg(rgb: np.ndarray) -> bytes:  # [H,W,3] uint8
    return _encode_image(Image.fromarray(rgb), "JPEG", quality=JPEG_QUALITY, subsampling=0)


def _encode_image(image: Image.Image, file_format: str, **settings: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **settings)
    return buffer.getvalue()
