# SPDX-License-Identifier: GPL-3.0-or-later
"""Help and Open Log: the manual that comes with the add-on, and what the worker wrote, in the web browser."""

import bpy

from .. import running
from ..blender_types import Context
from .operator_base import BaseOperator

MANUAL = running.ROOT / "README.md"


class TALKSPLAT_OT_open_manual(BaseOperator, bpy.types.Operator):
    """Open the manual that comes with the add-on"""

    bl_idname = "talksplat.open_manual"
    bl_label = "Help"

    def run(self, context: Context) -> None:
        """Open it."""
        bpy.ops.wm.url_open(url=MANUAL.as_uri())


class TALKSPLAT_OT_open_log(BaseOperator, bpy.types.Operator):
    """Open what the worker process wrote while it did its last jobs"""

    bl_idname = "talksplat.open_log"
    bl_label = "Open Log"

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a worker that has written something."""
        log = running.log_file()
        return "" if log.is_file() and log.stat().st_size else "The worker has written nothing"

    def run(self, context: Context) -> None:
        """Open it."""
        bpy.ops.wm.url_open(url=running.log_file().as_uri())


CLASSES = (TALKSPLAT_OT_open_manual, TALKSPLAT_OT_open_log)
