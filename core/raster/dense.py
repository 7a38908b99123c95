# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference: every Gaussian against every pixel, in float64, differentiated by torch. Slow, and meant to be read.

Letters: N Gaussians in depth order, P pixels, U = J W R S [N,2,3], s the exponent of the 2D Gaussian.
"""

from collections.abc import Callable

import torch

from ..formats import Camera, UserError
from .constants import ALPHA_MAX, ALPHA_MIN, EPS2D, TRANSMITTANCE_MIN, ratio_limits
from .raster_input import RasterInput
from .rendering import DensityStats, Rendering
from .sh import directions, sh_colours

ELEMENTS_MAX = 1 << 27  # N * P; beyond it this would take tens of gigabytes


def rotations(quats: torch.Tensor) -> torch.Tensor:
    """[N,4] w,x,y,z of any length -> [N,3,3]; zero is the identity."""
    w, x, y, z = (quats / quats.norm(dim=-1, keepdim=True).clamp_min(1e-12)).unbind(-1)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def jacobians(points: torch.Tensor, camera: Camera) -> torch.Tensor:
    """d(pixel)/d(camera-space point) [N,2,3] at `points` [N,3], clamped to the picture's margin (gsplat 1.5.3)."""
    x, y, z = points.unbind(-1)
    zero = torch.zeros_like(z)
    if camera.kind == "orthographic":
        rows = [zero + camera.fx, zero, zero, zero, zero + camera.fy, zero]
    else:
        least_x, most_x, least_y, most_y = ratio_limits(camera)
        tx, ty = z * (x / z).clamp(least_x, most_x), z * (y / z).clamp(least_y, most_y)
        rows = [camera.fx / z, zero, -camera.fx * tx / z**2, zero, camera.fy / z, -camera.fy * ty / z**2]
    return torch.stack(rows, -1).reshape(-1, 2, 3)


def to_camera(means: torch.Tensor, camera: Camera) -> torch.Tensor:
    """Head space -> camera space, [N,3]."""
    matrix = torch.as_tensor(camera.matrix, dtype=means.dtype, device=means.device)
    return means @ matrix[:3, :3].T + matrix[:3, 3]


