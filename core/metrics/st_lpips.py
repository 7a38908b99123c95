# SPDX-License-Identifier: GPL-3.0-or-later
"""ST-LPIPS: how different two pictures look, and tolerant of a shift too small to be seen.

Ghildyal & Liu, "Shift-tolerant Perceptual Similarity Metric", ECCV 2022 (arXiv 2207.13686): LPIPS (Zhang et al., CVPR
2018, eq. 1) on an AlexNet without strides, which is blurred before every halving (Zhang, ICML 2019). It is a metric of
its own: its figures are not LPIPS's.

The weights are the authors' (BSD-2-Clause), read from the file in their package `stlpips-pytorch`, which is not part of
talksplat: `pip install stlpips-pytorch==0.0.2`. None of its code is run or copied (two of its files carry a licence for
non-commercial use); the network is written here from the papers, its layers' sizes are those that the package prints,
and the test holds it to the package's figures.

Letters: H W a picture, C channels of a layer.
"""

import hashlib
import io
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from ..formats import UserError, open_regular_file

PACKAGE = "stlpips_pytorch"
WEIGHTS = "weights/vST0.0/alex_shift_tolerant.pth"
SHA256 = "b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee"
INSTALL = "install it with: pip install stlpips-pytorch==0.0.2"
LAYERS = ("slice1.0", "slice2.5", "slice3.9", "slice4.11", "slice5.13")  # the five convolutions
PADDING = (2, 2, 1, 1, 1)
BLURRED = {0: "slice1.1", 1: "slice2.4", 2: "slice3.8"}  # layer -> its blur: after the first, before the next two
MIN_SIZE = 24  # pixels a side: below, the last layers see nothing but padding


class StLpips:
    """The metric with its weights: `StLpips.from_package()(rendered, target)`."""

    def __init__(self, weights: dict[str, torch.Tensor]) -> None:
        self._weights = weights

    @classmethod
    def from_package(cls) -> "StLpips":
        """From the installed package. Raises UserError where it is missing, or holds other weights than we know."""
        spec = PathFinder.find_spec(PACKAGE)  # finds without importing: that package needs torchvision
        if spec is None or not spec.submodule_search_locations:
            raise UserError(f"the Python package stlpips-pytorch (ST-LPIPS's weights) is missing; {INSTALL}.")
        return cls.from_file(Path(next(iter(spec.submodule_search_locations))) / WEIGHTS)

    @classmethod
    def from_file(cls, path: Path) -> "StLpips":
        """From the authors' file, checked by its hash before anything of it is decoded."""
        file, _ = open_regular_file(path)
        with file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != SHA256:
            raise UserError(f"{path}: these are not the ST-LPIPS weights of version 0.0.2; {INSTALL}.")
        return cls(torch.load(io.BytesIO(data), map_location="cpu", weights_only=True))

    def __call__(
        self,
        rendered: np.ndarray,  # [H,W,3] 0..1, display-referred
        target: np.ndarray,  # [H,W,3]
    ) -> float:
        """0 for equal pictures, larger for more different ones; nan for pictures under MIN_SIZE pixels."""
        if rendered.shape != target.shape:
            raise ValueError(f"pictures differ in shape: {rendered.shape} and {target.shape}")
        if min(rendered.shape[:2]) < MIN_SIZE:
            return float("nan")
        w, pair = self._weights, np.stack([rendered, target]).astype(np.float32) * 2 - 1
        with torch.inference_mode():
            x = (torch.from_numpy(pair).permute(0, 3, 1, 2) - w["scaling_layer.shift"]) / w["scaling_layer.scale"]
            return sum(self._layer_distance(k, features) for k, features in enumerate(self._features(x)))

    def _layer_distance(self, k: int, features: torch.Tensor) -> float:
        """LPIPS eq. 1 at one layer, [2,C,h,w]: the mean weighted squared distance of unit features."""
        unit = features / (features.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)
        weight = self._weights[f"lin{k}.model.1.weight"]
        return float(F.conv2d((unit[:1] - unit[1:]).square(), weight).mean())

    def _features(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        """[2,3,H,W] -> the five layers' [2,C,h,w]."""
        for k, (name, padding) in enumerate(zip(LAYERS, PADDING)):
            if k in (1, 2):
                x = self._downsample(F.max_pool2d(x, 3, stride=1), BLURRED[k])
            x = F.conv2d(x, self._weights[f"net.{name}.weight"], self._weights[f"net.{name}.bias"], padding=padding)
            x = torch.relu(self._downsample(x, BLURRED[k]) if k == 0 else x)
            yield x

    def _downsample(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """Blurred, then every second value; the borders mirror."""
        kernel = self._weights[f"net.{name}.filt"]
        return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=len(kernel))
