# SPDX-License-Identifier: GPL-3.0-or-later
"""What every back end draws, and the checks before it gets there. Arrays are all torch tensors or all numpy arrays;
torch is never imported here, because callers with arrays need none.

Letters: N Gaussians, K higher SH coefficients (0, 3, 8, 15), X' further channels.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from ..formats import SH_COEFFICIENTS, Camera, UserError
from .constants import EPS2D
from .rendering import Array

DEGREES = {k: degree for degree, k in SH_COEFFICIENTS.items()}
NOT_FINITE = "rasterize: {} holds NaN or infinite numbers; clean the head, or train more slowly."
Window = tuple[int, int, int, int]  # left, top, right, bottom in pixels of the camera's picture, the last two excluded
# name -> shape; None is any number
SHAPES: dict[str, tuple[int | str | None, ...]] = {
    "means": ("N", 3),
    "quats": ("N", 4),
    "scales": ("N", 3),
    "opacities": ("N",),
    "sh0": ("N", 3),
    "shN": ("N", None, 3),
    "extra": ("N", None),
    "background": (3,),
}


@dataclass(frozen=True)
class RasterInput:
    """Gaussians and a camera, complete and of fitting shapes."""

    means: Array  # [N,3] metres, head space
    quats: Array  # [N,4] w,x,y,z of any length
    scales: Array  # [N,3] linear sigma, metres
    opacities: Array  # [N] 0..1
    sh0: Array  # [N,3]
    shN: Array  # [N,K,3] coefficient-major
    extra: Array  # [N,X'] further channels
    background: Array  # [3] display colour; light where `blend` is linear
    camera: Camera
    depth: bool  # whether the depths are wanted
    degree: int  # SH bands to use
    blend: str = "display"  # of BLENDS: what the Gaussians' colours max(0, SH + 0.5) are blended as
    trained_low_pass: float = EPS2D  # pixels^2 by which the opacities expect a splat to be widened; see `low_pass`
    window: Window | None = None  # the part of the camera's picture to draw; None is all
    far_limit: np.ndarray | None = None  # [H,W] float32: the depth beyond which a pixel takes nothing; see `rasterize`

    @property
    def low_pass(self) -> float:
        """Pixels^2 added to the 2D covariance's diagonal. Where these are more than `trained_low_pass`, each opacity
        is times sqrt(det(S + trained I) / det(S + low_pass I)), so that the wider splat is the fainter one (Yu et al.,
        Mip-Splatting, CVPR 2024, equation 10, which has trained = 0)."""
        return max(EPS2D, self.trained_low_pass)

    @property
    def is_compensated(self) -> bool:
        """Whether opacities make up for the low-pass."""
        return self.trained_low_pass < self.low_pass

    @property
    def corner(self) -> tuple[int, int]:
        """The picture's left and top in pixels of the camera's."""
        return self.window[:2] if self.window else (0, 0)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the picture to draw."""
        if self.window is None:
            return self.camera.width, self.camera.height
        left, top, right, bottom = self.window
        return right - left, bottom - top

    @property
    def is_linear(self) -> bool:
        """Whether each Gaussian's colour is decoded and light is blended."""
        return self.blend == "linear"

    def arrays(self) -> dict[str, Array]:
        """The arrays by name, in the order of SHAPES."""
        return {name: getattr(self, name) for name in SHAPES}

    def with_arrays(self, arrays: Iterable[Array]) -> "RasterInput":
        """The same with other arrays, in the order of SHAPES."""
        return replace(self, **dict(zip(SHAPES, arrays)))

    def converted(self, convert: Callable[[Array], Array]) -> "RasterInput":
        """The same with every array converted."""
        return self.with_arrays(convert(array) for array in self.arrays().values())


def is_tensor(value: object) -> bool:
    """Whether it is a torch tensor, without importing torch for callers who have none."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def with_defaults(
    means: Array, shN: Array | None, extra: Array | None, background: Array | None
) -> tuple[Array, Array, Array]:
    """shN, extra and background; for None no coefficients, no channels and black, in the kind of array of `means`."""

    def zeros(*shape: int) -> Array:
        return means.new_zeros(shape) if is_tensor(means) else np.zeros(shape, np.float32)

    n = len(means) if means.ndim else 0
    return (
        zeros(n, 0, 3) if shN is None else shN,
        zeros(n, 0) if extra is None else extra,
        zeros(3) if background is None else background,
    )


def check_shapes(arrays: dict[str, Array]) -> None:
    """Raise UserError unless the arrays have the shapes of SHAPES and are of one kind."""
    means = arrays["means"]
    n = means.shape[0] if means.ndim else 0
    for name, values in arrays.items():
        if is_tensor(values) != is_tensor(means):
            raise UserError(
                f"rasterize: {name} is a {type(values).__name__} but means is a {type(means).__name__}; "
                "pass tensors only or numpy arrays only."
            )
        shape, expected = tuple(values.shape), tuple(n if size == "N" else size for size in SHAPES[name])
        if len(shape) != len(expected) or any(e not in (None, s) for e, s in zip(expected, shape)):
            raise UserError(f"rasterize: {name} has shape {shape}; {expected} is needed for {n} Gaussians.")
    if arrays["shN"].shape[1] not in DEGREES:
        raise UserError(f"rasterize: shN holds {arrays['shN'].shape[1]} coefficients; 0, 3, 8 or 15 make a degree.")


def check_view(trained_low_pass: float, window: Window | None) -> None:
    """Raise UserError unless the low-pass is 0 or more, and finite, and the window holds pixels."""
    if not 0 <= trained_low_pass < float("inf"):
        raise UserError(f"rasterize: trained_low_pass {trained_low_pass} is out of range; use 0 pixels^2 or more.")
    if window and not (window[0] < window[2] and window[1] < window[3]):
        raise UserError(f"rasterize: the window {window} is empty; give left, top, right and bottom in pixels.")


def check_far_limit(scene: RasterInput) -> None:
    """Raise UserError unless the limits are of the picture's size, and numbers."""
    limit = scene.far_limit
    if limit is None:
        return
    width, height = scene.size
    if limit.shape != (height, width) or limit.dtype != np.float32 or np.isnan(limit).any():
        wanted = f"float32 [{height},{width}] without NaN"
        raise UserError(f"rasterize: far_limit is {wanted}, not {limit.dtype} {limit.shape}.")


def used_degree(shN: Array, requested: int | None) -> int:
    """The SH degree to draw with: all of shN [N,K,3] for None. Raises UserError for more than it holds."""
    held = DEGREES[shN.shape[1]]
    degree = held if requested is None else requested
    if not 0 <= degree <= held:
        raise UserError(f"rasterize: sh_degree {degree} is asked for but shN holds degree {held}; ask for 0 to {held}.")
    return degree
