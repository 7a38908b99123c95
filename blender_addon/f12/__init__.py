# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads in F12 where Blender does not draw splats (before 5.3)."""
