# SPDX-License-Identifier: GPL-3.0-or-later
"""How good a head is, in numbers. Pictures are [H,W,C] float in 0..1, display-referred."""

from .bilabial_closure import LipClosure, closed_gap_threshold, lip_closure
from .delay_recovery import shift_recovery
from .grid_words import bilabial_spans, read_align, word_pauses
from .lips import MOUTH_LANDMARKS, correlation, face_box, jitter, landmark_distance, lip_gap, mouth_box
from .phone_lips import PhoneLips, stillness
from .psnr import psnr
from .silence import SilenceMotion, silence_motion
from .spans import Span
from .speech_share import speech_share
from .ssim import ssim_with_gradient
from .ssim_torch import ssim_with_gradient_torch
from .st_lpips import StLpips
from .sync_evidence import is_certain, is_unrelated, offset_stretches
from .sync_offset import LipOffset, lip_offset, pool_offsets, share_within
from .table import METRICS, compute_metrics

__all__ = [
    "METRICS",
    "MOUTH_LANDMARKS",
    "LipClosure",
    "LipOffset",
    "PhoneLips",
    "SilenceMotion",
    "Span",
    "StLpips",
    "bilabial_spans",
    "closed_gap_threshold",
    "compute_metrics",
    "correlation",
    "face_box",
    "is_certain",
    "is_unrelated",
    "jitter",
    "landmark_distance",
    "lip_closure",
    "lip_gap",
    "lip_offset",
    "mouth_box",
    "offset_stretches",
    "pool_offsets",
    "psnr",
    "read_align",
    "share_within",
    "shift_recovery",
    "silence_motion",
    "speech_share",
    "ssim_with_gradient",
    "ssim_with_gradient_torch",
    "stillness",
    "word_pauses",
]
