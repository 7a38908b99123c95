# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of density control, each with its source.

`DensitySettings` holds what all rules share, and each rule's own numbers under the rule's name; a checkpoint compares
all of them.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class AbsGradSettings:
    """Of `absgrad` (AbsGS, Ye et al. 2024)."""

    tau: float = 4.0  # times DensitySettings.tau: absolute sums are larger (gsplat's advice: 8e-4 for 2e-4)


@dataclass(frozen=True)
class BudgetSettings:
    """Of `pixel_aware_budget`: a quota per event, a deadband and the 12 % are from Smart Target Point Control (2026) by
    its public summary; `gain` and `reach` are not in it: chosen because of the comments on their lines."""

    deadband: float = 0.01  # of the target: inside it the threshold rests
    most: float = 0.12  # the threshold's largest relative move per event
    gain: float = 4.0  # relative move for a relative error; 3 % off moves it by the 12 %
    reach: float = 1e3  # the threshold stays within tau / reach .. tau * reach, so that it can come back


@dataclass(frozen=True)
class McmcSettings:
    """Of `mcmc` (Kheradmand et al. 2024 and its published defaults). Its scenes are some units wide, a head's radius is
    `DensitySettings.extent` metres: noise and the scale term act as if the head's radius were 1."""

    dead: float = 0.005  # opacity below which a Gaussian is relocated
    growth: float = 0.05  # more Gaussians per event, up to the budget
    most: int = 51  # Gaussians that may share one place after a relocation
    noise: float = 5e5  # times the means' learning rate; both over a head of radius 1
    gate_slope: float = 100.0  # k of sigmoid(-k (o - t))
    gate_centre: float = 0.005  # t: opaque Gaussians rest
    opacity_weight: float = 0.01  # of the mean opacity in the loss
    scale_weight: float = 0.01  # of the mean scale in the loss, over a head of radius 1


@dataclass(frozen=True)
class DensitySettings:
    """What all density rules share, and each rule's own numbers under its name."""

    """What all rules share, and each rule's own numbers. Steps are picture steps."""

    strategy: str = "pixel_aware"  # a name in STRATEGIES
    start: int = 500  # first step that may change the number of Gaussians (TalkingGaussian)
    stop: int = 15_000  # last one (3DGS)
    every: int = 100  # steps between two changes (3DGS, Pixel-GS)
    tau: float = 2e-4  # score above which a Gaussian is cloned or split (Pixel-GS; NDC gradient)
    percent_dense: float = 0.01  # of `extent`: smaller ones are cloned, larger ones split (3DGS)
    extent: float = 0.2  # metres; a head's radius, not the spread of cameras, which would be meaningless here
    prune_from: float = 0.005  # opacity below which a Gaussian goes, at `start` (3DGS) ...
    prune_to: float = 0.05  # ... and at `stop`; rises as TalkingGaussian's 0.05 -> 0.30, lower because ours keeps
    # soft hair edges
    largest: float = 0.02  # metres; larger ones are removed. Not in the paper: chosen because they show as haze
    budget: int = 30_000  # Gaussians at most; reached along a curve (see `scored.Scored.allowed`)
    long_axis: bool = True  # split along the longest axis, moments kept; False: two random children (3DGS)
    absolute: bool = False  # score |gradient| summed per pixel (AbsGS) instead of the gradient's sum
    depth_factor: bool = False  # pixel_aware*: Pixel-GS's f(d); a head's cameras are too far away for it to act
    absgrad: AbsGradSettings = field(default_factory=AbsGradSettings)
    pixel_aware_budget: BudgetSettings = field(default_factory=BudgetSettings)
    mcmc: McmcSettings = field(default_factory=McmcSettings)
