# SPDX-License-Identifier: GPL-3.0-or-later
"""What a back end gives back. Arrays are torch tensors or numpy arrays, as the Gaussians were.

Letters: N Gaussians, H x W pixels, X' further channels.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..formats import linear_to_srgb

Array = Any  # torch.Tensor or np.ndarray


@dataclass
class DensityStats:
    """What density control reads. `depths`, `radii` and `pixel_counts` are there at once, the rest after `backward()`.

    Gradients are in the units of gsplat and Inria: dL/d(pixel) times (W/2, H/2), so that published thresholds hold.
    Every backward pass overwrites; sums over views are the strategy's business.
    """

    depths: Array  # [N] along the camera's axis
    radii: Array  # int32 [N] pixels, 0 where culled
    grad2d: Array | None = None  # [N,2] dL/d(2D centre)
    absgrad2d: Array | None = None  # [N,2] the same, summed as absolute values over pixels (AbsGS)
    count: Callable[[], Array] | None = field(default=None, repr=False)  # makes `counted` when it is first read
    counted: Array | None = field(default=None, repr=False)
    held: Array | None = field(default=None, repr=False)  # what the back end needs to be kept until backward

    @property
    def pixel_counts(self) -> Array:
        """int32 [N]: pixels each Gaussian contributed to (alpha >= 1/255, transmittance before it > 1e-4); exact.

        On the CPU free after a backward pass; else the first access costs about as much as one.
        """
        if self.counted is None and self.count is not None:
            self.counted = self.count()
        return self.counted


@dataclass
class Rendering:
    """One picture of Gaussians."""

    color: Array  # [H,W,3] premultiplied by alpha, plus (1 - alpha) background; sRGB codes or light, as `blend` says;
    # not clipped above
    alpha: Array  # [H,W] 0..1
    backend: str  # who made it: a key of BACKENDS
    density: DensityStats
    depth_expected: Array | None = None  # [H,W] metres along the axis, blended and divided by alpha; 0 where alpha is 0
    depth_median: Array | None = None  # [H,W] depth of the Gaussian where transmittance falls below 1/2; 0 where none
    extra: Array | None = None  # [H,W,X'] blended with the same weights, not divided by alpha
    blend: str = "display"  # of BLENDS; "linear": `color` is light, linear Rec.709

    @property
    def display_color(self) -> Array:
        """`color` as sRGB codes [H,W,3], differentiable: the picture over its background, as a screen shows it. What is
        left premultiplied on black is not to be encoded so, but divided by alpha first (interchange.display_codes)."""
        return linear_to_srgb(self.color) if self.blend == "linear" else self.color

    @property
    def pixel_counts(self) -> Array:
        """`density.pixel_counts`."""
        return self.density.pixel_counts
