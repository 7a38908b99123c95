# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussians and a camera in, a picture out, whichever back end does the work.

    dense   float64 torch, every pixel against every Gaussian: the reference (tiny pictures)
    numba   the CPU: forward and backward, deterministic
    gsplat  NVIDIA GPUs through gsplat 1.5.3; without one, `numba` does it and one message says so

Adding one: a function of a RasterInput to a Rendering, and a line in BACKENDS.

Letters: N Gaussians, K higher SH coefficients (0, 3, 8, 15), X' further channels, H x W pixels.
"""

import functools
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..compiling import kernels_are_kept
from ..formats import Camera, UserError, check_blend, srgb_to_linear
from .constants import EPS2D
from .held_camera import HeldCamera
from .raster_input import (
    NOT_FINITE,
    SHAPES,
    RasterInput,
    Window,
    check_far_limit,
    check_shapes,
    check_view,
    is_tensor,
    used_degree,
    with_defaults,
)
from .rendering import Array, Rendering


def dense(scene: RasterInput) -> Rendering:
    """The reference."""
    from . import dense as backend

    return through_torch(backend.render, scene)


def numba(scene: RasterInput) -> Rendering:
    """The CPU back end; numpy arrays need no torch."""
    if is_tensor(scene.means):
        from . import numba_autograd as backend
    else:
        from . import numba_arrays as backend
    return backend.render(scene)


def gsplat(scene: RasterInput) -> Rendering:
    """The GPU back end where it works; else numba, and one warning a process that says why."""
    from . import gsplat_backend as backend

    reason = backend.unavailable_reason()
    if reason is None:
        return through_torch(backend.render, scene)
    warn_once(
        f"rasterize: {reason}, so the CPU back end 'numba' does the work; on an NVIDIA machine install the CUDA "
        "build of torch, the CUDA toolkit and `talksplat[gpu]`."
    )
    return numba(scene)


def gpu_unavailable_reason() -> str | None:
    """Why the GPU back end cannot work here, as part of a sentence; None where it can. Imports torch; the first call on
    a machine with CUDA may take minutes, because gsplat compiles itself."""
    from . import gsplat_backend

    return gsplat_backend.unavailable_reason()


def gpu_name() -> str:
    """What the GPU is called, "NVIDIA GeForce RTX 4090"; only where `gpu_unavailable_reason` is None."""
    import torch

    return torch.cuda.get_device_name()


# The back ends by name; `rasterize` chooses one where none is asked for.
BACKENDS: dict[str, Callable[[RasterInput], Rendering]] = {"dense": dense, "numba": numba, "gsplat": gsplat}


@functools.cache
def warn_once(message: str) -> None:
    """A warning, once a process."""
    warnings.warn(message, RuntimeWarning, stacklevel=2)


def through_torch(render: Callable[[RasterInput], Rendering], scene: RasterInput) -> Rendering:
    """Call a torch back end; numpy arrays go in as tensors and come out as arrays. Raises UserError for NaN."""
    import torch

    tensors = scene if is_tensor(scene.means) else scene.converted(lambda array: torch.from_numpy(np.asarray(array)))
    columns = [values for name, values in tensors.arrays().items() if name != "background"]
    finite = torch.stack([values.isfinite().all() for values in columns])
    if not finite.all():  # one question to the device, not one a column
        raise UserError(NOT_FINITE.format(list(SHAPES)[finite.tolist().index(False)]))
    picture = render(tensors)
    return picture if tensors is scene else as_numpy(picture)


def as_numpy(picture: Rendering) -> Rendering:
    """The same rendering with numpy arrays; pixels that were not counted yet are when somebody asks."""
    import torch

    if count := picture.density.count:
        picture.density.count = lambda: count().cpu().numpy()
    for holder in (picture, picture.density):
        for name, value in vars(holder).items():
            if isinstance(value, torch.Tensor):
                setattr(holder, name, value.detach().cpu().numpy())
    return picture


def rasterize(
    means: Array,  # [N,3] metres, head space
    quats: Array,  # [N,4] w,x,y,z of any length
    scales: Array,  # [N,3] linear sigma, metres
    opacities: Array,  # [N] 0..1
    sh0: Array,  # [N,3]
    shN: Array | None,  # [N,K,3] coefficient-major; None is K = 0
    camera: Camera,
    *,
    background: Array | None = None,  # [3] sRGB codes; None is black, which leaves `color` premultiplied
    extra: Array | None = None,  # [N,X'] further channels, blended with the colour's weights
    depth: bool = False,
    sh_degree: int | None = None,  # bands to use; None is all that shN holds
    blend: str = "display",  # a key of BLENDS: what the Gaussians were trained to be blended as
    trained_low_pass: float = EPS2D,  # pixels^2 by which the Gaussians were trained to be widened; 0: "antialiased"
    window: Window | None = None,  # the part of the camera's picture to draw, also beyond its edges; None is all
    far_limit: np.ndarray | None = None,  # [H,W] float32 metres along the camera's axis, of the window; inf: no limit
    backend: str = "auto",  # a key of BACKENDS
    held: HeldCamera | None = None,  # of a run of frames; where numba draws arrays, only what has changed is made again
) -> Rendering:
    """A picture of Gaussians (3DGS, Kerbl et al. 2023, with the constants of gsplat 1.5.3).

    All torch tensors (gradients reach means, quats, scales, opacities, sh0, shN and extra from color, alpha,
    depth_expected and extra) or all numpy arrays (no gradients, and torch is not imported). Colours are seen along
    mean - camera.centre in head space; an orthographic camera sees all along its axis. `auto` is gsplat for tensors on
    a CUDA device where it works, else numba.
    blend "linear" (not in the paper: chosen because Blender blends so): each Gaussian's colour max(0, SH + 0.5), a
    code, is decoded by the sRGB curve, and so is the background; `color` is then light, and `display_color` the codes.
    trained_low_pass: every splat is widened by 0.3 pixels^2 (EPS2D) or this, whichever is more; where it is less, the
    wider splats are made fainter (RasterInput.low_pass).
    far_limit: a Gaussian whose centre is farther is not blended into the pixel, as if a surface stood there that hides
    it; alpha and all else is of what is left. For numpy arrays (and `dense`), without pixel counts; gsplat has none, so
    numba draws. Not in the paper:
    chosen because a depth test after blending has one depth a pixel, and hair has many.
    Raises UserError for wrong shapes, unknown names, an empty window, and numbers that are not finite.
    """
    if backend != "auto" and backend not in BACKENDS:
        raise UserError(f"rasterize: back end {backend!r} is unknown; use auto, {', '.join(BACKENDS)}.")
    given = means, quats, scales, opacities, sh0, *with_defaults(means, shN, extra, background)
    arrays = dict(zip(SHAPES, given))
    check_shapes(arrays)
    check_blend(blend)
    if blend == "linear":
        arrays["background"] = srgb_to_linear(arrays["background"])
    check_view(trained_low_pass, window)
    degree = used_degree(arrays["shN"], sh_degree)
    scene = RasterInput(
        **arrays,
        camera=camera,
        depth=depth,
        degree=degree,
        blend=blend,
        trained_low_pass=trained_low_pass,
        window=window,
        far_limit=far_limit,
    )
    check_far_limit(scene)
    if backend == "auto":
        backend = "gsplat" if is_tensor(means) and means.is_cuda else "numba"
    if backend == "gsplat" and far_limit is not None:
        raise UserError("rasterize: gsplat knows no far_limit; let numba draw.")
    if held is not None and far_limit is None and backend == "numba" and not is_tensor(means):
        return held.render(scene)
    return BACKENDS[backend](scene)


def is_compiled() -> bool:
    """Whether the CPU back end starts at once; else its first picture takes about fifteen seconds."""
    return kernels_are_kept(Path(__file__).parent)


def compile_kernels(backward: bool = True) -> None:
    """Compile (or load from the cache) the kernels of the CPU back end, some seconds the first time; any thread.

    backward: those of gradients and pixel counts as well.
    """
    from . import numba_compile

    numba_compile.compile_all(backward)
