# SPDX-License-Identifier: GPL-3.0-or-later
"""Load Head: a .head file becomes an object in the scene. From the panel, File > Import, or a drop."""

import bpy
from bpy.props import StringProperty

from ...core.formats import UserError
from .. import open_files, playback, saving
from ..blender_types import Context, OperatorResult, cloud_of
from ..properties import SETTINGS_VERSION, settings_of
from ..scene.versions import draws_splats
from .operator_base import UNDOABLE, BaseOperator


def add_head(context: Context, path: str) -> bpy.types.Object:
    """A new head object at the 3D cursor, selected and active. Raises UserError."""
    name = open_files.head(path).file.card.name
    obj = bpy.data.objects.new(name, bpy.data.pointclouds.new(name))
    try:
        saving.load_head(obj, path)
    except UserError:
        bpy.data.objects.remove(obj)
        raise
    settings_of(obj).settings_version = SETTINGS_VERSION
    (context.collection or context.scene.collection).objects.link(obj)
    if not draws_splats():
        obj.display_type = "BOUNDS"  # the view draws the splats; Blender would draw a bead for each
    obj.location = context.scene.cursor.location
    for other in context.selected_objects:
        other.select_set(False)
    obj.select_set(True)
    context.view_layer.objects.active = obj
    # Rendering an animation in the window calls our handlers from the render thread while the
    # interface draws; Blender's own remedy is to lock the interface meanwhile.
    context.scene.render.use_lock_interface = True
    playback.refresh(context.scene)
    return obj


class TALKSPLAT_OT_add_head(BaseOperator, bpy.types.Operator):
    """Load a trained head (.head) into the scene"""

    bl_idname = "talksplat.add_head"
    bl_label = "Load Head"
    bl_options = UNDOABLE

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.head", options={"HIDDEN"})

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Objects are added in object mode."""
        return "Leave edit mode first" if context.mode != "OBJECT" else ""

    def invoke(self, context: Context, event: bpy.types.Event) -> OperatorResult:
        """Ask for the file, unless one was dropped."""
        if self.filepath:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: Context) -> None:
        """Add the head."""
        obj = add_head(context, open_files.absolute(self.filepath))
        self.report({"INFO"}, f"{obj.name}: {len(cloud_of(obj).points)} Gaussians")


class TALKSPLAT_FH_head(bpy.types.FileHandler):
    """A .head file can be dropped into the 3D view."""

    bl_idname = "TALKSPLAT_FH_head"
    bl_label = "Talking head"
    bl_import_operator = TALKSPLAT_OT_add_head.bl_idname
    bl_file_extensions = ".head"

    @classmethod
    def poll_drop(cls, context: Context) -> bool:
        """In the 3D view."""
        return context.area is not None and context.area.type == "VIEW_3D"


def draw_import_menu(self: bpy.types.Menu, _context: Context) -> None:
    """The entry in File > Import."""
    assert self.layout is not None
    self.layout.operator(TALKSPLAT_OT_add_head.bl_idname, text="Talking Head (.head)")


CLASSES = (TALKSPLAT_OT_add_head, TALKSPLAT_FH_head)
