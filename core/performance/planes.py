# SPDX-License-Identifier: GPL-3.0-or-later
"""The tri-plane encoding in numpy, for the one time a head is loaded. The twin of `deformation/triplane.py`,
which documents the layout; knows no network.

Letters: M points inside the bounds, L levels, T rows of one plane's table.
"""

import numpy as np

from .branch_settings import BranchSettings

PLANES = ((0, 1), (1, 2), (0, 2))  # xy yz xz: the first axis of a pair is the fast index


def unit(means: np.ndarray, settings: BranchSettings) -> np.ndarray:  # [N,3] metres, float32
    """Positions relative to the bounds, [N,3] float32, 0..1 inside; the same roundings as the torch field,
    so that both agree on what is inside."""
    centre = np.asarray(settings.centre, np.float32)
    return (means - centre) * np.float32(0.5 / settings.half_extent) + np.float32(0.5)


def inside(x01: np.ndarray) -> np.ndarray:  # [N,3] -> [N] bool
    return ((x01 >= 0) & (x01 <= 1)).all(1)


def encode(
    x01: np.ndarray,  # [M,3] float32, all inside
    tables: np.ndarray,  # [3,T]
    settings: BranchSettings,
) -> np.ndarray:
    """Features, channel-major: [3L,M] float32."""
    out = np.empty((settings.spatial, len(x01)), np.float32)
    for plane, (a, b) in enumerate(PLANES):
        for number, level in enumerate(settings.level_table()):
            at = x01[:, (a, b)] * np.float32(level.scale) + np.float32(0.5)
            cell = at.astype(np.int64)
            u, v = (at - cell.astype(np.float32)).T
            corner = tables[plane, level.first : level.first + level.rows]
            row = cell[:, 0] + cell[:, 1] * level.nodes
            low = corner[row] * (1 - u) + corner[row + 1] * u
            high = corner[row + level.nodes] * (1 - u) + corner[row + level.nodes + 1] * u
            out[plane * settings.levels + number] = low * (1 - v) + high * v
    return out
