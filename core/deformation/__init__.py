# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks that move Gaussians: tri-plane encoder, audio net, fusion, branch (torch)."""

from .audio_net import AudioNet
from .field import HeadField

__all__ = ["AudioNet", "HeadField"]
