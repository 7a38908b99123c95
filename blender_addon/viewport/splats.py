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

from dataclasses import dataclass

import gpu
import numpy as np
from mathutils import Matrix

from ...core.formats import SH_C0, Gaussians
from ...core.performance import Frame
from . import shader

COLUMNS = 1024  # Gaussians a row of the texture


@dataclass
class UploadedHead:
    """What is on the graphics card for one head."""

    frame: Frame  # the very arrays it was made of
    table: gpu.types.GPUTexture
    direction: tuple[float, ...]  # of the view that the batch was sorted for
    batch: gpu.types.GPUBatch


class SplatDrawer:
    """Draws heads; keeps what it uploaded by the cloud's session number."""

    def __init__(self) -> None:
        self._uploaded: dict[int, UploadedHead] = {}

    def draw(self, uid: int, frame: Frame, canonical: Gaussians, head_to_world: Matrix, linear: bool = False) -> None:
        """One head at one moment into the current view.

        linear: the target turns light into sRGB itself, as Blender's 3D view does; blending then happens in light,
        which brightens soft edges a little.
        """
        view = gpu.matrix.get_model_view_matrix() @ head_to_world
        direction = tuple(np.array(view)[2, :3].tolist())
        uploaded = self._upload(uid, frame, canonical, direction)
        size = gpu.state.viewport_get()[2:]  # pyright: ignore[reportOptionalSubscript]  (x, y, width, height)
        shader.bind(view, gpu.matrix.get_projection_matrix(), size, uploaded.table, linear)
        gpu.state.blend_set("ALPHA_PREMULT")
        gpu.state.depth_test_set("LESS_EQUAL")
        # A quad has the depth of its centre and nearer ones come later: writing depth hides none of them.
        gpu.state.depth_mask_set(True)
        uploaded.batch.draw(shader.splat_shader())
        gpu.state.depth_mask_set(False)
        gpu.state.depth_test_set("NONE")
        gpu.state.blend_set("NONE")

    def _upload(self, uid: int, frame: Frame, canonical: Gaussians, direction: tuple[float, ...]) -> UploadedHead:
        """The head on the graphics card, sorted for a view in that direction (head space)."""
        uploaded = self._uploaded.get(uid)
        if uploaded is None or uploaded.frame is not frame:
            batch = sorted_batch(frame.means, direction)
            uploaded = self._uploaded[uid] = UploadedHead(frame, gaussian_texture(frame, canonical), direction, batch)
        elif uploaded.direction != direction:
            uploaded.batch, uploaded.direction = sorted_batch(frame.means, direction), direction
        return uploaded

    def clear(self) -> None:
        """Free what was uploaded."""
        self._uploaded.clear()


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
