# SPDX-License-Identifier: GPL-3.0-or-later
"""How good a head is, in numbers. Pictures are [H,W,C] float in 0..1, display-referred."""

from .lips import correlation, jitter, landmark_distance, lip_gap, mouth_box
from .psnr import psnr
from .ssim import ssim, ssim_with_gradient

METRICS = {"psnr": psnr, "ssim": ssim}  # name -> function(rendered, truth) -> float; larger is better

__all__ = ["METRICS", "correlation", "jitter", "landmark_distance", "lip_gap", "mouth_box", "psnr", "ssim",
           "ssim_with_gradient"]
