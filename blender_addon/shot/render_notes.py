# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist is told about the scene's settings before a render: which of them change what Render Sequence writes,
and which do not."""

import bpy

from ...core.formats import UserError
from ..head_objects import settings_of
from .jobs import views_to_render
from .picture_heads import further_heads


def render_notes(scene: bpy.types.Scene, obj: bpy.types.Object) -> list[str]:
    """A sentence without a full stop for each."""
    notes, render, settings = [], scene.render, settings_of(obj)
    if obj.hide_render:
        notes.append(f"{obj.name} is disabled in renders; Render Sequence renders it all the same")
    if settings.view != "SCENE":
        return notes
    if others := further_heads(scene, obj):
        notes.append(f"With {' and '.join(other.name for other in others)} in the same pictures")
    if render.use_border:
        has_lost = settings.exr and settings.overscan > 0 and not render.use_crop_to_border
        notes.append(f"Only the render region is rendered{', without overscan' * has_lost}")
    try:
        views = views_to_render(scene, obj)
    except UserError as error:
        return [*notes, str(error).rstrip(".")]
    if any(view.suffix for view in views):
        notes.append(f"Stereo: the files' names end in {' and '.join(view.suffix for view in views)}")
    return notes
