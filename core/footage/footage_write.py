# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage being written, file by file, each whole or not there. `footage.json` comes last: without it nothing opens.

Letters: F pictures, T model frames of a clip, E expression channels, H W the picture's size.
"""

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from ..formats import atomic_write
from .footage import DEPTH_STEP, FOOTAGE_VERSION

SQUEEZE = 2  # zlib's level: pictures of real film hardly shrink further


def picture_files(out: Path, i: int) -> dict[str, Path]:
    """Where picture i, its label and its depth lie."""
    return {kind: out / kind / f"{i:06d}.png" for kind in ("image", "label", "depth")}


def write_picture(
    out: Path,
    i: int,
    rgba: np.ndarray,  # [H,W,4] uint8, straight alpha
    label: np.ndarray,  # [H,W] uint8: 0 background, 1 face, 2 inside mouth
    depth: np.ndarray | None = None,  # [H,W] metres along z, 0 = nothing there
) -> None:
    """The image comes last: where it lies, its label and depth do."""
    files = picture_files(out, i)
    if depth is not None:
        levels = np.clip(np.rint(depth / DEPTH_STEP), 0, 65535).astype(np.uint16)
        _write_png(files["depth"], levels)
    _write_png(files["label"], label)
    _write_png(files["image"], rgba)


def _write_png(path: Path, values: np.ndarray) -> None:
    with atomic_write(path) as beside:
        Image.fromarray(values).save(beside, compress_level=SQUEEZE)


def write_track(
    out: Path,
    name: str,
    time: np.ndarray,  # [T] seconds on the clip's sound
    landmarks: np.ndarray,  # [T,68,3] metres, head space
    expression: np.ndarray,  # [T,E]
    **more: np.ndarray,  # further arrays that readers may ignore
) -> None:
    with atomic_write(out / "tracks" / f"{name}.npz") as beside:
        np.savez_compressed(
            beside,
            time=time.astype(np.float64),
            landmarks=landmarks.astype(np.float32),
            expression=expression.astype(np.float32),
            **more,
        )


def write_table(
    out: Path,
    clip: np.ndarray,  # [F] index into the card's clips
    time: np.ndarray,  # [F] seconds on the clip's sound
    split: np.ndarray,  # [F] SPLITS
    viewmat: np.ndarray,  # [F,4,4] head space -> OpenCV camera
    K: np.ndarray,  # [F,3,3] pixels
    landmarks2d: np.ndarray,  # [F,68,2] pixels
    expression: np.ndarray,  # [F,E]
) -> None:
    """frames.npz."""
    with atomic_write(out / "frames.npz") as beside:
        np.savez_compressed(
            beside,
            clip=clip.astype(np.int32),
            time=time.astype(np.float64),
            split=split.astype(np.uint8),
            viewmat=viewmat.astype(np.float64),
            K=K.astype(np.float64),
            landmarks2d=landmarks2d.astype(np.float32),
            expression=expression.astype(np.float32),
        )


def write_card(
    out: Path,
    name: str,
    rate: Fraction,
    size: tuple[int, int],  # width, height
    expression_names: Sequence[str],
    clips: Sequence[tuple[str, str]],  # name, "train" or "test"
    licence: str,
    provenance: str,
) -> None:
    """footage.json."""
    card = {
        "format": "talksplat footage",
        "version": FOOTAGE_VERSION,
        "name": name,
        "rate": f"{rate.numerator}/{rate.denominator}",
        "width": size[0],
        "height": size[1],
        "colour_space": "srgb_rec709_display",
        "expression_names": list(expression_names),
        "clips": [{"name": clip, "audio": f"audio/{clip}.wav", "split": split} for clip, split in clips],
        "licence": licence,
        "provenance": provenance,
    }
    with atomic_write(out / "footage.json") as beside:
        beside.write_text(json.dumps(card, indent=1), encoding="utf-8")
