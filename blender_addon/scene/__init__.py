# SPDX-License-Identifier: GPL-3.0-or-later
"""The Blender data that the add-on owns or reads: point cloud, material, sound strip, camera."""
