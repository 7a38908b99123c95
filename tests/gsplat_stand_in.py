# SPDX-License-Identifier: GPL-3.0-or-later
"""gsplat 1.5.3's five functions as plain torch, for machines without a GPU: its signatures, shapes, integer types, tile
lists, its autograd functions (inputs saved, `absgrad` hung onto the saved centres), and rubbish for culled Gaussians.

Written from its published interface; the numbers are the oracle's. What this cannot show is gsplat itself; that is
test_raster_contract's, on a machine with CUDA. One image, not packed.
"""

import types
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import torch

from talksplat.core.formats.camera import Camera
from talksplat.core.raster import dense
from talksplat.core.raster.constants import ALPHA_MAX, ALPHA_MIN, TRANSMITTANCE_MIN

RUBBISH = -7e30  # what memory that nobody wrote may hold


def fully_fused_projection(
    means,
    covars,
    quats,
    scales,
    viewmats,
    Ks,
    width,
    height,
    eps2d=0.3,
    near_plane=0.01,
    far_plane=1e10,
    radius_clip=0.0,
    packed=False,
    sparse_grad=False,
    calc_compensations=False,
    camera_model="pinhole",
    opacities=None,
):
    """(radii int32 [1,N,2], means2d [1,N,2], depths [1,N], conics [1,N,3], None)."""
    assert covars is None
    n = len(means)
    assert (means.shape, quats.shape, scales.shape, opacities.shape) == ((n, 3), (n, 4), (n, 3), (n,))
    assert (viewmats.shape, Ks.shape, viewmats.dtype, Ks.dtype) == ((1, 4, 4), (1, 3, 3), *[torch.float32] * 2)
    assert all(t.device == means.device for t in (quats, scales, viewmats, Ks, opacities))
    K, matrix = Ks[0].double().tolist(), viewmats[0].double().tolist()
    camera = Camera(
        width,
        height,
        K[0][0],
        K[1][1],
        K[0][2],
        K[1][2],
        matrix,
        {"pinhole": "perspective", "ortho": "orthographic"}[camera_model],
        near_plane,
        far_plane,
    )
    centres, z, covariances = dense.project(means.double(), quats.double(), scales.double(), camera, eps2d)
    radii = dense.splat_radii(covariances, opacities.double(), centres, width, height).detach()
    seen = (radii > 0) & (z > near_plane) & (z < far_plane)
    inverse = covariances.inverse()
    conics = torch.stack([inverse[:, 0, 0], inverse[:, 0, 1], inverse[:, 1, 1]], -1)
    centres, z, conics = (
        torch.where(seen.reshape(-1, *[1] * (t.ndim - 1)), t, RUBBISH).float() for t in (centres, z, conics)
    )
    return (
        torch.where(seen, radii, 0).to(torch.int32)[:, None].expand(-1, 2)[None],
        centres[None],
        z[None],
        conics[None],
        None,
    )


