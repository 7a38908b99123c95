# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA GPUs through gsplat 1.5.3 (Apache-2.0), imported only when asked for and only where CUDA is there.

gsplat compiles its kernels at first use, which needs nvcc and a C++ compiler and takes minutes; a library that was
compiled before (for the same torch and Python) may be named instead, in the environment variable
TALKSPLAT_GSPLAT_LIBRARY. Whatever is missing ends in one sentence (`unavailable_reason`), and rasterize uses numba instead. What
gsplat lacks is made here from its own index kernel: exact pixel counts and the median depth. Colours come from `sh`, so
that every camera sees what the other back ends see.
Letters: N Gaussians, X channels after colour, M (Gaussian, pixel) contributions in pixel and then depth order.
"""

import functools
import importlib.util
import math
import os
import sys
import weakref
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import torch

from ..formats import Camera
from .constants import ALPHA_MAX, EPS2D
from .rendering import DensityStats, Rendering
from .sh import directions, sh_colours

TILE = 16
ALL_BATCHES = 1 << 30  # more batches than any tile's list has
BAND = 1 << 18  # pixels whose contributions are listed at once: some 30 each, 50 bytes each while they are counted
VERSION = "1.5."  # 1.6 clamps alpha at 0.99 and has other signatures
MODULE = "gsplat_cuda"  # gsplat's name for its compiled library
LIBRARY = "TALKSPLAT_GSPLAT_LIBRARY"
LOG_HALF = math.log(0.5)


@functools.cache
def unavailable_reason() -> str | None:
    """None where gsplat works, else the reason in a few words. torch is asked first: without CUDA gsplat would try to
    compile itself and fail with a misleading message."""
    if not torch.cuda.is_available():
        return "torch sees no CUDA device"
    try:
        found = version("gsplat")
    except PackageNotFoundError:
        return "gsplat is not installed"
    if not found.startswith(VERSION):
        return f"gsplat {found} is installed and 1.5.3 is needed"
    try:
        if os.environ.get(LIBRARY):
            take_library(os.environ[LIBRARY])
        from gsplat.cuda import _backend
    except Exception as error:  # a failed compilation may raise anything; the door reports it and goes on
        return f"gsplat did not load ({type(error).__name__}: {(str(error) or 'no text').splitlines()[0]})"
    return None if _backend._C is not None else "gsplat found no CUDA toolkit to compile its kernels with"


def take_library(path: str) -> None:
    """Have gsplat use a library that was compiled before: it asks for `gsplat.csrc` before it compiles."""
    import gsplat

    spec = importlib.util.spec_from_file_location(MODULE, path)
    if spec is None or not os.path.isfile(path):
        raise FileNotFoundError(f"{LIBRARY} names {path}, which is no library")
    gsplat.csrc = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gsplat.csrc)
    sys.modules["gsplat.csrc"] = gsplat.csrc


def working_device(home: torch.device) -> torch.device:
    """Where the kernels run: the tensors' own device if it is a GPU, else the current GPU."""
    return home if home.type == "cuda" else torch.device("cuda")


def contributions(means2d, conics, opacities, lists, camera: Camera) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Gaussian and pixel index int64 [M] of everything that was blended, front to back within a pixel; band by band of
    tile rows, because a big picture's list would fill the memory (1024^2: about a gigabyte)."""
    from gsplat import rasterize_to_indices_in_range

    offsets, ids = lists
    tiles_y, tiles_x = offsets.shape[1:]
    high = max(BAND // (TILE * TILE * tiles_x), 1)
    for first in range(0, tiles_y, high):
        last = min(first + high, tiles_y)
        top, bottom = first * TILE, min(last * TILE, camera.height)
        end = len(ids) if last == tiles_y else int(offsets[0, last, 0])
        centres = means2d - means2d.new_tensor([0.0, top]) if top else means2d
        clear = torch.ones(1, bottom - top, camera.width, device=means2d.device)
        gaussians, pixels, _ = rasterize_to_indices_in_range(
            0,
            ALL_BATCHES,
            clear,
            centres,
            conics,
            opacities,
            camera.width,
            bottom - top,
            TILE,
            offsets[:, first:last].contiguous(),
            ids[:end],
        )
        yield gaussians, pixels + top * camera.width


def pixel_counts(means2d, conics, opacities, lists, camera: Camera) -> torch.Tensor:
    """int32 [N]: in how many pixels each was blended."""
    n = means2d.shape[1]
    total = torch.zeros(n, dtype=torch.int64, device=means2d.device)
    for gaussians, _ in contributions(means2d, conics, opacities, lists, camera):
        total += torch.bincount(gaussians, minlength=n)
    return total.to(torch.int32)


def median_depth(means2d, conics, opacities, depths, lists, camera: Camera) -> torch.Tensor:
    """[H,W]: depth of the Gaussian at which transmittance falls below one half, 0 where none does."""
    out = torch.zeros(camera.height * camera.width, device=depths.device)
    for gaussians, pixels in contributions(means2d, conics, opacities, lists, camera):
        if len(pixels) == 0:
            continue
        x, y = pixels % camera.width + 0.5, pixels // camera.width + 0.5
        dx, dy = means2d[0, gaussians, 0] - x, means2d[0, gaussians, 1] - y
        a, b, c = conics[0, gaussians].unbind(-1)
        alpha = opacities[0, gaussians] * torch.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy)
        passed = torch.log1p(-alpha.clamp(max=ALPHA_MAX).double()).cumsum(0)  # of all pixels one after the other
        starts = torch.ones_like(pixels, dtype=torch.bool)
        starts[1:] = pixels[1:] != pixels[:-1]
        before = torch.cat([passed.new_zeros(1), passed[:-1]])
        base = before[starts][starts.cumsum(0) - 1]
        here = (passed - base < LOG_HALF) & (before - base >= LOG_HALF)
        out[pixels[here]] = depths[0, gaussians[here]]
    return out.reshape(camera.height, camera.width)


