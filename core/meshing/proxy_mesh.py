# SPDX-License-Identifier: GPL-3.0-or-later
"""From a head to its proxy mesh. Deterministic. Letters: V vertices."""

from collections.abc import Generator, Sequence

import numpy as np

from ..formats import HeadFile, QuadMesh, UserError
from ..jobs import Progress
from ..performance import Frame, HeadReplay, rest_condition
from .clean_mesh import largest_part, smoothed
from .depth_hull import depth_hull
from .depth_views import DepthView, depth_views
from .surface_nets import surface_nets

PAD = 3  # cells around the head
MAX_POINTS = 20_000_000  # of the grid, several float32 each: a spacing that asks for more is a slip
# Of the head's own landmarks, iBUG's: the brows' outer ends, the nose's tip, the mouth's corners, the chin.
FACE_LANDMARKS = (17, 26, 30, 48, 54, 8)
MARGIN = 0.012  # metres that the finer grid goes beyond them


def make_proxy_mesh(head: HeadFile, spacing: float) -> Generator[Progress, None, QuadMesh]:
    """The surface of the head at rest, closed and in one connected part, head space.

    spacing: metres between vertices, half as much in the face. Raises UserError for a head of which nothing is opaque.
    """
    replay = HeadReplay(head)
    views = yield from depth_views(rest_frame(head, replay), replay.replay.canonical)
    axes = grid_axes(views, head, spacing)
    field = yield from depth_hull(views, axes)
    vertices, quads = surface_nets(field, axes)
    if not len(quads):
        raise UserError(f"{head.source}: the head is thinner than the spacing; give a smaller one.")
    vertices, quads = largest_part(vertices, quads)
    return QuadMesh(smoothed(vertices, quads).astype(np.float32), quads.astype(np.int32))


def rest_frame(head: HeadFile, replay: HeadReplay) -> Frame:
    """The head in the pose of zeros: the rig's, else in silence, else as it was trained."""
    if replay.rig is not None:
        return replay.rig.frame()
    condition = rest_condition(head)
    return replay.replay.frame() if condition is None else replay.replay.at(condition)


def grid_axes(views: Sequence[DepthView], head: HeadFile, spacing: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The grid's coordinates along x, y and z, metres: `spacing` apart, half as much across the face.

    Raises UserError where nothing is seen, or too much for a grid."""
    points = np.concatenate([_surface_points(view) for view in views])
    if not len(points):
        raise UserError(f"{head.source}: nothing of the head is opaque, so it has no surface; train it again.")
    low, high = np.percentile(points, (0.05, 99.95), axis=0)
    if np.prod((high - low) / spacing + 2 * PAD) > MAX_POINTS:
        raise UserError(f"{head.source}: the head is too large for this spacing; give a larger one.")
    landmarks = np.asarray(head.card.training.get("landmarks", ()), dtype=np.float64)
    has_face = landmarks.shape == (68, 3)
    face = landmarks[list(FACE_LANDMARKS)] if has_face else np.empty((0, 3))
    x, y, z = (_steps(low[k], high[k], spacing, face[:, k]) for k in range(3))
    return x, y, z


def _steps(low: float, high: float, spacing: float, fine: np.ndarray) -> np.ndarray:
    """Rising from below `low` to above `high`; half a spacing apart around the values `fine`."""
    start, stop = low - PAD * spacing, high + PAD * spacing
    near = max(fine.min() - MARGIN, low) if len(fine) else stop
    count = int((min(fine.max() + MARGIN, high) - near) / (spacing / 2)) if len(fine) else 0
    if count <= 0:
        return np.arange(start, stop, spacing)
    across = near + spacing / 2 * np.arange(count + 1)
    before, after = np.arange(near - spacing, start, -spacing)[::-1], np.arange(across[-1] + spacing, stop, spacing)
    return np.concatenate([before, across, after])


def _surface_points(view: DepthView) -> np.ndarray:
    """[P,3]: what the camera sees, head space."""
    camera = view.camera
    v, u = np.nonzero((view.depth > 0) & (view.depth < camera.far))
    depth = view.depth[v, u]
    seen = np.stack([(u + 0.5 - camera.cx) / camera.fx, (v + 0.5 - camera.cy) / camera.fy, depth], axis=1)
    return (seen - camera.matrix[:3, 3]) @ camera.matrix[:3, :3]