@torch.no_grad()
def isect_tiles(means2d, radii, depths, tile_size, tile_width, tile_height):
    """(tiles a Gaussian int32 [1,N], keys int64 [I], flatten_ids int32 [I]), by tile and then depth."""
    assert radii.dtype == torch.int32
    listed = []
    rows = zip(means2d[0].tolist(), radii[0].tolist(), depths[0].tolist())
    for g, ((x, y), (rx, ry), z) in enumerate(rows):
        if rx > 0 and ry > 0:
            across = range(max(int((x - rx) // tile_size), 0), min(int(-(-(x + rx) // tile_size)), tile_width))
            down = range(max(int((y - ry) // tile_size), 0), min(int(-(-(y + ry) // tile_size)), tile_height))
            listed += [(i * tile_width + j, z, g) for i in down for j in across]
    listed.sort()
    keys = torch.tensor([tile << 32 for tile, _, _ in listed], dtype=torch.int64, device=means2d.device)
    return None, keys, torch.tensor([g for _, _, g in listed], dtype=torch.int32, device=means2d.device)


@torch.no_grad()
def isect_offset_encode(isect_ids, n_images, tile_width, tile_height):
    """int32 [1,tile_height,tile_width]: where each tile's list begins."""
    tiles = torch.arange(tile_width * tile_height, device=isect_ids.device)
    offsets = torch.searchsorted(isect_ids >> 32, tiles).to(torch.int32)
    return offsets.reshape(n_images, tile_height, tile_width)


def tiles_of(means2d, conics, opacities, width, height, tile_size, offsets, ids):
    """Per tile: pixels [P], Gaussians [n], offsets [P,n,2] with gradients, weights [P,n], transmittance left [P]."""
    assert (offsets.dtype, ids.dtype) == (torch.int32, torch.int32)
    assert offsets.shape[1] * tile_size >= height
    assert offsets.shape[2] * tile_size >= width
    assert all(t.is_contiguous() and t.device == means2d.device for t in (means2d, conics, opacities, offsets, ids))
    starts = [*offsets.flatten().tolist(), len(ids)]
    for tile, (start, end) in enumerate(pairwise(starts)):
        top, left = tile // offsets.shape[2] * tile_size, tile % offsets.shape[2] * tile_size
        v, u = torch.meshgrid(
            torch.arange(top, min(top + tile_size, height), device=ids.device),
            torch.arange(left, min(left + tile_size, width), device=ids.device),
            indexing="ij",
        )
        v, u, listed = v.flatten(), u.flatten(), ids[start:end].long()
        away = means2d[0, listed].double() - torch.stack([u + 0.5, v + 0.5], -1)[:, None]
        if away.requires_grad:
            away.retain_grad()
        (dx, dy), (a, b, c) = away.unbind(-1), conics[0, listed].double().unbind(-1)
        alpha = opacities[0, listed].double() * torch.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy)
        alpha = torch.where(alpha >= ALPHA_MIN, alpha.clamp(max=ALPHA_MAX), 0.0)
        alpha = torch.where(torch.cumprod(1 - alpha, -1) > TRANSMITTANCE_MIN, alpha, 0.0)
        after = torch.cumprod(torch.cat([alpha.new_ones(len(alpha), 1), 1 - alpha], -1), -1)
        yield v * width + u, listed, away, alpha * after[:, :-1], after[:, -1]


class RasterizeToPixels(torch.autograd.Function):
    """As gsplat's: tensors saved, the picture made again in backward."""

    @staticmethod
    def painted(means2d, conics, colors, opacities, backgrounds, size, lists):
        picture = torch.zeros(size[0] * size[1], colors.shape[-1] + 1, dtype=torch.float64, device=means2d.device)
        offsets = []
        for pixels, listed, away, weights, left in tiles_of(means2d, conics, opacities, *size, *lists):
            blended = weights @ colors[0, listed].double() + left[:, None] * backgrounds[0]
            picture = picture.index_put((pixels,), torch.cat([blended, 1 - left[:, None]], -1))
            offsets.append((listed, away))
        picture = picture.reshape(1, size[1], size[0], -1)
        return picture[..., :-1].float(), picture[..., -1:].float(), offsets

    @staticmethod
    def forward(ctx, means2d, conics, colors, opacities, backgrounds, width, height, tile_size, offsets, ids, absgrad):
        ctx.save_for_backward(means2d, conics, colors, opacities, backgrounds, offsets, ids)
        ctx.rest = (width, height), tile_size, absgrad
        return RasterizeToPixels.painted(
            means2d, conics, colors, opacities, backgrounds, (width, height), (tile_size, offsets, ids)
        )[:2]

    @staticmethod
    def backward(ctx, v_colors, v_alphas):
        # On the CPU and in a thread of its own: no pretended device bears a backward pass within a backward pass.
        centres, device = ctx.saved_tensors[0], v_colors.device
        *splats, backgrounds, offsets, ids = (t.detach().to("cpu") for t in ctx.saved_tensors)
        size, tile_size, absgrad = ctx.rest
        leaves, upstream = [t.requires_grad_() for t in splats], (v_colors.to("cpu"), v_alphas.to("cpu"))

        def again() -> list:
            *seen, aways = RasterizeToPixels.painted(*leaves, backgrounds, size, (tile_size, offsets, ids))
            torch.autograd.backward(seen, upstream)
            return aways

        with ThreadPoolExecutor(1) as aside:
            aways = aside.submit(again).result()
        if absgrad:
            total = torch.zeros(centres.shape)
            for listed, away in aways:
                total[0].index_add_(0, listed, away.grad.abs().sum(0).float())
            centres.absgrad = total.to(device)
        return (*(leaf.grad.to(device) for leaf in leaves), *[None] * 7)


def rasterize_to_pixels(
    means2d,
    conics,
    colors,
    opacities,
    image_width,
    image_height,
    tile_size,
    isect_offsets,
    flatten_ids,
    backgrounds=None,
    masks=None,
    packed=False,
    absgrad=False,
):
    """(colours [1,H,W,X], alphas [1,H,W,1])."""
    assert colors.shape == (1, means2d.shape[1], backgrounds.shape[1])
    return RasterizeToPixels.apply(
        means2d.contiguous(),
        conics.contiguous(),
        colors.contiguous(),
        opacities.contiguous(),
        backgrounds.contiguous(),
        image_width,
        image_height,
        tile_size,
        isect_offsets.contiguous(),
        flatten_ids.contiguous(),
        absgrad,
    )


def rasterize_to_indices_in_range(
    range_start,
    range_end,
    transmittances,
    means2d,
    conics,
    opacities,
    image_width,
    image_height,
    tile_size,
    isect_offsets,
    flatten_ids,
):
    """(Gaussians int64 [M], pixels int64 [M], images int64 [M]), by pixel and then depth."""
    assert range_start == 0
    assert range_end < 1 << 32
    assert transmittances.shape == (1, image_height, image_width)
    assert bool((transmittances == 1).all())
    found = [means2d.new_zeros(0, 2, dtype=torch.int64)]
    for pixels, listed, _, weights, _ in tiles_of(
        means2d.contiguous(),
        conics.contiguous(),
        opacities.contiguous(),
        image_width,
        image_height,
        tile_size,
        isect_offsets.contiguous(),
        flatten_ids.contiguous(),
    ):
        rows, ranks = (weights > 0).nonzero().unbind(-1)
        found.append(torch.stack([pixels[rows], listed[ranks]], -1))
    found = torch.cat(found)
    found = found[found[:, 0].argsort(stable=True)]
    return found[:, 1], found[:, 0], torch.zeros_like(found[:, 0])


def module() -> types.ModuleType:
    """What `import gsplat` gives."""
    made = types.ModuleType("gsplat")
    for function in (
        fully_fused_projection,
        isect_tiles,
        isect_offset_encode,
        rasterize_to_pixels,
        rasterize_to_indices_in_range,
    ):
        setattr(made, function.__name__, function)
    return made
