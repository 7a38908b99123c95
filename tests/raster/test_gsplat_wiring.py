# SPDX-License-Identifier: GPL-3.0-or-later
"""The gsplat back end's own code without a GPU: gsplat's five functions are stood in for by the oracle's.

What this cannot show is gsplat itself; that is test_raster_contract's, on a machine with CUDA.
"""

import sys
import types

import pytest
import torch
from talksplat.core.formats.camera import Camera
from talksplat.core.raster import dense, gsplat_backend, rasterize


def stand_in() -> types.ModuleType:
    """A module with gsplat 1.5.3's signatures and shapes (one image, not packed)."""
    module = types.ModuleType("gsplat")

    def camera_of(viewmats, Ks, width, height, kind, near=0.01, far=100.0):
        K = Ks[0].double()
        kind = {"pinhole": "perspective", "ortho": "orthographic"}[kind]
        return Camera(width, height, K[0, 0].item(), K[1, 1].item(), K[0, 2].item(), K[1, 2].item(),
                      viewmats[0].double().tolist(), kind, near, far)

    def fully_fused_projection(means, covars, quats, scales, viewmats, Ks, width, height, eps2d, near_plane, far_plane,
                               opacities, camera_model):
        assert covars is None
        assert eps2d == 0.3
        camera = camera_of(viewmats, Ks, width, height, camera_model, near_plane, far_plane)
        centres, z, covariances = dense.project(means.double(), quats.double(), scales.double(), camera)
        radii = dense.radii_of(covariances, opacities.double(), centres, camera).detach()
        radii = torch.where((z > near_plane) & (z < far_plane), radii, 0)[:, None].expand(-1, 2)
        conics = covariances.inverse()
        conics = torch.stack([conics[:, 0, 0], conics[:, 0, 1], conics[:, 1, 1]], -1)
        return radii[None], centres.float()[None], z.float()[None], conics.float()[None], None

    def isect_tiles(means2d, radii, depths, tile_size, tile_width, tile_height):
        seen = (radii[0, :, 0] > 0).nonzero()[:, 0]
        return None, None, seen[depths[0, seen].argsort(stable=True)]

    def weights_of(means2d, conics, opacities, width, height, ids, watch=lambda offsets: offsets):
        a, b, c = conics[0, ids].double().unbind(-1)
        covariances = torch.stack([a, b, b, c], -1).reshape(-1, 2, 2).inverse()
        size = Camera(width, height, 1.0, 1.0, 0.0, 0.0, torch.eye(4).tolist())
        return dense.blend(means2d[0, ids].double(), covariances, opacities[0, ids].double(), size, watch)

    def rasterize_to_pixels(means2d, conics, colors, opacities, width, height, tile_size, offsets, flatten_ids,
                            backgrounds, absgrad):
        def watch(offsets):
            def keep(gradient):
                means2d.absgrad = torch.zeros_like(means2d)
                means2d.absgrad[0, flatten_ids] = gradient.abs().sum(0).float()

            if absgrad:
                offsets.register_hook(keep)
            return offsets

        weights, after = weights_of(means2d, conics, opacities, width, height, flatten_ids, watch)
        color = weights @ colors[0, flatten_ids].double() + after[:, -1:] * backgrounds[0]
        return color.float().reshape(1, height, width, -1), 1 - after[:, -1].float().reshape(1, height, width, 1)

    def rasterize_to_indices_in_range(start, end, transmittances, means2d, conics, opacities, width, height, tile_size,
                                      offsets, flatten_ids):
        weights, _ = weights_of(means2d, conics, opacities, width, height, flatten_ids)
        pixels, ranks = (weights > 0).nonzero().unbind(-1)
        return flatten_ids[ranks], pixels, torch.zeros_like(pixels)

    module.isect_offset_encode = lambda keys, images, tiles_x, tiles_y: torch.zeros(images, tiles_y, tiles_x)
    for function in (fully_fused_projection, isect_tiles, rasterize_to_pixels, rasterize_to_indices_in_range):
        setattr(module, function.__name__, function)
    return module


@pytest.mark.parametrize("kind", ["perspective", "orthographic"])
def test_what_we_add_to_gsplat(make, monkeypatch, kind):
    monkeypatch.setitem(sys.modules, "gsplat", stand_in())
    monkeypatch.setattr(gsplat_backend, "why_not", lambda: None)
    monkeypatch.setattr(gsplat_backend, "working_device", lambda home: home)
    camera, results = make.view(kind=kind), []
    for backend, dtype in (("dense", torch.float64), ("gsplat", torch.float32)):
        leaves = {name: v.requires_grad_() for name, v in make.cloud(300, 3, dtype=dtype).items()}
        picture = rasterize(**leaves, camera=camera, background=torch.tensor([0.1, 0.5, 0.9], dtype=dtype), depth=True,
                            backend=backend)
        assert picture.backend == backend
        (picture.color.square().sum() + picture.alpha.sum() + picture.depth_expected.sum()
         + picture.extra.square().sum()).backward()
        results.append((picture, leaves))
    (truth, wanted), (mine, leaves) = results
    for name in ("color", "alpha", "depth_expected", "depth_median", "extra", "pixel_counts"):
        assert make.relative(getattr(mine, name), getattr(truth, name)) < 1e-4, name
    for name in ("grad2d", "absgrad2d", "depths", "radii"):
        assert make.relative(getattr(mine.density, name), getattr(truth.density, name)) < 1e-4, name
    for name in make.columns:
        assert make.relative(leaves[name].grad, wanted[name].grad) < 1e-4, name


def test_a_picture_of_nothing_has_every_field(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "gsplat", stand_in())
    monkeypatch.setattr(gsplat_backend, "why_not", lambda: None)
    monkeypatch.setattr(gsplat_backend, "working_device", lambda home: home)
    picture = rasterize(**make.cloud(0, dtype=torch.float32), camera=make.view(), depth=True, backend="gsplat")
    assert not picture.alpha.any()
    assert not picture.depth_median.any()
    assert picture.extra.shape == (52, 70, 2)
    assert picture.pixel_counts.shape == (0,)