def file_gradients(stats: DensityStats, means2d: torch.Tensor, camera: Camera) -> None:
    """Have backward write the 2D gradients into `stats`, in NDC units.

    gsplat hangs `absgrad` onto the Python object of the centres, so somebody must hold that until then: `stats` does,
    and the hook holds `stats` weakly, so that there is no circle through the graph.
    """
    stats.held, reader = means2d, weakref.ref(stats)
    half = means2d.new_tensor([camera.width / 2, camera.height / 2])

    def on_gradient(gradient: torch.Tensor) -> None:
        filed = reader()
        if filed is not None:
            filed.grad2d, filed.absgrad2d = gradient[0] * half, filed.held.absgrad[0] * half
            filed.held = None

    means2d.register_hook(on_gradient)


def render(means, quats, scales, opacities, sh0, shN, camera: Camera, *, background, extra, depth, degree) -> Rendering:
    """See door.rasterize; works on the CUDA device (the tensors' own, else the current one) in float32."""
    from gsplat import fully_fused_projection, isect_offset_encode, isect_tiles, rasterize_to_pixels

    home, device = means.device, working_device(means.device)
    means, quats, scales, opacities, sh0, shN, extra, background = (
        t.to(device, torch.float32) for t in (means, quats, scales, opacities, sh0, shN, extra, background)
    )
    if len(means) == 0:  # gsplat's kernels divide by N
        return empty(camera, background, extra.shape[1], depth, home)
    viewmat = torch.tensor(camera.matrix, dtype=torch.float32, device=device)[None]
    K = torch.tensor([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]], device=device)[None]
    radii, means2d, depths, conics, _ = fully_fused_projection(
        means,
        None,
        quats,
        scales,
        viewmat,
        K.float(),
        camera.width,
        camera.height,
        eps2d=EPS2D,
        near_plane=camera.near,
        far_plane=camera.far,
        opacities=opacities,
        camera_model="ortho" if camera.kind == "orthographic" else "pinhole",
    )
    tiles_x, tiles_y = -(-camera.width // TILE), -(-camera.height // TILE)
    _, keys, ids = isect_tiles(means2d, radii, depths, TILE, tiles_x, tiles_y)
    lists = isect_offset_encode(keys, 1, tiles_x, tiles_y), ids
    shades = opacities[None]
    channels = torch.cat(
        [sh_colours(sh0, shN, directions(means, camera), degree), extra, *([depths[0, :, None]] if depth else [])], -1
    )[None]
    behind = torch.cat([background, background.new_zeros(channels.shape[-1] - 3)])[None]
    blended, alpha = rasterize_to_pixels(
        means2d,
        conics,
        channels,
        shades,
        camera.width,
        camera.height,
        TILE,
        *lists,
        backgrounds=behind,
        absgrad=means2d.requires_grad,
    )
    splats = [t.detach() for t in (means2d, conics, shades)]
    blended, alpha = blended[0], alpha[0, :, :, 0]
    along = means.detach() @ viewmat[0, 2, :3] + viewmat[0, 2, 3]  # gsplat leaves the depths of the culled unwritten
    stats = DensityStats(
        along.to(home), radii[0].amax(-1).to(home), count=lambda: pixel_counts(*splats, lists, camera).to(home)
    )
    if means2d.requires_grad:
        file_gradients(stats, means2d, camera)
    picture = Rendering(blended[..., :3].to(home), alpha.to(home), "gsplat", stats)
    picture.extra = blended[..., 3 : 3 + extra.shape[1]].to(home)
    if depth:
        picture.depth_expected = (blended[..., -1] / torch.where(alpha > 0, alpha, 1.0)).to(home)
        picture.depth_median = median_depth(*splats, depths.detach(), lists, camera).to(home)
    return picture


def empty(camera: Camera, background: torch.Tensor, many: int, depth: bool, home: torch.device) -> Rendering:
    """The picture of no Gaussians."""
    size = (camera.height, camera.width)
    none = torch.zeros(0, device=home)
    stats = DensityStats(none, none.to(torch.int32), count=lambda: none.to(torch.int32))
    picture = Rendering(background.to(home).expand(*size, 3).clone(), torch.zeros(size, device=home), "gsplat", stats)
    picture.extra = torch.zeros(*size, many, device=home)
    if depth:
        picture.depth_expected, picture.depth_median = (torch.zeros(size, device=home) for _ in range(2))
    return picture
