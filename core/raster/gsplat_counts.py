# SPDX-License-Identifier: GPL-3.0-or-later
"""What gsplat does not offer, made from its own index kernel: exact pixel counts and the median depth.

Letters: N Gaussians, M (Gaussian, pixel) contributions in pixel and then depth order.
"""

import math
from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

import torch

from .constants import ALPHA_MAX

TILE = 16
ALL_BATCHES = 1 << 30  # more batches than any tile's list has
BAND = 1 << 18  # pixels whose contributions are listed at once: some 30 each, 50 bytes each while they are counted
LOG_HALF = math.log(0.5)


class Splats(NamedTuple):
    """Gaussians as gsplat projects them; the first axis is its image axis."""

    means2d: torch.Tensor  # [1,N,2] pixels
    conics: torch.Tensor  # [1,N,3] inverse covariance: xx, xy, yy
    opacities: torch.Tensor  # [1,N]

    def detached(self) -> "Splats":
        """Without the graph."""
        return Splats(*(t.detach() for t in self))


class TileLists(NamedTuple):
    """Which Gaussians each tile draws, front to back."""

    offsets: torch.Tensor  # int32 [1,tiles high,tiles wide] where each tile's list begins
    ids: torch.Tensor  # int32 [I] Gaussians


def contributions(
    splats: Splats, lists: TileLists, width: int, height: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Gaussian and pixel index int64 [M] of everything that was blended, front to back within a pixel; band by band of
    tile rows, because a big picture's list would fill the memory (1024^2: about a gigabyte)."""
    offsets, ids = lists
    tiles_y, tiles_x = offsets.shape[1:]
    rows = max(BAND // (TILE * TILE * tiles_x), 1)
    for first in range(0, tiles_y, rows):
        last = min(first + rows, tiles_y)
        top, bottom = first * TILE, min(last * TILE, height)
        end = len(ids) if last == tiles_y else int(offsets[0, last, 0])
        centres = splats.means2d - splats.means2d.new_tensor([0.0, top]) if top else splats.means2d
        clear = torch.ones(1, bottom - top, width, device=centres.device)
        size, band = (width, bottom - top), (offsets[:, first:last].contiguous(), ids[:end])
        gaussians, pixels, _ = import_module("gsplat").rasterize_to_indices_in_range(
            0, ALL_BATCHES, clear, centres, splats.conics, splats.opacities, *size, TILE, *band
        )
        yield gaussians, pixels + top * width


def pixel_counts(splats: Splats, lists: TileLists, width: int, height: int) -> torch.Tensor:
    """int32 [N]: in how many pixels each was blended."""
    n = splats.means2d.shape[1]
    total = torch.zeros(n, dtype=torch.int64, device=splats.means2d.device)
    for gaussians, _ in contributions(splats, lists, width, height):
        total += torch.bincount(gaussians, minlength=n)
    return total.to(torch.int32)


def alphas(splats: Splats, gaussians: torch.Tensor, pixels: torch.Tensor, width: int) -> torch.Tensor:
    """[M]: each contribution's alpha, before its clamp."""
    x, y = pixels % width + 0.5, pixels // width + 0.5
    dx, dy = splats.means2d[0, gaussians, 0] - x, splats.means2d[0, gaussians, 1] - y
    a, b, c = splats.conics[0, gaussians].unbind(-1)
    return splats.opacities[0, gaussians] * torch.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy)


def median_depth(splats: Splats, depths: torch.Tensor, lists: TileLists, width: int, height: int) -> torch.Tensor:
    """[H,W]: depth of the Gaussian at which transmittance falls below one half, 0 where none does; depths [1,N]."""
    out = torch.zeros(height * width, device=depths.device)
    for gaussians, pixels in contributions(splats, lists, width, height):
        if len(pixels) == 0:
            continue
        alpha = alphas(splats, gaussians, pixels, width)
        passed = torch.log1p(-alpha.clamp(max=ALPHA_MAX).double()).cumsum(0)  # of all pixels one after the other
        starts = torch.ones_like(pixels, dtype=torch.bool)
        starts[1:] = pixels[1:] != pixels[:-1]
        before = torch.cat([passed.new_zeros(1), passed[:-1]])
        base = before[starts][starts.cumsum(0) - 1]
        here = (passed - base < LOG_HALF) & (before - base >= LOG_HALF)
        out[pixels[here]] = depths[0, gaussians[here]]
    return out.reshape(height, width)
