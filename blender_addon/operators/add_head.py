# SPDX-License-Identifier: GPL-3.0-or-later
"""Add Gaussian Head: a .head file becomes an object in the scene. From the panel, Add (Shift-A), File > Import or a
drop."""

from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from ...core.formats import UserError
from .. import open_files, playback
from ..blender_types import Context, OperatorResult, cloud_of
from ..head_cloud import load_head
from ..head_objects import settings_of
from ..keyframes.head_keyframes import show_channels
from ..properties import SETTINGS_VERSION
from ..scene.versions import draws_splats
from .operator_base import UNDOABLE, BaseOperator


def add_head(context: Context, path: str) -> bpy.types.Object:
    """A new head object at the 3D cursor, selected and active. Raises UserError."""
    name = open_files.head(path).file.card.name
    obj = bpy.data.objects.new(name, bpy.data.pointclouds.new(name))
    try:
        load_head(obj, path)
    except UserError:
        bpy.data.objects.remove(obj)
        raise
    settings_of(obj).settings_version = SETTINGS_VERSION
    (context.collection or context.scene.collection).objects.link(obj)
    if not draws_splats():
        obj.display_type = "BOUNDS"  # the view draws the splats; Blender would draw a bead for each
    show_channels(obj)
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


def frame_selected(context: Context) -> None:
    """View Selected in the 3D view that the user works in; without one, nothing. A view through a camera stays."""
    area = context.area
    if area is None or area.type != "VIEW_3D":
        area = next((area for area in context.window.screen.areas if area.type == "VIEW_3D"), None)
    region = next((region for region in area.regions if region.type == "WINDOW"), None) if area else None
    if area is None or region is None or not isinstance(space := area.spaces.active, bpy.types.SpaceView3D):
        return
    if space.region_3d and space.region_3d.view_perspective != "CAMERA":
        with bpy.context.temp_override(area=area, region=region):
            bpy.ops.view3d.view_selected()


class AddsHead(BaseOperator):
    """Mixed into an operator that adds a head."""

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Objects are added in object mode."""
        return "Leave edit mode first" if context.mode != "OBJECT" else ""

    def add(self, context: Context, path: str) -> None:
        """Add the head of the file at the absolute `path`. Raises UserError."""
        obj = add_head(context, path)
        self.report({"INFO"}, f"{obj.name}: {len(cloud_of(obj).points)} Gaussians")


class TALKSPLAT_OT_add_head(AddsHead, bpy.types.Operator):
    """Add a trained head (.head) at the 3D cursor"""

    bl_idname = "talksplat.add_head"
    bl_label = "Add Gaussian Head"
    bl_options = UNDOABLE

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.head", options={"HIDDEN"})
    frame_view: BoolProperty(name="Frame in View", description="Fill the 3D view with the head", options={"SKIP_SAVE"})

    def invoke(self, context: Context, event: bpy.types.Event) -> OperatorResult:
        """Ask for the file, unless one was dropped; the view then frames the head."""
        self.frame_view = True
        if self.filepath:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: Context) -> None:
        """Add the head."""
        if not self.filepath:
            raise UserError("Choose a .head file; none was named.")
        path = open_files.absolute(self.filepath)
        if not Path(path).is_file():
            what = "is a folder; choose a .head file" if Path(path).is_dir() else "no such file; check the path"
            raise UserError(f"{path}: {what}.")
        obj = add_head(context, path)
        self.report({"INFO"}, f"{obj.name}: {len(cloud_of(obj).points)} Gaussians")
        if self.frame_view:
            frame_selected(context)


class TALKSPLAT_FH_head(bpy.types.FileHandler):
    """A .head file can be dropped into the 3D view."""

    bl_idname = "TALKSPLAT_FH_head"
    bl_label = "Gaussian head"
    bl_import_operator = TALKSPLAT_OT_add_head.bl_idname
    bl_file_extensions = ".head"

    @classmethod
    def poll_drop(cls, context: Context) -> bool:
        """In the 3D view."""
        return context.area is not None and context.area.type == "VIEW_3D"


def draw_import_menu(self: bpy.types.Menu, _context: Context) -> None:
    """The entry in File > Import."""
    assert self.layout is not None
    self.layout.operator(TALKSPLAT_OT_add_head.bl_idname, text="Gaussian Head (.head)")


def draw_add_menu(self: bpy.types.Menu, _context: Context) -> None:
    """The entry in the 3D view's Add menu, which Shift-A opens too."""
    assert self.layout is not None
    self.layout.operator_context = "INVOKE_REGION_WIN"
    self.layout.operator(TALKSPLAT_OT_add_head.bl_idname, text="Gaussian Head", icon="OUTLINER_OB_POINTCLOUD")


CLASSES = (TALKSPLAT_OT_add_head, TALKSPLAT_FH_head)
