# SPDX-License-Identifier: GPL-3.0-or-later
"""GaussianTalker (ACM MM 2024): a folder `point_cloud/iteration_N` with `point_cloud.ply`, a 3DGS PLY of the head at
rest, and `deformation.pth`, the networks that move it. Space: the face model's, Y up, looking along +Z, decimetres.

The networks stay behind: they hear features of DeepSpeech, and ask for the camera of a training picture as well.
"""

from pathlib import Path
from typing import Any

from ..formats import RUB_TO_BLENDER, UserError, read_ply, rotate_gaussians
from .imported import NO_NETWORKS, Imported, in_metres

SPLATS, NETWORKS = "point_cloud.ply", "deformation.pth"
UNIT = 0.1  # metres; TalkingGaussian divides the tracked distances by ten, GaussianTalker does not
NETWORK = "deformation_net."  # how the names of its tensors begin


def is_gaussian_talker(values: Any) -> bool:
    """Whether the values of a checkpoint are GaussianTalker's networks."""
    return isinstance(values, dict) and any(isinstance(key, str) and key.startswith(NETWORK) for key in values)


def read_gaussian_talker(path: Path, _axes: str = "") -> Imported:
    """Of the folder, or of one of its two files. Raises UserError."""
    folder = path if path.is_dir() else path.parent
    splats = folder / SPLATS
    if not splats.is_file():
        raise UserError(f"{path}: holds GaussianTalker's networks alone; put {SPLATS} of the same folder beside it.")
    gaussians = rotate_gaussians(in_metres(read_ply(splats, "blender"), UNIT), RUB_TO_BLENDER)
    return Imported(gaussians, "GaussianTalker head", left_out=(f"{path.name}: {NO_NETWORKS}",))
