# SPDX-License-Identifier: GPL-3.0-or-later
"""The line to the worker process. No bpy in this room: its tests run without Blender."""
