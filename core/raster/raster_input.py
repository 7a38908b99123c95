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
from .rendering import Array

DEGREES = {k: degree for degree, k in SH_COEFFICIENTS.items()}
NOT_FINITE = "rasterize: {} holds NaN or infinite numbers; clean the head, or train more slowly."
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


def used_degree(shN: Array, requested: int | None) -> int:
    """The SH degree to draw with: all of shN [N,K,3] for None. Raises UserError for more than it holds."""
    held = DEGREES[shN.shape[1]]
    degree = held if requested is None else requested
    if not 0 <= degree <= held:
        raise UserError(f"rasterize: sh_degree {degree} is asked for but shN holds degree {held}; ask for 0 to {held}.")
    return degree
