# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA GPUs through gsplat 1.5.3 (Apache-2.0), imported only when asked for and only where CUDA is there.

gsplat compiles its kernels at first use, which needs nvcc and a C++ compiler and takes minutes; a library that was
compiled before (for the same torch and Python) may be named instead, in the environment variable
TALKSPLAT_GSPLAT_LIBRARY. Whatever is missing ends in one sentence (`unavailable_reason`), and rasterize uses numba
instead. Colours come from `sh`, so that every camera sees what the other back ends see.
Its kernels leave out the Gaussian that would take a pixel's transmittance to 1e-4 or below, where our other back ends
blend it and then stop: an opaque surface behind a nearly opaque one keeps pinholes (alpha 0.95 for 0.99995).

Letters: N Gaussians, X channels after colour.
"""

import functools
import importlib.util
import os
import sys
import weakref
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import torch

from .gsplat_counts import TILE, Splats, TileLists, median_depth, pixel_counts
from .raster_input import RasterInput
from .rendering import DensityStats, Rendering
from .sh import directions, sh_colours

VERSION = "1.5."  # 1.6 clamps alpha at 0.99 and has other signatures
MODULE = "gsplat_cuda"  # gsplat's name for its compiled library
LIBRARY = "TALKSPLAT_GSPLAT_LIBRARY"


@functools.cache
def unavailable_reason() -> str | None:
    """None where gsplat works, else the reason in a few words. torch is asked first: without CUDA gsplat would try to
    compile itself and fail with a misleading message."""
    if not torch.cuda.is_available():
        return "torch sees no CUDA device"
    try:
        installed = version("gsplat")
    except PackageNotFoundError:
        return "gsplat is not installed"
    if not installed.startswith(VERSION):
        return f"gsplat {installed} is installed and 1.5.3 is needed"
    try:
        if os.environ.get(LIBRARY):
            take_library(os.environ[LIBRARY])
        kernels = import_module("gsplat.cuda._backend")._C
    except Exception as error:  # a failed compilation may raise anything; rasterize reports it and uses numba
        return f"gsplat did not load ({type(error).__name__}: {(str(error) or 'no text').splitlines()[0]})"
    return None if kernels is not None else "gsplat found no CUDA toolkit to compile its kernels with"


def take_library(path: str) -> None:
    """Have gsplat use a library that was compiled before: it asks for `gsplat.csrc` before it compiles."""
    spec = importlib.util.spec_from_file_location(MODULE, path)
    if spec is None or spec.loader is None or not os.path.isfile(path):
        raise FileNotFoundError(f"{LIBRARY} names {path}, which is no library")
    library = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(library)
    vars(import_module("gsplat"))["csrc"] = sys.modules["gsplat.csrc"] = library


def working_device(origin: torch.device) -> torch.device:
    """Where the kernels run: the tensors' own device if it is a GPU, else the current GPU."""
    return origin if origin.type == "cuda" else torch.device("cuda")


def record_gradients(stats: DensityStats, means2d: torch.Tensor, width: int, height: int) -> None:
    """Have backward write the 2D gradients into `stats`, in NDC units.

    gsplat hangs `absgrad` onto the Python object of the centres, so somebody must hold that until then: `stats` does,
    and the hook holds `stats` weakly, so that there is no circle through the graph.
    """
    stats.held, reader = means2d, weakref.ref(stats)
    half = means2d.new_tensor([width / 2, height / 2])

    def on_gradient(gradient: torch.Tensor) -> None:
        living = reader()
        if living is not None and living.held is not None:
            living.grad2d, living.absgrad2d = gradient[0] * half, living.held.absgrad[0] * half
            living.held = None

    means2d.register_hook(on_gradient)


def project(scene: RasterInput, viewmat: torch.Tensor) -> tuple[Splats, torch.Tensor, torch.Tensor]:
    """Splats, radii int32 [1,N,2] (of the opacities as given) and depths [1,N]; gsplat leaves the rows of the culled
    unwritten."""
    camera = scene.camera
    K = viewmat.new_tensor([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])[None]
    radii, means2d, depths, conics, _ = import_module("gsplat").fully_fused_projection(
        scene.means,
        None,
        scene.quats,
        scene.scales,
        viewmat,
        K,
        camera.width,
        camera.height,
        eps2d=scene.low_pass,
        near_plane=camera.near,
        far_plane=camera.far,
        opacities=scene.opacities,
        camera_model="ortho" if camera.kind == "orthographic" else "pinhole",
    )
    if scene.window:
        means2d = means2d - means2d.new_tensor(scene.corner)
    return Splats(means2d, conics, compensated(scene, conics, radii)), radii, depths


