# SPDX-License-Identifier: GPL-3.0-or-later
"""Write footage file by file, each complete or not there; `footage.json` (footage_card.py) comes last.

Letters: F pictures, T model frames of a clip, E expression channels, H W the picture's size.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ..formats import atomic_write
from .footage import DEPTH_STEP

PNG_LEVEL = 2  # zlib's compression level: pictures of real film hardly become smaller above it


def picture_paths(out: Path, i: int) -> dict[str, Path]:
    """The files of picture i in the folder `out`: "image", "label" and "depth"."""
    return {kind: out / kind / f"{i:06d}.png" for kind in ("image", "label", "depth")}


def write_footage_picture(
    out: Path,
    i: int,
    rgba: np.ndarray,  # [H,W,4] uint8, straight alpha
    label: np.ndarray,  # [H,W] uint8: LABEL_BACKGROUND, LABEL_FACE or LABEL_MOUTH
    depth: np.ndarray | None = None,  # [H,W] metres along z, 0 = nothing there
) -> None:
    """Write picture i; its image comes last, so where that is there, label and depth are too."""
    paths = picture_paths(out, i)
    if depth is not None:
        levels = np.clip(np.rint(depth / DEPTH_STEP), 0, 65535).astype(np.uint16)
        _write_png(paths["depth"], levels)
    _write_png(paths["label"], label)
    _write_png(paths["image"], rgba)


def _write_png(path: Path, values: np.ndarray) -> None:
    with atomic_write(path) as temporary:
        Image.fromarray(values).save(temporary, compress_level=PNG_LEVEL)


def write_clip_track(
    out: Path,
    name: str,
    time: np.ndarray,  # [T] seconds on the clip's sound
    landmarks: np.ndarray,  # [T,68,3] metres, head space
    expression: np.ndarray,  # [T,E]
    **extra: np.ndarray,  # further arrays; `Footage` ignores them
) -> None:
    """Write tracks/NAME.npz: what a clip's face does at every model frame."""
    with atomic_write(out / "tracks" / f"{name}.npz") as temporary:
        np.savez_compressed(
            temporary,
            time=time.astype(np.float64),
            landmarks=landmarks.astype(np.float32),
            expression=expression.astype(np.float32),
            **extra,
        )


def write_frame_table(
    out: Path,
    clip: np.ndarray,  # [F] index into the card's clips
    time: np.ndarray,  # [F] seconds on the clip's sound
    split: np.ndarray,  # [F] values of SPLIT_CODES
    viewmat: np.ndarray,  # [F,4,4] head space -> OpenCV camera
    K: np.ndarray,  # [F,3,3] pixels
    landmarks2d: np.ndarray,  # [F,68,2] pixels
    expression: np.ndarray,  # [F,E]
) -> None:
    """Write frames.npz: clip, moment, camera, landmarks and expression of every picture."""
    with atomic_write(out / "frames.npz") as temporary:
        np.savez_compressed(
            temporary,
            clip=clip.astype(np.int32),
            time=time.astype(np.float64),
            split=split.astype(np.uint8),
            viewmat=viewmat.astype(np.float64),
            K=K.astype(np.float64),
            landmarks2d=landmarks2d.astype(np.float32),
            expression=expression.astype(np.float32),
        )
