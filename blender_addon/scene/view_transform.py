# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene's view, which Blender puts on everything it shows and on F12: a head's colours are display-referred sRGB
already, so that only Standard shows them as they were filmed. Render Sequence does not use it."""

from typing import Any

import bpy

NEUTRAL_LOOK = "None"


def changes_of(scene: bpy.types.Scene) -> list[str]:
    """What of the view changes a head's colours, in Blender's words; [] for the Standard view."""
    view = _view_of(scene)
    rows = {
        view.view_transform: view.view_transform != "Standard",
        f"look {view.look}": view.look != NEUTRAL_LOOK,
        f"exposure {view.exposure:g}": view.exposure != 0.0,
        f"gamma {view.gamma:g}": view.gamma != 1.0,
        "curves": view.use_curve_mapping,
        "white balance": view.use_white_balance,
    }
    return [name for name, is_changed in rows.items() if is_changed]


def use_standard(scene: bpy.types.Scene) -> None:
    """The Standard view without look, exposure, gamma, curves and white balance."""
    view = _view_of(scene)
    view.view_transform = "Standard"
    view.look = NEUTRAL_LOOK
    view.exposure, view.gamma = 0.0, 1.0
    view.use_curve_mapping = view.use_white_balance = False


def _view_of(scene: bpy.types.Scene) -> Any:
    """The stubs know neither its transforms nor its looks, which are the colour configuration's."""
    return scene.view_settings
