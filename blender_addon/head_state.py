# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a head, in the panel: each sentence with the buttons that cure it in the same box."""

import bpy

from . import playback
from .blender_types import Context
from .head_objects import locked_reason
from .panel_text import draw_sentence
from .scene import view_transform

# `Problem.cure` -> the operators whose buttons stand below its sentence
CURES: dict[str, tuple[str, ...]] = {
    "head": ("talksplat.relink_head",),
    "changed head": ("talksplat.reload_head", "talksplat.relink_head"),
    "performance": ("talksplat.attach_strip",),
    "rig": ("talksplat.make_rig",),
    "bake": ("talksplat.relink_bake", "talksplat.remove_bake"),
    "linked": ("talksplat.make_override",),
}


def state_of(obj: bpy.types.Object) -> list[playback.Problem]:
    """Why the head does not show what it should, and why its settings cannot be changed."""
    locked = locked_reason(obj)
    return playback.problems_of(obj) + ([playback.Problem(locked, "linked")] if locked else [])


def draw_problems(layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
    """A box for each problem, nothing for a head that is well."""
    for problem in state_of(obj):
        box = layout.box()
        draw_sentence(box, context, problem.sentence, "LINKED" if problem.cure == "linked" else "ERROR")
        row = box.row(align=True)
        for name in CURES.get(problem.cure, ()):
            row.operator(name)


def draw_view_transform(layout: bpy.types.UILayout, context: Context) -> None:
    """Says that the scene's view changes a head's colours, with the button that ends it."""
    changes = view_transform.changes_of(context.scene)
    if not changes:
        return
    box = layout.box()
    sentence = f"The scene's view ({', '.join(changes)}) changes the head's colours in Material Preview and Rendered"
    draw_sentence(box, context, sentence, "COLOR")
    box.operator("talksplat.use_standard_view")
