# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads as splats in the 3D view, for the versions of Blender that do not draw splats themselves."""
