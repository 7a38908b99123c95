# SPDX-License-Identifier: GPL-3.0-or-later
"""How good a head is, in numbers. Pictures are [H,W,C] float in 0..1, display-referred."""

from .closure import Closure, closed_below, closure
from .grid_words import Word, bilabial_spans, pauses, read_align
from .lip_offset import LipOffset, lip_offset, pool_offsets, share_within
from .lips import MOUTH_LANDMARKS, correlation, face_box, jitter, landmark_distance, lip_gap, mouth_box
from .psnr import psnr
from .shift_recovery import ShiftRecovery, shift_recovery
from .shifts import MAX_SHIFT
from .silence import SilenceMotion, silence_motion, silent_spans
from .spans import Span
from .ssim import ssim, ssim_with_gradient
from .ssim_torch import ssim_with_gradient as ssim_with_gradient_torch
from .st_lpips import StLpips
from .table import METRICS, Metric, better, compute_metrics

__all__ = [
    "MAX_SHIFT",
    "METRICS",
    "MOUTH_LANDMARKS",
    "Closure",
    "LipOffset",
    "Metric",
    "ShiftRecovery",
    "SilenceMotion",
    "Span",
    "StLpips",
    "Word",
    "better",
    "bilabial_spans",
    "closed_below",
    "closure",
    "compute_metrics",
    "correlation",
    "face_box",
    "jitter",
    "landmark_distance",
    "lip_gap",
    "lip_offset",
    "mouth_box",
    "pauses",
    "pool_offsets",
    "psnr",
    "read_align",
    "share_within",
    "shift_recovery",
    "silence_motion",
    "silent_spans",
    "ssim",
    "ssim_with_gradient",
    "ssim_with_gradient_torch",
]
