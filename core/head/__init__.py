# SPDX-License-Identifier: GPL-3.0-or-later
"""The head as a trainable thing, and its checkpoint."""

from .checkpoint import clouds_from_checkpoint, read_checkpoint, restore_checkpoint, save_checkpoint
from .cloud import Cloud
from .model import DeformedHead, HeadModel

__all__ = [
    "Cloud",
    "DeformedHead",
    "HeadModel",
    "clouds_from_checkpoint",
    "read_checkpoint",
    "restore_checkpoint",
    "save_checkpoint",
]
