# SPDX-License-Identifier: GPL-3.0-or-later
"""The Info job: what a head, bake, performance, PLY, checkpoint or footage folder holds."""

__all__ = []
