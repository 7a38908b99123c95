# SPDX-License-Identifier: GPL-3.0-or-later
"""What hides the head from a render: the depth of other things in the scene, as an EXR sequence with a frame's number
in its name. The head is cut where they are nearer, splat by splat, so that their edges stay as clean as they are.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..formats import Camera, UserError, format_frames, sha256_of_file
from ..interchange import ExrDepth
from ..jobs import Render, numbered_file
from ..raster import limit_of_window
from .picture_window import Margin, without_margin

MOST_SAMPLES = 16  # a pixel and side


def planned_holdout(job: Render, cameras: dict[int, Camera], frames: Sequence[int], margin: Margin) -> dict[int, Path]:
    """Frame -> its file, all of which are there and fit the picture; {} without a holdout. Raises UserError."""
    if not job.holdout:
        return {}
    files = {frame: numbered_file(job.holdout, frame) for frame in frames}
    if missing := [frame for frame, path in files.items() if not path.is_file()]:
        raise UserError(
            f"{job.holdout}: frames {format_frames(missing)} are missing; render their depth, or fewer frames."
        )
    for frame, path in files.items():
        _samples_of(ExrDepth.of(path), without_margin(cameras[frame], margin))
    return files


def samples_of_holdout(job: Render, files: dict[int, Path], camera: Camera) -> int:
    """How many samples a pixel and side the depths have: with fewer, their edges would be coarser than they are."""
    if not files or job.supersampling != "auto":
        return 1
    return _samples_of(ExrDepth.of(next(iter(files.values()))), camera)


def _samples_of(depth: ExrDepth, camera: Camera) -> int:
    samples = depth.width // camera.width
    if not 1 <= samples <= MOST_SAMPLES or (depth.width, depth.height) != (
        samples * camera.width,
        samples * camera.height,
    ):
        raise UserError(
            f"{depth.path}: has {depth.width}x{depth.height} pixels, the picture {camera.width}x{camera.height}; "
            "render the depth at the picture's size, or at two, three or four times it."
        )
    return samples


def key_of_holdout(files: dict[int, Path], frame: int) -> tuple[str, ...]:
    """What the key of a picture says of its holdout."""
    return (sha256_of_file(files[frame]),) if files else ()


def far_limit(path: Path, camera: Camera, margin: Margin) -> np.ndarray:
    """[h,w] float32 for `Supersampler` and `rasterize`, overscan included. Raises UserError."""
    depth, shown = ExrDepth.of(path), without_margin(camera, margin)
    samples, values = _samples_of(depth, shown), depth.read()
    if margin == (0, 0):
        return values
    across, down = (samples * side for side in margin)
    whole = Camera(depth.width, depth.height, 1, 1, 0, 0, np.eye(4).tolist())
    return limit_of_window(values, whole, (-across, -down, depth.width + across, depth.height + down))
