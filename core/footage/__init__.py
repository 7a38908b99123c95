# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage: a prepared talking video, read with suspicion and within bounded memory."""

from .footage import SPLITS, Clip, Footage, Track
from .pictures import Picture

__all__ = ["SPLITS", "Clip", "Footage", "Picture", "Track"]
