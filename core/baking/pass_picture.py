# SPDX-License-Identifier: GPL-3.0-or-later
"""What passes are made from: a rendering, what the raster blended besides, and whence it was seen. Needs numpy alone
until a surface is asked for.

Letters: H x W pixels, C channels.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..formats import Camera

if TYPE_CHECKING:
    from ..raster import Rendering


@dataclass
class PassPicture:
    """One frame's picture."""

    rendering: "Rendering"  # numpy arrays, with depth where a pass needs it
    camera: Camera  # its viewmat from the scene's world, without scale
    scale: float = 1.0  # of the head in the scene
    blended: dict[str, np.ndarray] = field(default_factory=dict)  # name in SPLAT_CHANNELS -> [H,W,C], not divided
    heads: tuple[str, ...] = ("head",)  # their names

    @cached_property
    def is_visible(self) -> np.ndarray:
        """[H,W] bool: where there is something of the head."""
        from ..interchange import EMPTY_ALPHA

        return np.asarray(self.rendering.alpha) > EMPTY_ALPHA

    @cached_property
    def surface(self) -> np.ndarray:
        """[H,W] float32 metres along the camera's axis; 0 where nothing is visible."""
        from .surface import surface_depth

        return surface_depth(self.rendering, self.is_visible, self.scale)

    @property
    def positions(self) -> np.ndarray:
        """[H,W,3] float32 metres in the scene's world; 0 where nothing is visible."""
        from .surface import world_points

        return world_points(self.surface, self.camera)

    @property
    def normals(self) -> np.ndarray:
        """[H,W,3] float32 of length 1 in the scene's world, towards the camera; 0 where nothing is visible."""
        from .surface import world_normals

        return world_normals(self.surface, self.blended["shortest_axis"], self.camera, self.scale)

    @property
    def part_mattes(self) -> list[np.ndarray]:
        """[H,W] of each head's face and inside of the mouth: how much of a pixel it is, 0..1."""
        if len(self.heads) == 1:
            return [self.blended[name][..., 0] for name in ("face", "mouth")]
        return list(np.moveaxis(self.blended["parts_by_head"], -1, 0))

    @property
    def head_mattes(self) -> list[np.ndarray]:
        """[H,W] of each head: how much of a pixel it is, 0..1."""
        if len(self.heads) == 1:
            return [self.rendering.alpha]
        parts = self.part_mattes
        return [face + mouth for face, mouth in zip(parts[::2], parts[1::2])]

    def averaged(self, *names: str) -> np.ndarray:
        """[H,W,C]: blended channels side by side, divided by alpha; 0 where nothing is visible."""
        values = np.concatenate([self.blended[name] for name in names], axis=-1)
        alpha = np.where(self.is_visible, self.rendering.alpha, np.float32(1))[..., None]
        return np.where(self.is_visible[..., None], values / alpha, np.float32(0))
