# SPDX-License-Identifier: GPL-3.0-or-later
"""The door of the room: Gaussians and a camera in, a picture out, whichever back end does the work.

    dense   float64 torch, every pixel against every Gaussian: the oracle (tiny pictures)
    numba   the CPU: forward and backward, deterministic
    gsplat  NVIDIA GPUs through gsplat 1.5.3; without one, `numba` does it and one message says so

Letters: N Gaussians, K higher SH coefficients (0, 3, 8, 15), X' further channels, H x W pixels.
"""

import functools
import sys
import warnings
from collections.abc import Callable

import numpy as np

from ..formats import SH_COEFFICIENTS, Camera, UserError
from .rendering import NOT_FINITE, Array, Rendering

DEGREES = {k: degree for degree, k in SH_COEFFICIENTS.items()}


def dense(*columns, **options) -> Rendering:
    """The oracle."""
    from . import dense as backend

    return through_torch(backend.render, columns, options)


def numba(*columns, **options) -> Rendering:
    """The CPU back end; numpy arrays need no torch."""
    from . import numba_autograd

    render = numba_autograd.render_numpy if isinstance(columns[0], np.ndarray) else numba_autograd.render
    return render(*columns, **options)


def gsplat(*columns, **options) -> Rendering:
    """The GPU back end where it works; else numba, and one warning a process that says why."""
    from . import gsplat_backend as backend

    reason = backend.unavailable_reason()
    if reason is None:
        return through_torch(backend.render, columns, options)
    warn_once(
        f"rasterize: {reason}, so the CPU back end 'numba' does the work; on an NVIDIA machine install the CUDA "
        "build of torch, the CUDA toolkit and `talksplat[gpu]`."
    )
    return numba(*columns, **options)


def gpu_unavailable_reason() -> str | None:
    """Why the GPU back end cannot work here, as part of a sentence; None where it can. Imports torch; the first call on
    a machine with CUDA may take minutes, because gsplat compiles itself."""
    from . import gsplat_backend

    return gsplat_backend.unavailable_reason()


BACKENDS: dict[str, Callable[..., Rendering]] = {"dense": dense, "numba": numba, "gsplat": gsplat}


@functools.cache
def warn_once(message: str) -> None:
    """A warning, once a process."""
    warnings.warn(message, RuntimeWarning, stacklevel=2)


def through_torch(render, columns: tuple, options: dict) -> Rendering:
    """Call a torch back end; numpy arrays go in as tensors and come out as arrays. Raises UserError for NaN."""
    import torch

    arrays = isinstance(columns[0], np.ndarray)
    if arrays:
        columns = (*(torch.from_numpy(np.asarray(c)) for c in columns[:-1]), columns[-1])
        options |= {name: torch.from_numpy(np.asarray(options[name])) for name in ("background", "extra")}
    names = ("means", "quats", "scales", "opacities", "sh0", "shN", "extra")
    finite = torch.stack([values.isfinite().all() for values in (*columns[:-1], options["extra"])])
    if not finite.all():  # one question to the device, not one a column
        raise UserError(NOT_FINITE.format(names[finite.tolist().index(False)]))
    picture = render(*columns, **options)
    return as_numpy(picture) if arrays else picture


def as_numpy(picture: Rendering) -> Rendering:
    """The same rendering with numpy arrays."""
    import torch

    counted = picture.density.pixel_counts
    picture.density.counted, picture.density.count = counted, None
    for holder in (picture, picture.density):
        for name, value in vars(holder).items():
            if isinstance(value, torch.Tensor):
                setattr(holder, name, value.detach().cpu().numpy())
    return picture


