# SPDX-License-Identifier: GPL-3.0-or-later
"""The oracle: every Gaussian against every pixel, in float64, differentiated by torch. Slow, and meant to be read.

Letters: N Gaussians in depth order, P pixels, U = J W R S [N,2,3], s the exponent of the 2D Gaussian.
"""

import torch

from ..formats import Camera, UserError
from .constants import ALPHA_MAX, ALPHA_MIN, EPS2D, FOV_MARGIN, TRANSMITTANCE_MIN
from .rendering import DensityStats, Rendering
from .sh import directions, sh_colours

ELEMENTS_MAX = 1 << 27  # N * P; beyond it the oracle would take tens of gigabytes


def rotations(quats: torch.Tensor) -> torch.Tensor:
    """[N,4] w,x,y,z of any length -> [N,3,3]; zero is the identity."""
    w, x, y, z = (quats / quats.norm(dim=-1, keepdim=True).clamp_min(1e-12)).unbind(-1)
    return torch.stack(
        [
            1 - 2 * (y * y + z * z),
            2 * (x * y - w * z),
            2 * (x * z + w * y),
            2 * (x * y + w * z),
            1 - 2 * (x * x + z * z),
            2 * (y * z - w * x),
            2 * (x * z - w * y),
            2 * (y * z + w * x),
            1 - 2 * (x * x + y * y),
        ],
        -1,
    ).reshape(-1, 3, 3)


def jacobians(seen: torch.Tensor, camera: Camera) -> torch.Tensor:
    """d(pixel)/d(camera-space point) [N,2,3] at `seen` [N,3], clamped to the picture's margin (gsplat 1.5.3)."""
    x, y, z = seen.unbind(-1)
    zero = torch.zeros_like(z)
    if camera.kind == "orthographic":
        rows = [zero + camera.fx, zero, zero, zero, zero + camera.fy, zero]
    else:
        margin_x, margin_y = (0.5 * FOV_MARGIN * camera.width / camera.fx, 0.5 * FOV_MARGIN * camera.height / camera.fy)
        tx = z * (x / z).clamp(-camera.cx / camera.fx - margin_x, (camera.width - camera.cx) / camera.fx + margin_x)
        ty = z * (y / z).clamp(-camera.cy / camera.fy - margin_y, (camera.height - camera.cy) / camera.fy + margin_y)
        rows = [camera.fx / z, zero, -camera.fx * tx / z**2, zero, camera.fy / z, -camera.fy * ty / z**2]
    return torch.stack(rows, -1).reshape(-1, 2, 3)


def project(means, quats, scales, camera: Camera) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pixel centres [N,2], depths [N] and 2D covariances [N,2,2] of Gaussians in front of the camera."""
    matrix = torch.as_tensor(camera.matrix, dtype=means.dtype, device=means.device)
    seen = means @ matrix[:3, :3].T + matrix[:3, 3]
    x, y, z = seen.unbind(-1)
    over = 1.0 if camera.kind == "orthographic" else z
    centres = torch.stack([camera.fx * x / over + camera.cx, camera.fy * y / over + camera.cy], -1)
    U = jacobians(seen, camera) @ matrix[:3, :3] @ rotations(quats) @ torch.diag_embed(scales)
    return centres, z, U @ U.mT + EPS2D * torch.eye(2, dtype=means.dtype, device=means.device)


def blend(centres, covariances, opacities, camera: Camera, watch) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights [P,N] and transmittance after each Gaussian [P,N], all in depth order.

    `watch(offsets)` sees the [P,N,2] offsets of pixels from centres, through which the 2D gradients flow.
    """
    v, u = torch.meshgrid(torch.arange(camera.height), torch.arange(camera.width), indexing="ij")
    pixels = torch.stack([u, v], -1).reshape(-1, 1, 2).to(centres) + 0.5
    offsets = watch(pixels - centres)
    s = 0.5 * torch.einsum("pni,nij,pnj->pn", offsets, covariances.inverse(), offsets)
    alpha = opacities * torch.exp(-s)
    alpha = torch.where(alpha >= ALPHA_MIN, alpha.clamp(max=ALPHA_MAX), 0.0)
    after = torch.cumprod(1 - alpha, dim=-1)
    alpha = torch.where(after > TRANSMITTANCE_MIN, alpha, 0.0)  # a pixel stops before the Gaussian that would end it
    after = torch.cumprod(1 - alpha, dim=-1)
    before = torch.cat([torch.ones_like(after[:, :1]), after[:, :-1]], -1)
    return alpha * before, after


