# SPDX-License-Identifier: GPL-3.0-or-later
"""Esc cancels the running job while the pointer is over our tab; users find and change it with Blender's other keys.

A shortcut, not a modal operator: text fields, transforms, file browsers and other windows get their Esc first.
"""

import bpy

from .blender_types import current_context

KEYMAP = "3D View Generic"  # its shortcuts also hold in the sidebar of a 3D view
_added: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []


def register() -> None:
    """Called by the add-on's own `register`."""
    configuration = current_context().window_manager.keyconfigs.addon
    if configuration is None:  # Blender without a window
        return
    keymap = configuration.keymaps.new(KEYMAP, space_type="VIEW_3D", region_type="WINDOW")
    _added.append((keymap, keymap.keymap_items.new("talksplat.cancel", "ESC", "PRESS")))


def unregister() -> None:
    """Called by the add-on's own `unregister`."""
    for keymap, item in _added:
        keymap.keymap_items.remove(item)
    _added.clear()
