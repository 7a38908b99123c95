# SPDX-License-Identifier: GPL-3.0-or-later
"""The surface where a field on a grid is zero, as quads: naive surface nets (Gibson, "Constrained elastic surface
nets", 1998), a vertex in each cell that the surface crosses, at the mean of its crossings of the cell's edges.

Letters: X, Y, Z points along each axis; V vertices, F faces.
"""

import numpy as np


def surface_nets(field: np.ndarray, axes: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(vertices [V,3] float64 in the axes' unit, quads [F,4] int64 that face where the field [X,Y,Z] is positive).

    The grid's spacing may differ from step to step. Closed where the field's border is positive: each edge belongs to
    an even number of faces.
    """
    inside = field < 0
    total = np.zeros((*(n - 1 for n in field.shape), 3))
    count = np.zeros(total.shape[:3], np.int32)
    for axis in range(3):
        at = np.stack(np.nonzero(_crossed(inside, axis)), axis=1)  # the edge's first point
        points = _crossings(field, axes, axis, at)
        for cell in _cells_around(at, axis):
            np.add.at(total, tuple(cell.T), points)
            np.add.at(count, tuple(cell.T), 1)
    used = count > 0
    number = np.full(count.shape, -1)
    number[used] = np.arange(used.sum())
    vertices = total[used] / count[used][:, None]
    return vertices, np.concatenate([_quads(inside, number, axis) for axis in range(3)])


def _crossed(inside: np.ndarray, axis: int) -> np.ndarray:
    first, second = (np.take(inside, range(k, inside.shape[axis] - 1 + k), axis) for k in (0, 1))
    return first != second


def _crossings(
    field: np.ndarray, axes: tuple[np.ndarray, np.ndarray, np.ndarray], axis: int, at: np.ndarray
) -> np.ndarray:
    """[E,3]: where the field is zero on the edges that start at the grid points `at` [E,3]."""
    end = at + np.eye(3, dtype=int)[axis]
    first, second = field[tuple(at.T)].astype(np.float64), field[tuple(end.T)].astype(np.float64)
    points = np.stack([axes[k][at[:, k]] for k in range(3)], axis=1)
    step = axes[axis][end[:, axis]] - axes[axis][at[:, axis]]
    points[:, axis] += step * first / (first - second)
    return points


def _cells_around(at: np.ndarray, axis: int) -> list[np.ndarray]:
    """The four cells of each edge, in turn around it: with the axis to the viewer, counter-clockwise."""
    u, v = np.eye(3, dtype=int)[[(axis + 1) % 3, (axis + 2) % 3]]
    return [at - u - v, at - v, at, at - u]


def _quads(inside: np.ndarray, number: np.ndarray, axis: int) -> np.ndarray:
    at = np.stack(np.nonzero(_crossed(inside, axis)), axis=1)
    quads = np.stack([number[tuple(cell.T)] for cell in _cells_around(at, axis)], axis=1)
    faces_along = inside[tuple(at.T)]  # inside first: the outside is along the axis
    return np.where(faces_along[:, None], quads, quads[:, ::-1])
