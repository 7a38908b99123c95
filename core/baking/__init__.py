# SPDX-License-Identifier: GPL-3.0-or-later
"""Performances, bakes and rendered image sequences. Light to import (numpy): Blender shows PASSES; core/dispatch.py
finds the job handlers by name."""

from .passes import PASSES, Pass, PassKind

__all__ = ["PASSES", "Pass", "PassKind"]
