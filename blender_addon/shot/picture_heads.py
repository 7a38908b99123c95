# SPDX-License-Identifier: GPL-3.0-or-later
"""Which heads a render has in its pictures: the one whose button was pressed, and with All Heads what else the scene
renders."""

import bpy

from .. import head_paths
from ..blender_types import current_context
from ..head_objects import is_head, settings_of
from ..speech.attached_sounds import no_bake_reason


def further_heads(scene: bpy.types.Scene, obj: bpy.types.Object) -> list[bpy.types.Object]:
    """The other heads of the picture: objects of the view layer that are not disabled in renders."""
    settings = settings_of(obj)
    if not settings.all_heads or settings.view != "SCENE":
        return []
    return [other for other in visible_heads(scene) if other != obj]


def visible_heads(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The heads that the scene renders as objects of their own, by name."""
    context = current_context()
    layer = context.view_layer if context.scene == scene else scene.view_layers[0]
    heads = [obj for obj in filter(None, layer.objects) if is_head(obj) and not obj.hide_render]
    return sorted(heads, key=lambda obj: obj.name)


def unready_reason(scene: bpy.types.Scene, obj: bpy.types.Object) -> str:
    """Why the other heads cannot be in the picture, in one sentence; "" where they can."""
    for other in further_heads(scene, obj):
        if reason := no_bake_reason(other):
            return f"{other.name}: {reason}"
        if not head_paths.path_of(other, "bake"):
            return f"{other.name}: bake it first"
    return ""
