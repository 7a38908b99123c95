# SPDX-License-Identifier: GPL-3.0-or-later
"""An animator's sliders as Blender's properties, one for each row of the core's table of controls."""

from typing import cast

import bpy
from bpy.props import FloatProperty

from ..core.performance import CONTROLS, Controls
from .blender_types import Context


def show_now(_self: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    """A slider or a switch was touched: show it now, not at the next frame."""
    from . import playback
    from .speech_graph import changes

    changes.note()  # Blender tells of it together with the new cloud, as of a frame that was shown
    playback.refresh(cast(Context, context).scene)


def _slider(name: str):
    control = CONTROLS[name]
    return FloatProperty(
        name=control.label,
        description=control.description,
        default=control.default,
        min=control.low,
        max=control.high,
        precision=control.digits,
        step=1 if control.high <= 1 else 5,
        options={"ANIMATABLE"} if control.keyable else set(),
        update=show_now,
    )


class TalkSplatControls(bpy.types.PropertyGroup):
    """One moment's settings; every one can be keyframed and driven."""

    __annotations__ = {name: _slider(name) for name in CONTROLS}

    def values(self) -> Controls:
        """The sliders as the core takes them."""
        return Controls(**{name: getattr(self, name) for name in CONTROLS})
