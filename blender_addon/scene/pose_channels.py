# SPDX-License-Identifier: GPL-3.0-or-later
"""A pose as custom properties of the head's object, one a channel, "Lips Apart": what its F-curves, drivers and NLA
strips act on, with the add-on and without.

Custom properties, because those of an add-on are gone where the add-on is.
"""

from collections.abc import Sequence
from typing import Any, cast

import bpy

from ...core.formats import RigChannel

UNIT = "Millimetres"
WHOLE = "1 is the whole shape"  # of another program's rig


def label_of(channel: RigChannel) -> str:
    """What an animator reads: "lips_apart" is "Lips Apart"; a name of another rig, "jawOpen", stays as it is known."""
    return label_of_name(channel.name)


def label_of_name(name: str) -> str:
    """The same, of the channel's name."""
    return name.replace("_", " ").title() if name.islower() else name


def is_detail(name: str) -> bool:
    """Whether the channel of this name is one of those that say what the named ones leave."""
    return "_detail_" in name


def path_of(channel: RigChannel) -> str:
    """The property's path from the object, as F-curves and drivers name it."""
    return path_of_label(label_of(channel))


def path_of_label(label: str) -> str:
    """The same, of what an animator reads."""
    return f'["{label}"]'


def add_channels(obj: bpy.types.Object, channels: Sequence[RigChannel]) -> None:
    """Give the object the properties that it lacks, at rest, with their ranges as far as a slider goes."""
    for channel in channels:
        label = label_of(channel)
        if not isinstance(obj.get(label), float):
            obj[label] = 0.0
        cast(Any, obj.id_properties_ui(label)).update(
            default=0.0,
            soft_min=min(channel.low, 0.0),
            soft_max=max(channel.high, 0.0),
            precision=2,
            description=f"{UNIT}; from {channel.low:g} to {channel.high:g} in what the rig was made from"
            if channel.name.islower()
            else WHOLE,
        )
        obj.property_overridable_library_set(path_of(channel), True)


def remove_channels(obj: bpy.types.Object, labels: Sequence[str]) -> None:
    """Take the properties away."""
    for label in labels:
        if label in obj:
            del obj[label]


def pose_of(obj: bpy.types.Object, channels: Sequence[RigChannel]) -> tuple[float, ...]:
    """The object's pose, mm, in the order of the channels; 0 for one that it lacks. obj: may be the evaluated one."""
    values = (obj.get(label_of(channel), 0.0) for channel in channels)
    return tuple(float(value) if isinstance(value, int | float) else 0.0 for value in values)