def watcher(stats: DensityStats, order: torch.Tensor, camera: Camera):
    """A `watch` for `blend` that files the 2D gradients into `stats` during backward."""
    half = torch.tensor([camera.width / 2, camera.height / 2], dtype=torch.float64, device=order.device)

    def on_gradient(gradient: torch.Tensor) -> None:
        n = len(stats.depths)
        stats.grad2d = gradient.new_zeros(n, 2).index_copy(0, order, -gradient.sum(0) * half)
        stats.absgrad2d = gradient.new_zeros(n, 2).index_copy(0, order, gradient.abs().sum(0) * half)

    def watch(offsets: torch.Tensor) -> torch.Tensor:
        if offsets.requires_grad:
            offsets.register_hook(on_gradient)
        return offsets

    return watch


def radii_of(covariances: torch.Tensor, opacities: torch.Tensor, centres: torch.Tensor, camera: Camera) -> torch.Tensor:
    """int32 [N]: pixels from the centre to where alpha falls below 1/255, 0 where that is off the picture."""
    reach = torch.sqrt(2 * torch.log(255 * opacities).clamp_min(0.0))
    half = reach[:, None] * covariances.diagonal(dim1=-2, dim2=-1).sqrt()
    size = torch.tensor([camera.width, camera.height], dtype=half.dtype, device=half.device)
    on = ((centres + half > 0.5) & (centres - half < size - 0.5)).all(-1)
    return torch.where(on, half.amax(-1).ceil(), 0.0).to(torch.int32)


def render(means, quats, scales, opacities, sh0, shN, camera: Camera, *, background, extra, depth, degree) -> Rendering:
    """See door.rasterize; tensors of any float type, computed in float64 and returned in the type of `means`."""
    if len(means) * camera.width * camera.height > ELEMENTS_MAX:
        raise UserError(
            f"rasterize: {len(means)} Gaussians at {camera.width}x{camera.height} are too many for the dense "
            "back end; use backend='numba'."
        )
    kind, n = means.dtype, len(means)
    means, quats, scales, opacities, sh0, shN, extra, background = (
        t.double() for t in (means, quats, scales, opacities, sh0, shN, extra, background)
    )
    matrix = torch.as_tensor(camera.matrix, dtype=torch.float64, device=means.device)
    depths = (means.detach() @ matrix[:3, :3].T + matrix[:3, 3])[:, 2]
    seen = ((depths > camera.near) & (depths < camera.far) & (opacities.detach() >= ALPHA_MIN)).nonzero()[:, 0]
    order = seen[torch.argsort(depths[seen], stable=True)]
    centres, z, covariances = project(means[order], quats[order], scales[order], camera)
    radii = torch.zeros(n, dtype=torch.int32, device=means.device)
    radii[order] = radii_of(covariances, opacities[order], centres, camera).detach()
    stats = DensityStats(depths.to(kind), radii)
    weights, after = blend(centres, covariances, opacities[order], camera, watcher(stats, order, camera))
    colours = sh_colours(sh0, shN, directions(means, camera), degree)[order]
    size = (camera.height, camera.width)
    last = after[:, -1] if len(order) else torch.ones(size[0] * size[1], dtype=torch.float64, device=means.device)
    alpha = 1 - last
    counts = torch.zeros(n, dtype=torch.int32, device=means.device)
    counts[order] = (weights.detach() > 0).sum(0).to(torch.int32)
    stats.counted = counts
    color = weights @ colours + last[:, None] * background
    picture = Rendering(color.reshape(*size, 3).to(kind), alpha.reshape(size).to(kind), "dense", stats)
    if depth:
        expected = (weights @ z) / torch.where(alpha > 0, alpha, 1.0)
        before = torch.cat([torch.ones_like(after[:, :1]), after[:, :-1]], -1)
        median = ((before >= 0.5) & (after < 0.5)).double() @ z.detach()
        picture.depth_expected, picture.depth_median = (t.reshape(size).to(kind) for t in (expected, median))
    picture.extra = (weights @ extra[order]).reshape(*size, -1).to(kind)
    return picture
