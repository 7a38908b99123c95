# SPDX-License-Identifier: GPL-3.0-or-later
"""Spherical-harmonic colour in torch, for the dense and gsplat back ends."""

import torch

from ..formats import Camera, srgb_to_linear
from .constants import SH_C0, SH_C1, SH_C2, SH_C3


def directions(
    means: torch.Tensor,  # [N,3] metres, head space
    camera: Camera,
) -> torch.Tensor:
    """Unit viewing directions [N,3]: from the camera's centre, or along its axis where rays are parallel."""
    if camera.kind == "orthographic":
        axis = torch.as_tensor(camera.matrix[2, :3], dtype=means.dtype, device=means.device)
        return (axis / axis.norm()).expand_as(means)
    away = means - torch.as_tensor(camera.centre, dtype=means.dtype, device=means.device)
    return away / away.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def sh_bands(towards: torch.Tensor) -> list[torch.Tensor]:
    """The 15 basis functions [N] above band 0 at unit directions [N,3], as 3DGS orders them."""
    x, y, z = towards.unbind(-1)
    xx, yy, zz = x * x, y * y, z * z
    return [
        -SH_C1 * y,
        SH_C1 * z,
        -SH_C1 * x,
        SH_C2[0] * x * y,
        SH_C2[1] * y * z,
        SH_C2[2] * (2 * zz - xx - yy),
        SH_C2[3] * x * z,
        SH_C2[4] * (xx - yy),
        SH_C3[0] * y * (3 * xx - yy),
        SH_C3[1] * x * y * z,
        SH_C3[2] * y * (4 * zz - xx - yy),
        SH_C3[3] * z * (2 * zz - 3 * xx - 3 * yy),
        SH_C3[4] * x * (4 * zz - xx - yy),
        SH_C3[5] * z * (xx - yy),
        SH_C3[6] * x * (xx - 3 * yy),
    ]


def sh_colours(
    sh0: torch.Tensor,  # [N,3]
    shN: torch.Tensor,  # [N,K,3]
    towards: torch.Tensor,  # [N,3] unit
    degree: int,
    is_linear: bool = False,
) -> torch.Tensor:
    """Colours [N,3] = max(0, sum_k basis_k sh_k + 0.5), bands up to `degree` (Kerbl et al. 2023); is_linear: decoded
    to light."""
    colours = SH_C0 * sh0 + 0.5
    count = (degree + 1) ** 2 - 1
    if count:
        bands = torch.stack(sh_bands(towards)[:count], -1)
        colours = colours + torch.einsum("nk,nkc->nc", bands, shN[:, :count])
    codes = colours.clamp_min(0.0)
    return srgb_to_linear(codes) if is_linear else codes
