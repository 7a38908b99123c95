# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig of given shapes, such as ARKit's: a channel a shape, by its own name; 1 is all of it.

Letters: K shapes, N Gaussians, M of them that a shape moves.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..formats import RIG_NUMBERS, HeadFile, Rig, RigCard, RigChannel, RigDrive, RigMoves, RigRegion, with_rig
from ..performance import rest_condition
from ..rigging import choose_samples, least_squares

REGION = "shapes"
STILL = 1e-3  # mm: a Gaussian that no shape moves further stays


def with_shape_rig(
    head: HeadFile,
    shapes: Mapping[str, np.ndarray],  # name -> [N,3] metres at full weight
    drive: Callable[[Sequence[str]], RigDrive | None],  # of channels, by their names
) -> HeadFile:
    """The head with a rig that adds `shapes`. Those that move nothing are left out; where none moves anything the head
    is as it was. Raises UserError for names that a channel cannot have."""
    moves = {name: 1000 * np.asarray(shape, np.float32).T for name, shape in sorted(shapes.items())}  # [3,N] mm
    moves = {name: move for name, move in moves.items() if np.abs(move).max(initial=0) > STILL}
    rest = rest_condition(head)
    if not moves or rest is None:
        return head
    joined = np.stack(list(moves.values()))  # [K,3,N]
    rows = np.flatnonzero(np.abs(joined).max(axis=(0, 1)) > STILL)
    joined = joined[:, :, rows]
    table = np.zeros((len(joined), RIG_NUMBERS, len(rows)), np.float32)
    table[:, :3] = joined
    chosen = choose_samples(table / np.linalg.norm(table.reshape(len(table), -1), axis=1)[:, None, None])
    solve = least_squares(table[:, :, chosen], np.ones((RIG_NUMBERS, len(chosen)), np.float32))
    region = RigRegion(rows[chosen], solve.astype(np.float32), {"face": RigMoves(rows, joined.astype(np.float16))})
    channels = tuple(RigChannel(name, REGION, 0.0, 1.0) for name in moves)
    return with_rig(head, Rig(RigCard(channels, 0.0), dict(rest.audio), {REGION: region}, drive(list(moves))))
