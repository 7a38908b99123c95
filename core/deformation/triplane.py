# SPDX-License-Identifier: GPL-3.0-or-later
"""Tri-plane multi-resolution position encoder: TalkingGaussian's grids exactly (three 2-D grids, bilinear,
one channel a level, zero outside). Knows nothing of audio or Gaussians.

Two paths: numba on the CPU in float32 (`triplane_numba`), plain torch for everything else; equal to 1e-5.

Letters: N points, P = 3 planes (xy, yz, xz), L levels, R nodes an axis, T rows of one plane's table.
"""

import numpy as np
import torch
from torch import Tensor, nn

from ..performance import PLANES, BranchSettings
from .triplane_numba import encode_backward, encode_forward

TABLE_INIT = 1e-4  # uniform in +-1e-4, as torch-ngp's grids


class TriPlane(nn.Module):
    """H(x): positions in head space -> features [N, 3*L], plane-major (xy levels, yz levels, xz levels)."""

    centre: Tensor  # [3] of the bounds, metres
    scale: Tensor  # [L]
    nodes: Tensor  # [L] int64
    first: Tensor  # [L] int64

    def __init__(self, settings: BranchSettings) -> None:
        super().__init__()
        levels = settings.level_table()
        self.width = settings.spatial
        self.tables = nn.Parameter(torch.empty(3, settings.rows).uniform_(-TABLE_INIT, TABLE_INIT))
        self.register_buffer("centre", torch.tensor(settings.centre, dtype=torch.float32), persistent=False)
        self.half_extent = settings.half_extent
        self.register_buffer("scale", torch.tensor([v.scale for v in levels], dtype=torch.float32), persistent=False)
        self.register_buffer("nodes", torch.tensor([v.nodes for v in levels]), persistent=False)
        self.register_buffer("first", torch.tensor([v.first for v in levels]), persistent=False)

    def unit(self, means: Tensor) -> Tensor:  # [N,3] metres
        """Positions relative to the bounds: [N,3], 0..1 inside."""
        return (means - self.centre) * (0.5 / self.half_extent) + 0.5

    def forward(self, means: Tensor) -> Tensor:
        """[N,3] metres -> [N,3L]; exactly zero outside the bounds."""
        x01 = self.unit(means)
        if x01.device.type == "cpu" and x01.dtype == self.tables.dtype == torch.float32:
            return NumbaEncode.apply(x01, self.tables, self.scale, self.nodes, self.first)
        return torch_encode(x01, self.tables, self.scale, self.nodes, self.first)


def torch_encode(
    x01: Tensor,  # [N,3] 0..1 inside the bounds
    tables: Tensor,  # [3,T]
    scale: Tensor,  # [L]
    nodes: Tensor,  # [L] int64
    first: Tensor,  # [L] int64
) -> Tensor:  # [N,3L]
    """Differentiable in `x01` and `tables`, any float type, any device.

    All planes and levels in one go, because a GPU pays by the kernel; `index_select`, because its gradient is one
    `index_add` where an index in brackets would sort millions of rows.
    """
    columns = x01.unbind(1)
    xy = torch.stack([columns[axis] for pair in PLANES for axis in pair], 1).unflatten(1, (3, 2))
    inside = ((xy >= 0) & (xy <= 1)).all(2, keepdim=True)  # [N,3,1]
    # Outside points read node 0; their feature is replaced by zero, and so is their gradient.
    nodes_xy = torch.where(inside[..., None], xy[:, :, None, :], 0.0) * scale.to(xy.dtype)[:, None] + 0.5  # [N,3,L,2]
    cell = nodes_xy.detach().floor()
    i, j = cell.long().unbind(-1)
    row = first + i + j * nodes + tables.shape[1] * torch.arange(3, device=x01.device)[:, None]
    return torch.where(inside, _bilinear(tables, row, nodes, nodes_xy - cell), 0.0).flatten(1)


def _bilinear(tables: Tensor, row: Tensor, nodes: Tensor, within: Tensor) -> Tensor:
    """[N,3,L] from the four nodes around each cell's first `row` [N,3,L], at the place within it [N,3,L,2], 0..1."""
    corners = torch.stack([row, row + 1, row + nodes, row + nodes + 1])  # [4,N,3,L]
    values = tables.reshape(-1).index_select(0, corners.reshape(-1)).reshape(corners.shape)
    x1, y1 = within.unbind(-1)
    x0, y0 = 1.0 - x1, 1.0 - y1
    return values[0] * x0 * y0 + values[1] * x1 * y0 + values[2] * x0 * y1 + values[3] * x1 * y1


class NumbaEncode(torch.autograd.Function):
    """The CPU path. Deterministic: one thread owns each (plane, level) slice of the tables' gradient."""

    @staticmethod
    def forward(ctx, x01: Tensor, tables: Tensor, scale: Tensor, nodes: Tensor, first: Tensor) -> Tensor:
        """As `torch_encode`."""
        ctx.save_for_backward(x01, tables, scale, nodes, first)
        out = torch.empty(len(x01), 3 * len(scale), dtype=torch.float32)
        encode_forward(*_arrays(x01, tables, scale, nodes, first, out))
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Upstream [N,3L] -> gradients of the points and the tables, those that are needed."""
        x01, tables, *_ = ctx.saved_tensors
        d_x01 = torch.empty_like(x01, memory_format=torch.contiguous_format) if ctx.needs_input_grad[0] else None
        d_tables = torch.zeros_like(tables) if ctx.needs_input_grad[1] else None
        targets = [None if target is None else target.numpy() for target in (d_x01, d_tables)]
        encode_backward(*_arrays(*ctx.saved_tensors, *grad_outputs), *targets)
        return d_x01, d_tables, None, None, None


def _arrays(*tensors: Tensor) -> list[np.ndarray]:
    return [t.detach().contiguous().numpy() for t in tensors]
