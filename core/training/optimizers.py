# SPDX-License-Identifier: GPL-3.0-or-later
"""Learning rates and their schedules. Groups carry `names`, so checkpoints and density control find their rows.

Letters: t the share of a schedule that has passed, 0..1.
"""

import torch
from torch.optim import Adam, AdamW, Optimizer

from ..head import Cloud, HeadModel
from .training_settings import TrainingSettings

GEOMETRY = ("means", "quats", "logscales")


def cloud_optimizer(cloud: Cloud, settings: TrainingSettings) -> Optimizer:
    """3DGS: Adam, eps 1e-15, one rate per column; a group keeps its first rate as `first`."""
    rates = {
        "means": settings.rate_means * settings.extent,
        "quats": settings.rate_quats,
        "logscales": settings.rate_scales,
        "logits": settings.rate_opacities,
        "sh0": settings.rate_sh0,
        "shN": settings.rate_sh0 / 20,
    }
    groups = [
        {"params": [getattr(cloud, name)], "names": [name], "lr": rate, "first": rate} for name, rate in rates.items()
    ]
    return Adam(groups, eps=1e-15, fused=True)


def field_optimizer(model: HeadModel, settings: TrainingSettings) -> Optimizer:
    """TalkingGaussian: AdamW (0.9, 0.99); grids fast, networks slower; audio nets slowest: they are trained already."""
    groups = {
        "grid": ([], [], settings.rate_grid, 0.0),
        "net": ([], [], settings.rate_net, 0.0),
        "audio net": ([], [], settings.rate_audio_net, 1e-4),
    }
    for name, parameter in model.field.named_parameters():
        kind = "audio net" if ".audio." in name else "grid" if name.endswith("tables") else "net"
        groups[kind][0].append(parameter)
        groups[kind][1].append(name)
    return AdamW(
        [
            {"params": parameters, "names": names, "lr": rate, "first": rate, "weight_decay": decay}
            for parameters, names, rate, decay in groups.values()
        ],
        betas=(0.9, 0.99),
        fused=True,
    )


def exponential_decay(t: float, end: float) -> float:
    """From 1 at t = 0 to `end` at t = 1."""
    return end ** min(max(t, 0.0), 1.0)


def set_rates(optimizer: Optimizer, factors: dict[str, float], otherwise: float = 1.0) -> None:
    """lr = first * factor; factors by the group's first name, `otherwise` for groups without one."""
    for group in optimizer.param_groups:
        group["lr"] = group["first"] * factors.get(group["names"][0], otherwise)


@torch.no_grad()
def keep_in_bounds(cloud: Cloud, settings: TrainingSettings) -> None:
    """No needles, no haze: clamp sigma in place to `smallest`..`largest`, the longest to `ratio` times the shortest."""
    low, high = torch.tensor([settings.smallest, settings.largest]).log().tolist()
    ratio = torch.tensor(settings.ratio).log().item()
    cloud.logscales.clamp_(low, high)
    least = cloud.logscales.amax(1, keepdim=True) - ratio
    cloud.logscales.copy_(torch.maximum(cloud.logscales, least))
