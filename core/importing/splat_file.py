# SPDX-License-Identifier: GPL-3.0-or-later
"""A `.splat` (antimatter15's web viewer): 32 bytes a Gaussian and nothing else.

Read from the viewer's description of its format (github.com/antimatter15/splat, MIT): position and sigma as three
float32 each, colour and opacity as four bytes, a quaternion w,x,y,z as four bytes, (byte - 128) / 128. No spherical
harmonics. Axes: those of the PLY that it was made of, so "rdf" unless said otherwise.
"""

from pathlib import Path

import numpy as np

from ..formats import SH_C0, Gaussians, UserError, open_untrusted
from .imported import Imported, nonzero_scales, to_blender

ROW = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("colour", "u1", 4), ("quat", "u1", 4)])


def read_splat(path: Path, axes: str) -> Imported:
    """Raises UserError."""
    with open_untrusted(path) as (file, size):
        if size % ROW.itemsize:
            raise UserError(f"{path}: is cut short, or no .splat file; copy it again, or export it as 3DGS PLY.")
        rows = np.frombuffer(file.read(size), ROW)
        return Imported(to_blender(_gaussians(rows, path), axes or "rdf"))


def _gaussians(rows: np.ndarray, path: Path) -> Gaussians:
    colour = rows["colour"].astype(np.float32) / 255
    return Gaussians.checked(
        str(path),
        means=rows["mean"],
        quats=(rows["quat"].astype(np.float32) - 128) / 128,
        scales=nonzero_scales(rows["scale"]),
        opacities=colour[:, 3],
        sh0=(colour[:, :3] - 0.5) / SH_C0,
        shN=np.zeros((len(rows), 0, 3)),
    )
