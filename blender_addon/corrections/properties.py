# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's corrections as they lie in the .blend: rows of numbers, which we evaluate.

Rows, not keys in an action: they act on live speech, for which a head needs no channels and no action; they stay when
the speech below is baked to keyframes again; and an artist's own actions, slots and NLA strips are left alone. What a
row does is seen in the Graph Editor, and in a Blender without the add-on, once Bake to Keyframes has put it into keys.
"""

import bpy
from bpy.props import BoolProperty, CollectionProperty, FloatProperty, IntProperty

from ...core.performance import BLEND_TIME
from ..slider_properties import show_now

STILL: set = set()  # no F-curves: how a correction comes and goes is its fall-off
SECONDS = {"subtype": "TIME_ABSOLUTE", "unit": "TIME_ABSOLUTE", "min": 0.0, "max": 600.0, "soft_max": 2.0, "step": 1}


def _seconds(name: str, description: str, default: float):
    return FloatProperty(
        name=name, description=description, default=default, precision=2, options=STILL, update=show_now, **SECONDS
    )


class TalkSplatChannelChange(bpy.types.PropertyGroup):
    """What a correction does to one channel; `name` is the rig's, "lips_apart"."""

    value: FloatProperty(
        name="Change (mm)",
        description="How much this channel changes at the correction's frame, in millimetres",
        soft_min=-10.0,
        soft_max=10.0,
        step=10,
        precision=2,
        options=STILL,
        update=show_now,
    )


class TalkSplatCorrection(bpy.types.PropertyGroup):
    """One correction of a head; `name` is an artist's own."""

    frame: IntProperty(
        name="Frame", description="The frame at which the correction is exact", options=STILL, update=show_now
    )
    strength: FloatProperty(
        name="Strength",
        description="How much the correction counts; 0 changes nothing, above 1 it goes further",
        default=1.0,
        min=0.0,
        soft_max=1.0,
        max=10.0,
        subtype="FACTOR",
        options=STILL,
        update=show_now,
    )
    blend_in: _seconds("Blend In", "Seconds before its frame in which the correction comes", BLEND_TIME)
    hold: _seconds("Hold", "Seconds after its frame for which the correction stays as it is", 0.0)
    blend_out: _seconds("Blend Out", "Seconds after that in which the correction goes", BLEND_TIME)
    mute: BoolProperty(name="Mute", description="Leave the correction out", options=STILL, update=show_now)
    is_keyed: BoolProperty(
        name="In Keyframes",
        description="The head's keyframes hold this correction already; switch off to lay it on top of them again",
        options=STILL,
        update=show_now,
    )
    changes: CollectionProperty(type=TalkSplatChannelChange)


CLASSES = (TalkSplatChannelChange, TalkSplatCorrection)
