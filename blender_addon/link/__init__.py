# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to the worker process. No bpy in this package: its tests run without Blender."""
