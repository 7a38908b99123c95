# SPDX-License-Identifier: GPL-3.0-or-later
"""The sliders of the Performance panel: one for each of the core's controls, in its groups; one that the head does not
follow is grey, and why is said below it."""

from __future__ import annotations

import bpy

from ..core.performance import CONTROLS, GROUPS
from . import head_paths, open_files
from .blender_types import Context
from .head_objects import settings_of
from .panel_text import draw_sentence
from .scene.pose_channels import path_of_label
from .scene.rig_nodes import labels_of
from .speech.attached_sounds import attached_sounds
from .speech.opening_suggestion import LIVELIER, opening_for

NO_PAUSES = "the sound has no pauses, or was attached with an older version"


def draw_controls(layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
    """All groups, each of which folds."""
    reasons, controls = grey_reasons(obj), settings_of(obj).controls
    for group in GROUPS:
        header, body = layout.panel(f"talksplat_{group.lower().replace(' ', '_')}")
        header.label(text=group)
        if body is None:
            continue
        column, said = body.column(), dict[str, list[str]]()
        for name, control in CONTROLS.items():
            if control.group == group:
                row = column.row()
                row.active = name not in reasons
                row.prop(controls, name, slider=True)
                if name in reasons:
                    said.setdefault(reasons[name], []).append(control.label)
                elif name == "mouth_open":
                    _draw_suggested_opening(column, context, obj)
        for reason, labels in said.items():
            draw_sentence(column, context, f"{', '.join(labels)}: {reason}", "INFO")


def _draw_suggested_opening(layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
    """What is suggested for a lively line, until the slider has it."""
    opening, moved = opening_for(obj), settings_of(obj).controls.mouth_open
    if opening is not None and abs(moved - opening) > 0.005:
        draw_sentence(layout, context, LIVELIER, "INFO")
        layout.operator("talksplat.use_suggested_opening", text=f"Use Mouth Open {opening:.2f}")


def draw_channels(layout: bpy.types.UILayout, obj: bpy.types.Object) -> None:
    """Those of a head that speaks no sound: the channels that are keyed on the object."""
    column = layout.column(align=True)
    column.use_property_split = False  # long names are read whole inside of their sliders
    for label in sorted(labels_of(obj)):
        if label in obj:
            column.prop(obj, path_of_label(label), text=label, slider=True)


def grey_reasons(obj: bpy.types.Object) -> dict[str, str]:
    """Control -> why the head does not follow it. Looks at no file: a head that is not loaded follows all."""
    head = open_files.head.cached(head_paths.path_of(obj, "head"))
    if head is None:
        return {}
    rig = [channel.name for channel in head.rig.channels] if head.rig else None
    reasons = {name: control.missing_in(head.file.card.expression, rig) for name, control in CONTROLS.items()}
    if not _has_pauses(obj):
        reasons["rest_in_pauses"] = NO_PAUSES
    return {name: reason for name, reason in reasons.items() if reason}


def _has_pauses(obj: bpy.types.Object) -> bool:
    """Whether a performance of the head has pauses, as far as they are open."""
    paths = [head_paths.path_of(obj, "performance", item) for item in attached_sounds(obj).values()]
    opened = [performance for path in paths if (performance := open_files.performance.cached(path))]
    return not opened or any(performance.presence.size for performance in opened)