def project(
    means: torch.Tensor, quats: torch.Tensor, scales: torch.Tensor, camera: Camera, low_pass: float = EPS2D
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pixel centres [N,2], depths [N] and 2D covariances [N,2,2] of Gaussians in front of the camera.

    low_pass: pixels^2, on the covariances' diagonal.
    """
    points = to_camera(means, camera)
    x, y, z = points.unbind(-1)
    over = 1.0 if camera.kind == "orthographic" else z
    centres = torch.stack([camera.fx * x / over + camera.cx, camera.fy * y / over + camera.cy], -1)
    W = torch.as_tensor(camera.matrix[:3, :3], dtype=means.dtype, device=means.device)
    U = jacobians(points, camera) @ W @ rotations(quats) @ torch.diag_embed(scales)
    return centres, z, U @ U.mT + low_pass * torch.eye(2, dtype=means.dtype, device=means.device)


def compensation(covariances: torch.Tensor, excess: float) -> torch.Tensor:
    """[N]: what opacities are times, so that splats whose covariances [N,2,2] are wider by `excess` pixels^2 than they
    were trained to be do not cover more: sqrt(det(C - excess I) / det C)."""
    if excess == 0:
        return torch.ones_like(covariances[:, 0, 0])
    narrow = covariances - excess * torch.eye(2, dtype=covariances.dtype, device=covariances.device)
    share = narrow.det() / covariances.det()
    return torch.where(share > 0, share.clamp_min(1e-300).sqrt(), 0.0)


def pixel_offsets(centres: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """[P,N,2]: from the Gaussians' centres to the middles of the pixels."""
    v, u = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([u, v], -1).reshape(-1, 1, 2).to(centres) + 0.5 - centres


def blend(
    offsets: torch.Tensor, covariances: torch.Tensor, opacities: torch.Tensor, drop_last: bool = False
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Weights, and transmittance before and after each Gaussian, [P,N] each, all in depth order.

    drop_last: gsplat's rule, which leaves out the Gaussian that would end the pixel.
    """
    s = 0.5 * torch.einsum("pni,nij,pnj->pn", offsets, covariances.inverse(), offsets)
    alpha = opacities * torch.exp(-s)
    alpha = torch.where(alpha >= ALPHA_MIN, alpha.clamp(max=ALPHA_MAX), 0.0)
    after = torch.cumprod(1 - alpha, dim=-1)
    before = torch.cat([torch.ones_like(after[:, :1]), after[:, :-1]], -1)
    alpha = torch.where((after if drop_last else before) > TRANSMITTANCE_MIN, alpha, 0.0)
    after = torch.cumprod(1 - alpha, dim=-1)
    before = torch.cat([torch.ones_like(after[:, :1]), after[:, :-1]], -1)
    return alpha * before, before, after


def gradient_recorder(
    stats: DensityStats, order: torch.Tensor, width: int, height: int
) -> Callable[[torch.Tensor], None]:
    """A hook on the pixel offsets [P,N,2], through which the 2D gradients flow: writes them into `stats`."""
    half = torch.tensor([width / 2, height / 2], dtype=torch.float64, device=order.device)

    def on_gradient(gradient: torch.Tensor) -> None:
        n = len(stats.depths)
        stats.grad2d = gradient.new_zeros(n, 2).index_copy(0, order, -gradient.sum(0) * half)
        stats.absgrad2d = gradient.new_zeros(n, 2).index_copy(0, order, gradient.abs().sum(0) * half)

    return on_gradient


def splat_radii(
    covariances: torch.Tensor, opacities: torch.Tensor, centres: torch.Tensor, width: int, height: int
) -> torch.Tensor:
    """int32 [N]: pixels from the centre to where alpha falls below 1/255, 0 where that is off the picture."""
    reach = torch.sqrt(2 * torch.log(255 * opacities).clamp_min(0.0))
    half = reach[:, None] * covariances.diagonal(dim1=-2, dim2=-1).sqrt()
    size = torch.tensor([width, height], dtype=half.dtype, device=half.device)
    on = ((centres + half > 0.5) & (centres - half < size - 0.5)).all(-1)
    return torch.where(on, half.amax(-1).ceil(), 0.0).to(torch.int32)


def visible_order(depths: torch.Tensor, opacities: torch.Tensor, camera: Camera) -> torch.Tensor:
    """Indices of what can be drawn, front to back; equal depths keep the table's order."""
    visible = ((depths > camera.near) & (depths < camera.far) & (opacities >= ALPHA_MIN)).nonzero()[:, 0]
    return visible[torch.argsort(depths[visible], stable=True)]


def render(scene: RasterInput) -> Rendering:
    """See rasterizer.rasterize; tensors of any float type, computed in float64 and returned in the type of `means`."""
    camera, kind, n = scene.camera, scene.means.dtype, len(scene.means)
    width, height = scene.size
    size = (height, width)
    if n * width * height > ELEMENTS_MAX:
        raise UserError(
            f"rasterize: {n} Gaussians at {width}x{height} are too many for the dense back end; use backend='numba'."
        )
    exact = scene.converted(lambda t: t.double())
    depths = to_camera(exact.means.detach(), camera)[:, 2]
    order = visible_order(depths, exact.opacities.detach(), camera)
    shapes = exact.means[order], exact.quats[order], exact.scales[order]
    centres, z, covariances = project(*shapes, camera, scene.low_pass)
    centres = centres - centres.new_tensor(scene.corner)
    opacities = exact.opacities[order] * compensation(covariances, scene.low_pass - scene.trained_low_pass)

    def by_gaussian(values: torch.Tensor) -> torch.Tensor:
        return torch.zeros(n, dtype=torch.int32, device=values.device).index_copy(0, order, values.to(torch.int32))

    stats = DensityStats(
        depths.to(kind), by_gaussian(splat_radii(covariances, opacities, centres, width, height).detach())
    )
    offsets = pixel_offsets(centres, width, height)
    if offsets.requires_grad:
        offsets.register_hook(gradient_recorder(stats, order, width, height))
    if scene.far_limit is not None:
        limit = torch.from_numpy(scene.far_limit).reshape(-1, 1).double()
        opacities = torch.where(z.detach() <= limit, opacities, 0.0)  # [P,N]: each pixel has its own
    weights, before, after = blend(offsets, covariances, opacities)
    stats.counted = by_gaussian((weights.detach() > 0).sum(0))
    towards = directions(exact.means, camera)
    colours = sh_colours(exact.sh0, exact.shN, towards, exact.degree, scene.is_linear)[order]
    left = after[:, -1] if len(order) else after.new_ones(size[0] * size[1])
    color, alpha = weights @ colours + left[:, None] * exact.background, 1 - left
    picture = Rendering(
        color.reshape(*size, 3).to(kind), alpha.reshape(size).to(kind), "dense", stats, blend=scene.blend
    )
    if scene.depth:
        expected = (weights @ z) / torch.where(alpha > 0, alpha, 1.0)
        median = ((before >= 0.5) & (after < 0.5)).double() @ z.detach()
        picture.depth_expected, picture.depth_median = (t.reshape(size).to(kind) for t in (expected, median))
    picture.extra = (weights @ exact.extra[order]).reshape(*size, -1).to(kind)
    return picture
