# SPDX-License-Identifier: GPL-3.0-or-later
"""Add Head: a .head file becomes an object in the scene. From the panel, File > Import, or a drop."""

import bpy
from bpy.props import StringProperty

from ...core.formats import UserError
from .. import open_files, playback, saving
from ..viewport.splats import native
from .operator_base import UNDOABLE, BaseOperator


def add_head(context: bpy.types.Context, path: str) -> bpy.types.Object:
    """A new head object at the 3D cursor's place, selected and active. Raises UserError."""
    name = open_files.head(path).file.card.name
    body = bpy.data.objects.new(name, bpy.data.pointclouds.new(name))
    try:
        saving.load_head(body, path)
    except UserError:
        bpy.data.objects.remove(body)
        raise
    (context.collection or context.scene.collection).objects.link(body)
    if not native():
        body.display_type = "BOUNDS"  # the view draws the splats; Blender would draw a bead for each
    body.location = context.scene.cursor.location
    for other in context.selected_objects:
        other.select_set(False)
    body.select_set(True)
    context.view_layer.objects.active = body
    # Rendering an animation in the window calls our handlers from the render thread while the
    # interface draws; Blender's own cure is to lock the interface meanwhile.
    context.scene.render.use_lock_interface = True
    playback.refresh(context.scene)
    return body


class TALKSPLAT_OT_add_head(BaseOperator, bpy.types.Operator):
    """Load a trained head (.head) into the scene"""

    bl_idname = "talksplat.add_head"
    bl_label = "Load Head"
    bl_options = UNDOABLE

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.head", options={"HIDDEN"})

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return "Leave edit mode first" if context.mode != "OBJECT" else ""

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if self.filepath:  # dropped
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def act(self, context: bpy.types.Context) -> None:
        body = add_head(context, open_files.absolute(self.filepath))
        self.report({"INFO"}, f"{body.name}: {len(body.data.points)} Gaussians")


class TALKSPLAT_FH_head(bpy.types.FileHandler):
    bl_idname = "TALKSPLAT_FH_head"
    bl_label = "Talking head"
    bl_import_operator = TALKSPLAT_OT_add_head.bl_idname
    bl_file_extensions = ".head"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


def menu(self, context: bpy.types.Context) -> None:
    self.layout.operator(TALKSPLAT_OT_add_head.bl_idname, text="Talking Head (.head)")


CLASSES = (TALKSPLAT_OT_add_head, TALKSPLAT_FH_head)
