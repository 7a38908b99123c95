# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a head's rig: the few numbers that move it, what they are called, and how far they err. core/dispatch.py
finds the job's handler by name."""

from .rig import VOICES, with_measured_rig
from .sample_gaussians import choose_samples, least_squares

__all__ = ["VOICES", "choose_samples", "least_squares", "with_measured_rig"]
