# SPDX-License-Identifier: GPL-3.0-or-later
"""The head as a trainable thing, and its checkpoint."""

from .checkpoint import clouds_of, read_checkpoint, restore_checkpoint, save_checkpoint
from .cloud import Cloud
from .model import HeadModel, Moved

__all__ = [
    "Cloud",
    "HeadModel",
    "Moved",
    "clouds_of",
    "read_checkpoint",
    "restore_checkpoint",
    "save_checkpoint",
]
