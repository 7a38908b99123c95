# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of a cloud are added, removed and overwritten, and its optimiser's moments with them.

Letters: N rows before, M kept, B born. Knows no scores.
"""

import math

import torch
from torch import Tensor
from torch.optim import Optimizer

from ...head import Cloud

OFFSET = 0.8  # of a split's children along the long axis, in its sigma
SHRINK = 1.6  # 3DGS: the scale of random children is the parent's / 1.6


@torch.no_grad()
def replace_rows(
    cloud: Cloud,
    optimizer: Optimizer,
    keep: Tensor,  # [M] int64 rows that stay, in their new order
    born: dict[str, Tensor] | None = None,  # column -> [B,...] appended; their moments start at zero
) -> None:
    """cloud = cloud[keep] + born, parameters and Adam's moments alike."""
    for group in optimizer.param_groups:
        for i, (name, old) in enumerate(zip(group["names"], group["params"])):
            new = old.detach()[keep]
            if born is not None:
                new = torch.cat([new, born[name]])
            new = torch.nn.Parameter(new)
            moments = optimizer.state.pop(old, None)
            if moments:
                optimizer.state[new] = {key: _edited_moment(value, keep, len(new)) for key, value in moments.items()}
            group["params"][i] = new
            setattr(cloud, name, new)


def _edited_moment(value: Tensor, keep: Tensor, length: int) -> Tensor:
    if value.ndim == 0:
        return value  # Adam's step count
    kept = value[keep]
    return torch.cat([kept, kept.new_zeros(length - len(keep), *kept.shape[1:])])


@torch.no_grad()
def overwrite_rows(
    cloud: Cloud,
    optimizer: Optimizer,
    rows: Tensor,  # [B] int64, each once
    values: dict[str, Tensor],  # column -> [B,...]
) -> None:
    """cloud[rows] = values; their Adam moments become zero, because the old ones belonged to other values."""
    for group in optimizer.param_groups:
        for name, parameter in zip(group["names"], group["params"]):
            parameter[rows] = values[name]
            for moment in optimizer.state.get(parameter, {}).values():
                if moment.ndim:  # not Adam's step count
                    moment[rows] = 0


def copy_rows(cloud: Cloud, rows: Tensor) -> dict[str, Tensor]:
    """A detached copy of some rows, column -> [B,...]: what 3DGS calls clones."""
    return {name: parameter.detach()[rows].clone() for name, parameter in cloud.named_parameters()}


def rotation_matrices(quats: Tensor) -> Tensor:
    """[B,4] w,x,y,z of any length -> [B,3,3]; columns are the Gaussian's axes."""
    w, x, y, z = torch.nn.functional.normalize(quats, dim=1).unbind(1)
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
        dim=1,
    ).reshape(-1, 3, 3)


def random_children(cloud: Cloud, rows: Tensor) -> dict[str, Tensor]:
    """3DGS: two children drawn from each parent, 1.6 times smaller. [2B,...]: first ones, then second ones."""
    parents = copy_rows(cloud, rows)
    born = {name: torch.cat([column, column]) for name, column in parents.items()}
    offset = torch.randn_like(born["means"]) * torch.exp(born["logscales"])
    born["means"] = born["means"] + torch.einsum("nij,nj->ni", rotation_matrices(born["quats"]), offset)
    born["logscales"] = born["logscales"] - math.log(SHRINK)
    return born


def long_axis_children(cloud: Cloud, rows: Tensor) -> dict[str, Tensor]:
    """Two children at +-0.8 sigma of the longest axis, which shrinks to sqrt(1 - 0.8^2) = 0.6 of itself. [2B,...].

    Mean and covariance of the pair are exactly the parent's, and so is the integral of opacity:
    2 * 0.6 * o' = o. Not in the paper: chosen because random children jump, and after a jump lips blur
    (the idea of a long-axis split is known from ImprovedGS; these equations are ours).
    """
    parents = copy_rows(cloud, rows)
    axis = parents["logscales"].argmax(dim=1)
    sigma = torch.exp(parents["logscales"].gather(1, axis[:, None]))  # [B,1]
    direction = rotation_matrices(parents["quats"])[torch.arange(len(rows), device=rows.device), :, axis]  # [B,3]
    shrunk = math.sqrt(1.0 - OFFSET**2)
    parents["logscales"] = parents["logscales"].scatter_add(1, axis[:, None], torch.full_like(sigma, math.log(shrunk)))
    parents["logits"] = torch.logit(torch.sigmoid(parents["logits"]) / (2 * shrunk), eps=1e-6)
    born = {name: torch.cat([column, column]) for name, column in parents.items()}
    born["means"] = born["means"] + OFFSET * torch.cat([sigma * direction, -sigma * direction])
    return born
