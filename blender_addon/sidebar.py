# SPDX-License-Identifier: GPL-3.0-or-later
"""Our tab in the sidebar of a 3D view, opened."""

from collections.abc import Iterator
from functools import partial

import bpy

from .blender_types import current_context
from .properties import TAB

TRIES, WAIT = 50, 0.1  # Blender knows a sidebar's tabs once it was drawn; seconds between two looks


def show_tab(area: bpy.types.Area) -> None:
    """Open the sidebar of the 3D view `area`, on our tab as soon as it has tabs."""
    if not isinstance(space := area.spaces.active, bpy.types.SpaceView3D):
        raise TypeError(f"{area.type} is no 3D view")
    space.show_region_ui = True
    if not bpy.app.background:
        bpy.app.timers.register(partial(_choose_tab, iter(range(TRIES))), first_interval=WAIT)


def _choose_tab(tries: Iterator[int]) -> float | None:
    """Choose our tab where a sidebar is open; seconds until the next try, None when it is shown or hopeless."""
    for region in _sidebars():
        try:
            region.active_panel_category = TAB  # pyright: ignore[reportAttributeAccessIssue]  (the stub knows no tabs)
        except (AttributeError, TypeError):  # read-only, or without our tab, until it is drawn
            continue
        region.tag_redraw()
        return None
    return WAIT if next(tries, None) is not None else None


def _sidebars() -> Iterator[bpy.types.Region]:
    for window in current_context().window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                yield from (region for region in area.regions if region.type == "UI" and region.width > 1)
