# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes that the add-on starts. No bpy in this package: its tests run without Blender."""
