# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig's moves as attributes of its cloud, for the node group of `rig_nodes`.

A Gaussian belongs to one region at most, so the regions share attributes: number i holds the i-th channel of whichever
region the Gaussian is in. Letters: N points, K channels of a region.
"""

from collections.abc import Iterator

import bpy
import numpy as np

from ...core.formats import Rig
from .attributes import AttributeColumn, write_attribute

REGION = "rig:region"  # 0: no region moves it; else the region's number, from 1
KINDS = ("position", "rotation", "scale")  # metres, Gibbs vector, log of the ratio; per mm of a channel


def move_name(kind: str, slot: int) -> str:
    """The attribute with what the slot's channel does."""
    return f"rig:{kind}_{slot + 1}"


def write_moves(cloud: bpy.types.PointCloud, rig: Rig) -> None:
    """Put the rig's moves into its head's cloud."""
    for column in _columns(rig, len(cloud.points)):
        write_attribute(cloud, column)


def moves_bytes(rig: Rig, count: int) -> int:
    """The size of what `write_moves` writes into a cloud of `count` points."""
    return count * (4 + 36 * max(len(part.solve) for part in rig.regions.values()))


def _columns(rig: Rig, count: int) -> Iterator[AttributeColumn]:
    regions = list(enumerate(rig.regions.values(), 1))
    region = np.zeros(count, np.float32)
    for number, part in regions:
        for moves in part.branches.values():
            region[moves.rows] = number
    yield AttributeColumn(REGION, "FLOAT", region)
    slots = max(len(part.solve) for _, part in regions)
    for slot in range(slots):
        table = np.zeros((count, 9), np.float32)
        for _, part in regions:
            for moves in part.branches.values() if slot < len(part.solve) else ():
                table[moves.rows, : moves.moves.shape[1]] = moves.moves[slot].T
        table[:, :3] /= 1000
        for kind, values in zip(KINDS, np.split(table, 3, axis=1)):
            yield AttributeColumn(move_name(kind, slot), "FLOAT_VECTOR", values)
