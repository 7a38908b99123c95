# SPDX-License-Identifier: GPL-3.0-or-later
"""Exact Colour, and Remove Exact Colour: heads in Cycles and EEVEE blended as they were trained (Blender 5.3)."""

import bpy

from ...core.formats import UserError
from .. import head_paths, open_files
from ..blender_types import Context, cloud_of
from ..compositing.colour_passes import add_passes, forget_passes, remove_passes, write_passes
from ..compositing.exact_colour import PURPOSE, exact_colour
from ..compositing.scene_compositor import insert_groups, inserted_groups, remove_groups
from ..head_objects import heads_of
from ..scene.material import NAMES
from ..scene.versions import draws_splats
from .operator_base import UNDOABLE, BaseOperator


def has_exact_colour(scene: bpy.types.Scene) -> bool:
    """Whether the scene's compositor has it."""
    return any(inserted_groups(scene, PURPOSE))


def heads_to_correct(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The heads whose sRGB codes are to be blended: not those that were trained for linear light, as Blender blends."""
    return [obj for obj in heads_of(scene) if not _is_linear(obj)]


def _is_linear(obj: bpy.types.Object) -> bool:
    """By its file, and where that is missing by its material."""
    head = open_files.head.cached(head_paths.path_of(obj, "head"))
    if head is not None:
        return head.file.card.blend == "linear"
    return any(material and material.name.startswith(NAMES["linear"]) for material in cloud_of(obj).materials)


def _materials(scene: bpy.types.Scene) -> list[bpy.types.Material]:
    slots = [material for obj in heads_to_correct(scene) for material in cloud_of(obj).materials]
    return [material for material in dict.fromkeys(slots) if material]


class TALKSPLAT_OT_exact_colour(BaseOperator, bpy.types.Operator):
    """Correct the heads' colours in F12 in the compositor: edges of teeth, lashes and hair as in Render Sequence, at \
no extra render time. For Cycles and EEVEE"""

    bl_idname = "talksplat.exact_colour"
    bl_label = "Exact Colour"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a Blender that draws splats, by an engine that has passes of materials."""
        if not draws_splats():
            return "Blender draws splats itself since 5.3: use Show in F12"
        if not heads_of(context.scene):
            return "Add a head first"
        if not heads_to_correct(context.scene):
            return "These heads are trained for linear light: F12 shows their colours as they are"
        if context.scene.render.engine == "BLENDER_WORKBENCH":
            return "Workbench renders no passes of materials: use Cycles or EEVEE"
        return "Exact Colour is on already" if has_exact_colour(context.scene) else ""

    def run(self, context: Context) -> None:
        """Passes in the heads' materials and the view layers, and the group that uses them in the compositor."""
        scene = context.scene
        if not write_passes(_materials(scene)):
            raise UserError(
                "No material of a head has a colour that is linked to an Emission node; use TalkSplat's own."
            )
        for layer in scene.view_layers:
            add_passes(layer)
        group = exact_colour(scene)
        insert_groups(scene, lambda _layer: group)


class TALKSPLAT_OT_remove_exact_colour(BaseOperator, bpy.types.Operator):
    """Remove Exact Colour from the compositor, the view layers and the materials"""

    bl_idname = "talksplat.remove_exact_colour"
    bl_label = "Remove Exact Colour"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """What is not there cannot be removed."""
        return "" if has_exact_colour(context.scene) else "Exact Colour is off already"

    def run(self, context: Context) -> None:
        """Remove it; another scene that has it keeps the materials' part."""
        scene = context.scene
        remove_groups(scene, PURPOSE)
        for layer in scene.view_layers:
            remove_passes(layer)
        if not any(has_exact_colour(other) for other in bpy.data.scenes):
            forget_passes(_materials(scene))


CLASSES = (TALKSPLAT_OT_exact_colour, TALKSPLAT_OT_remove_exact_colour)
