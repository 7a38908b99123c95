# SPDX-License-Identifier: GPL-3.0-or-later
"""Peak signal-to-noise ratio of display-referred pictures in 0..1."""

import numpy as np


def psnr(
    rendered: np.ndarray,  # [H,W,C] 0..1
    target: np.ndarray,  # [H,W,C] 0..1
) -> float:
    """-10 log10(mean squared error) in dB; infinite for equal pictures."""
    if rendered.shape != target.shape:
        raise ValueError(f"pictures differ in shape: {rendered.shape} and {target.shape}")
    error = float(np.mean((np.asarray(rendered, np.float64) - np.asarray(target, np.float64)) ** 2))
    return float("inf") if error == 0 else -10.0 * float(np.log10(error))
