# SPDX-License-Identifier: GPL-3.0-or-later
"""When a camera's shutter is open around a frame, as Blender's render settings say it."""

from collections.abc import Mapping
from types import MappingProxyType

# `Render.shutter_position`, Blender's motion_blur_position -> when the shutter opens, in its own durations from the
# frame: it opens at the frame, is open around it, or closes at it.
SHUTTER_POSITIONS: Mapping[str, float] = MappingProxyType({"start": 0.0, "center": -0.5, "end": -1.0})


def shutter_times(shutter: float, position: str) -> tuple[float, float, float]:
    """When the shutter opens, is half through, and closes: frames from the frame's own time. shutter: how long it is
    open, frames. Raises KeyError for what is not in SHUTTER_POSITIONS."""
    opens = SHUTTER_POSITIONS[position] * shutter
    return opens, opens + shutter / 2, opens + shutter
