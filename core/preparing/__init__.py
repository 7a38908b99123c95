# SPDX-License-Identifier: GPL-3.0-or-later
"""From videos of one person to footage: the deed `prepare`, its processes, its report."""

__all__ = []