def compensated(
    scene: RasterInput,
    conics: torch.Tensor,  # [1,N,3]
    radii: torch.Tensor,  # int32 [1,N,2]
) -> torch.Tensor:
    """Opacities [1,N]. With the conic's eigenvalues a, b and e = low_pass - trained_low_pass they are times
    sqrt((1 - e a) (1 - e b)); gsplat's own rasterize_mode "antialiased" is this for a trained_low_pass of 0."""
    if not scene.is_compensated:
        return scene.opacities[None]
    written = torch.where((radii > 0).all(-1, keepdim=True), conics, 0.0)  # of the culled it is anything, NaN as well
    (xx, xy, yy), excess = written.unbind(-1), scene.low_pass - scene.trained_low_pass
    share = 1 - excess * (xx + yy) + excess * excess * (xx * yy - xy * xy)
    return scene.opacities[None] * share.clamp(1e-12, 1).sqrt()


def list_tiles(splats: Splats, radii: torch.Tensor, depths: torch.Tensor, width: int, height: int) -> TileLists:
    """Which Gaussians each tile of TILE x TILE pixels draws."""
    gsplat = import_module("gsplat")
    tiles_x, tiles_y = -(-width // TILE), -(-height // TILE)
    _, keys, ids = gsplat.isect_tiles(splats.means2d, radii, depths, TILE, tiles_x, tiles_y)
    return TileLists(gsplat.isect_offset_encode(keys, 1, tiles_x, tiles_y), ids)


def blend(
    scene: RasterInput, splats: Splats, lists: TileLists, depths: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """[H,W,3+X] colour with background and further channels, the depth last where it is wanted; alpha [H,W]."""
    towards = directions(scene.means, scene.camera)
    colours = sh_colours(scene.sh0, scene.shN, towards, scene.degree, scene.is_linear)
    channels = torch.cat([colours, scene.extra, *([depths[0, :, None]] if scene.depth else [])], -1)[None]
    behind = torch.cat([scene.background, scene.background.new_zeros(channels.shape[-1] - 3)])[None]
    blended, alpha = import_module("gsplat").rasterize_to_pixels(
        splats.means2d,
        splats.conics,
        channels,
        splats.opacities,
        *scene.size,
        TILE,
        *lists,
        backgrounds=behind,
        absgrad=splats.means2d.requires_grad,
    )
    return blended[0], alpha[0, :, :, 0]


def render(scene: RasterInput) -> Rendering:
    """See rasterizer.rasterize; works on the CUDA device (the tensors' own, else the current one) in float32."""
    origin, size = scene.means.device, scene.size
    device = working_device(origin)
    scene = scene.converted(lambda t: t.to(device, torch.float32))
    if len(scene.means) == 0:  # gsplat's kernels divide by N
        return empty(scene, origin)
    viewmat = torch.tensor(scene.camera.matrix, dtype=torch.float32, device=device)[None]
    splats, radii, depths = project(scene, viewmat)
    lists = list_tiles(splats, radii, depths, *size)
    blended, alpha = blend(scene, splats, lists, depths)
    drawn = splats.detached()
    along = scene.means.detach() @ viewmat[0, 2, :3] + viewmat[0, 2, 3]  # of the culled too
    stats = DensityStats(
        along.to(origin), radii[0].amax(-1).to(origin), count=lambda: pixel_counts(drawn, lists, *size).to(origin)
    )
    if splats.means2d.requires_grad:
        record_gradients(stats, splats.means2d, *size)
    picture = Rendering(blended[..., :3].to(origin), alpha.to(origin), "gsplat", stats, blend=scene.blend)
    picture.extra = blended[..., 3 : 3 + scene.extra.shape[1]].to(origin)
    if scene.depth:
        picture.depth_expected = (blended[..., -1] / torch.where(alpha > 0, alpha, 1.0)).to(origin)
        picture.depth_median = median_depth(drawn, depths.detach(), lists, *size).to(origin)
    return picture


def empty(scene: RasterInput, origin: torch.device) -> Rendering:
    """The picture of no Gaussians."""
    size = scene.size[::-1]
    none = torch.zeros(0, device=origin)
    stats = DensityStats(none, none.to(torch.int32), counted=none.to(torch.int32))
    color = scene.background.to(origin).expand(*size, 3).clone()
    picture = Rendering(color, torch.zeros(size, device=origin), "gsplat", stats, blend=scene.blend)
    picture.extra = torch.zeros(*size, scene.extra.shape[1], device=origin)
    if scene.depth:
        picture.depth_expected, picture.depth_median = (torch.zeros(size, device=origin) for _ in range(2))
    return picture
