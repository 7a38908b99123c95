# SPDX-License-Identifier: GPL-3.0-or-later
"""What one of our files holds."""

__all__ = []
