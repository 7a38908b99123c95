# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the Speech panel that offer a head another encoder, where it follows its own voice best."""

import bpy

from .. import running
from ..blender_types import Context
from ..operators.adapt_head import NO_TORCH, TALKSPLAT_OT_adapt_head, can_adapt
from ..operators.create_training_environment import TALKSPLAT_OT_create_training_environment
from ..panel_base import draw_button, draw_outcome
from ..panel_text import draw_sentence

OWN_VOICE = "This head follows its own person's voice best; it can be made to follow any voice"


def draw_adapting(layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
    """The offer, its progress and how it ended; where torch is missing, the button that gets it. Nothing for a
    head that hears any voice."""
    label = TALKSPLAT_OT_adapt_head.bl_label
    if running.now is not None and running.now.label == label:
        draw_button(layout, context, TALKSPLAT_OT_adapt_head)
    elif not can_adapt(obj):
        draw_outcome(layout, context, TALKSPLAT_OT_adapt_head)
    else:
        draw_sentence(layout, context, OWN_VOICE, "INFO")
        draw_button(layout, context, TALKSPLAT_OT_adapt_head, "USER", f"{label}...")
        if TALKSPLAT_OT_adapt_head.disabled_reason(context) == NO_TORCH:
            environment = TALKSPLAT_OT_create_training_environment
            draw_button(layout, context, environment, "IMPORT", f"{environment.bl_label}...")
