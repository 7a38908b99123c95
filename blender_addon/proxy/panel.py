# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel of a head's proxy mesh: what it is for."""

from typing import Literal

import bpy

from .. import head_paths, open_files
from ..blender_types import Context
from ..head_objects import settings_of
from ..operators.add_proxy_mesh import TALKSPLAT_OT_add_proxy_mesh
from ..panel_base import HeadPanel, draw_button, draw_outcome
from ..panel_text import draw_sentence
from .proxy_mesh import is_of_rig, proxy_of
from .uses import USES

CLOSED: set[Literal["DEFAULT_CLOSED", "HIDE_HEADER", "INSTANCED", "HEADER_LAYOUT_EXPAND"]] = {"DEFAULT_CLOSED"}
OTHER_RIG = "The proxy mesh is of another rig and stands still: remove it and add it again"


class TALKSPLAT_PT_proxy(HeadPanel, bpy.types.Panel):
    """The mesh that stands where the head is."""

    bl_label = "Proxy Mesh"
    bl_idname = "TALKSPLAT_PT_proxy"
    bl_options = CLOSED

    def draw_head(self, layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
        """The button; once there is a mesh, what it is for and how the viewport shows it."""
        proxy = proxy_of(obj)
        if proxy is None:
            draw_button(layout, context, TALKSPLAT_OT_add_proxy_mesh, "OUTLINER_OB_MESH")
            return
        layout.use_property_split = True
        layout.use_property_decorate = False
        settings = settings_of(obj)
        row = layout.row(align=True)
        row.prop(settings, "proxy_use")
        row.operator("talksplat.remove_proxy_mesh", text="", icon="X")
        draw_sentence(layout, context, USES[settings.proxy_use].description, "INFO")
        layout.prop(proxy, "display_type", text="Viewport")
        head = open_files.head.cached(head_paths.path_of(obj, "head"))
        if head is not None and head.rig is not None and not is_of_rig(proxy, head.rig):
            draw_sentence(layout, context, OTHER_RIG, "ERROR")
        draw_outcome(layout, context, TALKSPLAT_OT_add_proxy_mesh)
