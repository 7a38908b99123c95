# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of density control, each with its source."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DensitySettings:
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
    budget: int = 30_000  # Gaussians at most; reached along a curve (see `strategy.Strategy.allowed`)
    long_axis: bool = True  # split along the longest axis, moments kept; False: two random children (3DGS)
    absolute: bool = False  # score |gradient| summed a pixel (AbsGS) instead of the gradient's sum
