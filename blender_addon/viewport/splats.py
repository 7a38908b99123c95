# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads as splats in the 3D view, where Blender does not draw splats itself (before 5.3).

A preview: the SH DC colour alone, blended back to front in the view's own space; plates are exact.
The Gaussians lie in a data texture (4 texels each), a draw is one indexed batch of quads, and the order is
sorted again only when the head or the view has moved. Never draws while rendering.

    cov2 = J V R S S R' V' J' + 0.3 I    EWA splatting (Zwicker et al. 2001), 0.3 px low-pass as 3DGS does;
                                         the quad spans three sigmas along its eigenvectors
Letters: N Gaussians, V the head-to-view rotation, J the projection's Jacobian in pixels.
"""

from dataclasses import dataclass

import bpy
import gpu
import numpy as np
from mathutils import Matrix

from ...core.formats import SH_C0, Gaussians
from ...core.performance import Frame
from . import shader

COLUMNS = 1024  # Gaussians a row of the texture


@dataclass
class Drawn:
    """What lies on the graphics card for one head."""

    frame: Frame  # the very arrays it was made of
    table: gpu.types.GPUTexture
    order_of: tuple = ()  # the view's direction the batch was sorted for
    batch: gpu.types.GPUBatch | None = None


class Splats:
    """Draws heads; keeps what it uploaded by the cloud's session number."""

    def __init__(self) -> None:
        self._drawn: dict[int, Drawn] = {}

    def draw(self, uid: int, frame: Frame, canonical: Gaussians, head_to_world: Matrix, linear: bool = False) -> None:
        """One head at one moment into the current view.

        linear: the target turns light into sRGB itself, as Blender's 3D view does; blending then happens in
        light, which brightens soft edges a little.
        """
        drawn = self._drawn.get(uid)
        if drawn is None or drawn.frame is not frame:
            drawn = self._drawn[uid] = Drawn(frame, table_of(frame, canonical))
        view = gpu.matrix.get_model_view_matrix() @ head_to_world
        direction = tuple(view[2])[:3]
        if drawn.order_of != direction:
            drawn.batch, drawn.order_of = sorted_batch(frame.means, direction), direction
        shader.bind(view, gpu.matrix.get_projection_matrix(), gpu.state.viewport_get()[2:], drawn.table, linear)
        gpu.state.blend_set("ALPHA_PREMULT")
        gpu.state.depth_test_set("LESS_EQUAL")
        # A quad lies at its centre's depth and nearer ones come later: writing depth hides none of them.
        gpu.state.depth_mask_set(True)
        drawn.batch.draw(shader.splat())
        gpu.state.depth_mask_set(False)
        gpu.state.depth_test_set("NONE")
        gpu.state.blend_set("NONE")

    def forget(self) -> None:
        self._drawn.clear()


def table_of(frame: Frame, canonical: Gaussians) -> gpu.types.GPUTexture:
    """Four RGBA32F texels a Gaussian: mean + opacity, rotation wxyz, scale, colour."""
    n = len(frame.means)
    rows = max(-(-n // COLUMNS), 1)
    texels = np.zeros((rows * COLUMNS, 4, 4), dtype=np.float32)
    texels[:n, 0, :3], texels[:n, 0, 3] = frame.means, canonical.opacities
    texels[:n, 1] = frame.quats
    texels[:n, 2, :3] = frame.scales
    texels[:n, 3, :3] = np.clip(SH_C0 * canonical.sh0 + 0.5, 0, 1)
    data = gpu.types.Buffer("FLOAT", texels.size, texels.ravel())
    return gpu.types.GPUTexture((4 * COLUMNS, rows), format="RGBA32F", data=data)


def sorted_batch(means: np.ndarray, direction: tuple[float, float, float]) -> gpu.types.GPUBatch:
    """Two triangles a Gaussian, the farthest first. The view looks along -Z: the farthest has the least z."""
    order = np.argsort(means @ np.asarray(direction, np.float32)).astype(np.int32)
    corners = gpu.types.GPUVertBuf(shader.vertex_format(), 4 * len(order))
    corners.attr_fill("splat", np.repeat(order, 4))
    first = np.arange(0, 4 * len(order), 4)[:, None]
    triangles = (first + np.array([0, 1, 2, 0, 2, 3])).reshape(-1, 3).astype(np.uint32)
    return gpu.types.GPUBatch(type="TRIS", buf=corners, elem=gpu.types.GPUIndexBuf(type="TRIS", seq=triangles))


def native() -> bool:
    """Whether this Blender draws splats itself."""
    return "type" in bpy.types.PointCloud.bl_rna.properties
