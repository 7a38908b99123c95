# SPDX-License-Identifier: GPL-3.0-or-later
"""What an animator's sliders say; applied in this room, so viewport, bake and plate agree."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Controls:
    """One moment's settings; every field can be keyframed."""

    intensity: float = 1.0  # 0..2: how far the speech moves the head; 0 keeps the mouth at rest
    delay: float = 0.0  # seconds, -1..1: positive speaks later
    blink: float = 0.0  # 0..1: closes the eyes, added to what the performance holds
    blinks: float = 12.0  # natural blinks a minute, 0..60; 0 switches them off
    brows: float = 0.0  # -1..1: lowers or raises the brows