def is_tensor(value) -> bool:
    """Whether it is a torch tensor, without importing torch for callers who have none."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def refuse_shapes(columns: dict[str, Array]) -> None:
    """Raise UserError unless the columns have the table's shapes and one kind of array."""
    n = columns["means"].shape[0] if columns["means"].ndim else 0
    wanted = {
        "means": (n, 3),
        "quats": (n, 4),
        "scales": (n, 3),
        "opacities": (n,),
        "sh0": (n, 3),
        "shN": (n, None, 3),
        "extra": (n, None),
        "background": (3,),
    }
    kind = is_tensor(columns["means"])
    for name, values in columns.items():
        if is_tensor(values) != kind:
            raise UserError(
                f"rasterize: {name} is a {type(values).__name__} but means is a "
                f"{type(columns['means']).__name__}; pass tensors only or numpy arrays only."
            )
        shape = tuple(values.shape)
        if len(shape) != len(wanted[name]) or any(w not in (None, s) for w, s in zip(wanted[name], shape)):
            raise UserError(f"rasterize: {name} has shape {shape}; {wanted[name]} is needed for {n} Gaussians.")
    if columns["shN"].shape[1] not in DEGREES:
        raise UserError(f"rasterize: shN holds {columns['shN'].shape[1]} coefficients; 0, 3, 8 or 15 make a degree.")


def rasterize(
    means: Array,  # [N,3] metres, head space
    quats: Array,  # [N,4] w,x,y,z of any length
    scales: Array,  # [N,3] linear sigma, metres
    opacities: Array,  # [N] 0..1
    sh0: Array,  # [N,3]
    shN: Array | None,  # [N,K,3] coefficient-major; None is K = 0
    camera: Camera,
    *,
    background: Array | None = None,  # [3] display colour; None is black, which leaves `color` premultiplied
    extra: Array | None = None,  # [N,X'] further channels, blended with the colour's weights
    depth: bool = False,
    sh_degree: int | None = None,  # bands to use; None is all that shN holds
    backend: str = "auto",
) -> Rendering:
    """A picture of Gaussians (3DGS, Kerbl et al. 2023, with the constants of gsplat 1.5.3).

    All torch tensors (gradients reach means, quats, scales, opacities, sh0, shN and extra from color, alpha,
    depth_expected and extra) or all numpy arrays (no gradients, and torch is not imported). Colours are seen along
    mean - camera.centre in head space; an orthographic camera sees all along its axis. `auto` is gsplat for tensors on
    a CUDA device where it works, else numba.
    Raises UserError for wrong shapes, unknown names, and numbers that are not finite.
    """
    if backend != "auto" and backend not in BACKENDS:
        raise UserError(f"rasterize: back end {backend!r} is unknown; use auto, {', '.join(BACKENDS)}.")
    if is_tensor(means):
        background = means.new_zeros(3) if background is None else background
        extra = means.new_zeros(means.shape[0], 0) if extra is None else extra
        shN = means.new_zeros(means.shape[0], 0, 3) if shN is None else shN
    else:
        background = np.zeros(3, np.float32) if background is None else background
        extra = np.zeros((len(means), 0), np.float32) if extra is None else extra
        shN = np.zeros((len(means), 0, 3), np.float32) if shN is None else shN
    refuse_shapes(
        {
            "means": means,
            "quats": quats,
            "scales": scales,
            "opacities": opacities,
            "sh0": sh0,
            "shN": shN,
            "extra": extra,
            "background": background,
        }
    )
    held = DEGREES[shN.shape[1]]
    degree = held if sh_degree is None else sh_degree
    if not 0 <= degree <= held:
        raise UserError(f"rasterize: sh_degree {degree} is asked for but shN holds degree {held}; ask for 0 to {held}.")
    if backend == "auto":
        backend = "gsplat" if is_tensor(means) and means.is_cuda else "numba"
    return BACKENDS[backend](
        means,
        quats,
        scales,
        opacities,
        sh0,
        shN,
        camera,
        background=background,
        extra=extra,
        depth=depth,
        degree=degree,
    )


def compile_kernels() -> None:
    """Compile (or load from the cache) every kernel of the CPU back end, a few seconds the first time; any thread."""
    from . import numba_autograd

    numba_autograd.warm()
