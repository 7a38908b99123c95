# SPDX-License-Identifier: GPL-3.0-or-later
"""The running job in Blender's status bar, where Blender shows its own: progress, time left, a cancel button, and for
some seconds how it ended.

Nothing of it is modal: a modal operator would keep Blender from autosaving for as long as a job runs.
"""

import time

import bpy

from . import running
from .blender_types import Context

WIDTH = 18  # of the progress, in buttons: title, count and estimate fit


def draw(header: bpy.types.Header, _context: Context) -> None:
    """Blender draws the status bar."""
    layout, job = header.layout, running.now
    if layout is None:
        return
    if job is not None:
        row = layout.row(align=True)
        row.ui_units_x = WIDTH
        row.progress(factor=job.fraction, text=job.text)
        row.operator("talksplat.cancel", text="", icon="X")
    elif (last := running.last) and time.monotonic() < running.ended_at + running.SHOWN:
        layout.label(text=last.sentence, icon=running.ICONS[last.level])


def register() -> None:
    """Called by the add-on's own `register`."""
    bpy.types.STATUSBAR_HT_header.append(draw)


def unregister() -> None:
    """Called by the add-on's own `unregister`."""
    bpy.types.STATUSBAR_HT_header.remove(draw)
