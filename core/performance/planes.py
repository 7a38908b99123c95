# SPDX-License-Identifier: GPL-3.0-or-later
"""The tri-plane encoding in numpy, computed once when a head is loaded. The twin of `deformation/triplane.py`, which
documents the layout. Knows no network.

Letters: M points inside the bounds, L levels, T rows of one plane's table.
"""

import numpy as np

from .branch_settings import BranchSettings

PLANES = ((0, 1), (1, 2), (0, 2))  # the tri-plane's axes, xy yz xz: the first of a pair is the fast index


def to_unit_cube(means: np.ndarray, settings: BranchSettings) -> np.ndarray:
    """Positions [N,3] metres, float32 -> relative to the bounds, [N,3] float32, 0..1 inside. Rounded as the torch field
    rounds, so that both agree on what is inside."""
    centre = np.asarray(settings.centre, np.float32)
    return (means - centre) * np.float32(0.5 / settings.half_extent) + np.float32(0.5)


def inside_unit_cube(x01: np.ndarray) -> np.ndarray:
    """[N,3] -> [N] bool."""
    return ((x01 >= 0) & (x01 <= 1)).all(1)


def encode(x01: np.ndarray, tables: np.ndarray, settings: BranchSettings) -> np.ndarray:
    """Positions x01 [M,3] float32, all inside, and tables [3,T] -> bilinear features, channel-major: [3L,M] float32."""
    out = np.empty((settings.spatial, len(x01)), np.float32)
    for plane, (a, b) in enumerate(PLANES):
        for number, level in enumerate(settings.level_table()):
            position = x01[:, (a, b)] * np.float32(level.scale) + np.float32(0.5)
            cell = position.astype(np.int64)
            u, v = (position - cell.astype(np.float32)).T
            nodes = tables[plane, level.first : level.first + level.rows]
            row = cell[:, 0] + cell[:, 1] * level.nodes
            low = nodes[row] * (1 - u) + nodes[row + 1] * u
            high = nodes[row + level.nodes] * (1 - u) + nodes[row + level.nodes + 1] * u
            out[plane * settings.levels + number] = low * (1 - v) + high * v
    return out
