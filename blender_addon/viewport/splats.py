# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads as splats in the 3D view, where Blender does not draw splats itself (before 5.3).

A preview: the SH DC colour alone, blended back to front in the view's own space; a render is exact.
The Gaussians are in a data texture (4 texels each), a draw is one indexed batch of quads, sorted again only when the
head or the view has moved. Never draws while rendering.

    cov2 = J V R S S R' V' J' + 0.3 I    EWA splatting (Zwicker et al. 2001), 0.3 px low-pass as 3DGS does;
                                         the quad spans three sigmas along its eigenvectors
The stubs of `gpu` know no constructors: what is ignored below is that.
Letters: N Gaussians, V the head-to-view rotation, J the projection's Jacobian in pixels.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeVar

import gpu
import numpy as np
from mathutils import Matrix

from ...core.formats import SH_C0, Gaussians
from ...core.performance import Frame
from . import shader

COLUMNS = 1024  # Gaussians a row of the texture
MAX_KEPT = 16  # heads, and orders of heads in views: about 2 MB each


@dataclass
class SortedQuads:
    """The order in which one view draws one head."""

    frame: Frame  # the very arrays it was made of
    direction: tuple[float, ...]  # of the view
    batch: gpu.types.GPUBatch


class SplatDrawer:
    """Draws heads; keeps the most recently drawn ones on the graphics card."""

    def __init__(self) -> None:
        self._tables: OrderedDict[int, tuple[Frame, gpu.types.GPUTexture]] = OrderedDict()  # by cloud
        self._quads: OrderedDict[tuple[Hashable, int], SortedQuads] = OrderedDict()  # by view and cloud

    def draw(
        self,
        uid: int,
        frame: Frame,
        canonical: Gaussians,
        head_to_world: Matrix,
        linear: bool = False,
        view_key: Hashable = 0,
    ) -> None:
        """One head at one moment into the current view.

        uid: the cloud's session number; view_key: tells views and places of the head apart, each has its own order.
        linear: the target turns light into sRGB itself, as Blender's 3D view does; blending then happens in light,
        which is right for a head whose card says so (`blend`), and brightens soft edges of others a little.
        """
        view = gpu.matrix.get_model_view_matrix() @ head_to_world
        batch = self._sorted(view_key, uid, frame, tuple(np.array(view)[2, :3].tolist()))
        size = gpu.state.viewport_get()[2:]  # pyright: ignore[reportOptionalSubscript]  (x, y, width, height)
        shader.bind(view, gpu.matrix.get_projection_matrix(), size, self._table(uid, frame, canonical), linear)
        gpu.state.blend_set("ALPHA_PREMULT")
        gpu.state.depth_test_set("LESS_EQUAL")
        # A quad has the depth of its centre and nearer ones come later: writing depth hides none of them.
        gpu.state.depth_mask_set(True)
        batch.draw(shader.splat_shader())
        gpu.state.depth_mask_set(False)
        gpu.state.depth_test_set("NONE")
        gpu.state.blend_set("NONE")

    def _table(self, uid: int, frame: Frame, canonical: Gaussians) -> gpu.types.GPUTexture:
        """The head's Gaussians on the graphics card."""
        kept = self._tables.pop(uid, None)
        if kept is None or kept[0] is not frame:
            kept = frame, gaussian_texture(frame, canonical)
        _keep(self._tables, uid, kept)
        return kept[1]

    def _sorted(self, view_key: Hashable, uid: int, frame: Frame, direction: tuple[float, ...]) -> gpu.types.GPUBatch:
        """The head's quads, farthest first in that direction (head space)."""
        kept = self._quads.pop((view_key, uid), None)
        if kept is None or kept.frame is not frame or kept.direction != direction:
            kept = SortedQuads(frame, direction, sorted_batch(frame.means, direction))
        _keep(self._quads, (view_key, uid), kept)
        return kept.batch

    def clear(self) -> None:
        """Free what was uploaded."""
        self._tables.clear()
        self._quads.clear()


K, V = TypeVar("K"), TypeVar("V")


def _keep(entries: OrderedDict[K, V], key: K, value: V) -> None:
    """Deleted heads and closed views leave their entries to those that are drawn."""
    entries[key] = value
    while len(entries) > MAX_KEPT:
        entries.popitem(last=False)


def gaussian_texture(frame: Frame, canonical: Gaussians) -> gpu.types.GPUTexture:
    """Four RGBA32F texels a Gaussian: mean + opacity, rotation wxyz, scale, colour."""
    n = len(frame.means)
    rows = max(-(-n // COLUMNS), 1)
    texels = np.zeros((rows * COLUMNS, 4, 4), dtype=np.float32)
    texels[:n, 0, :3], texels[:n, 0, 3] = frame.means, canonical.opacities
    texels[:n, 1] = frame.quats
    texels[:n, 2, :3] = frame.scales
    texels[:n, 3, :3] = np.clip(SH_C0 * canonical.sh0 + 0.5, 0, 1)
    data = gpu.types.Buffer("FLOAT", texels.size, texels.ravel())  # pyright: ignore[reportCallIssue]
    size = (4 * COLUMNS, rows)
    return gpu.types.GPUTexture(size, format="RGBA32F", data=data)  # pyright: ignore[reportCallIssue]


def sorted_batch(means: np.ndarray, direction: tuple[float, ...]) -> gpu.types.GPUBatch:
    """Two triangles a Gaussian, the farthest first. The view looks along -Z: the farthest has the least z."""
    order = np.argsort(means @ np.asarray(direction, np.float32)).astype(np.int32)
    corners = gpu.types.GPUVertBuf(shader.vertex_format(), 4 * len(order))  # pyright: ignore[reportCallIssue]
    corners.attr_fill("splat", np.repeat(order, 4))  # pyright: ignore[reportArgumentType]
    first = np.arange(0, 4 * len(order), 4)[:, None]
    triangles = (first + np.array([0, 1, 2, 0, 2, 3])).reshape(-1, 3).astype(np.uint32)
    indices = gpu.types.GPUIndexBuf(type="TRIS", seq=triangles)  # pyright: ignore[reportCallIssue]
    return gpu.types.GPUBatch(type="TRIS", buf=corners, elem=indices)  # pyright: ignore[reportCallIssue]
