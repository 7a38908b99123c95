# SPDX-License-Identifier: GPL-3.0-or-later
"""When a graph has to look again: a number that grows whenever something of a head, its curves or the sequencer may
have changed, and never because of a frame that was shown."""

import bpy
from bpy.app.handlers import persistent

from ..head_objects import is_head

_state = 0


def state() -> int:
    """It differs from what it was before where a graph has to look again."""
    return _state


def note() -> None:
    """Something may have changed."""
    global _state
    _state += 1


@persistent
def on_update(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Blender evaluated something. A head whose geometry alone is new was shown at another frame."""
    if any(_counts(update) for update in depsgraph.updates):
        note()


def _counts(update: bpy.types.DepsgraphUpdate) -> bool:
    if isinstance(update.id, bpy.types.Action | bpy.types.Scene):
        return True
    return isinstance(update.id, bpy.types.Object) and is_head(update.id) and not update.is_updated_geometry


@persistent
def on_other_data(*_: object) -> None:
    """Undo, redo, another file."""
    note()


HANDLERS = (
    ("depsgraph_update_post", on_update),
    ("undo_post", on_other_data),
    ("redo_post", on_other_data),
    ("load_post", on_other_data),
)


def register() -> None:
    """Called by the package's `register`."""
    for event, handler in HANDLERS:
        getattr(bpy.app.handlers, event).append(handler)


def unregister() -> None:
    """Called by the package's `unregister`."""
    for event, handler in HANDLERS:
        getattr(bpy.app.handlers, event).remove(handler)
