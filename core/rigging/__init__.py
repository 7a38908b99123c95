# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a head's rig: the few numbers that move it, what they are called, and how far they err. core/dispatch.py
finds the job's handler by name."""

from .rig import with_measured_rig

__all__ = ["with_measured_rig"]
