# SPDX-License-Identifier: GPL-3.0-or-later
"""Help and Open Log: a page of the manual that comes with the add-on, and what the worker wrote, in the web browser."""

from pathlib import Path

import bpy

from .. import running
from ..blender_types import Context
from .operator_base import BaseOperator

MANUAL = running.ROOT / "README.md"
SITES = (running.ROOT / "manual", running.ROOT / "build" / "docs")  # in a zip; in a checkout, after `make docs`
HELP_PAGES = {  # panel -> its page of docs/
    "TALKSPLAT_PT_head": "first_hour",
    "TALKSPLAT_PT_about": "importing",
    "TALKSPLAT_PT_speech": "graph",
    "TALKSPLAT_PT_takes": "takes",
    "TALKSPLAT_PT_performance": "directing",
    "TALKSPLAT_PT_corrections": "keyframes",
    "TALKSPLAT_PT_keyframes": "keyframes",
    "TALKSPLAT_PT_bake": "files",
    "TALKSPLAT_PT_render": "compositing",
    "TALKSPLAT_PT_export": "export",
    "TALKSPLAT_PT_self_contained": "eevee_cycles",
    "TALKSPLAT_PT_proxy": "proxy_mesh",
}


def manual_page(panel: str) -> Path:
    """The page of that panel, as a site where there is one, else as plain text; for an unknown panel the first page."""
    name = HELP_PAGES.get(panel, "")
    places = [site / f"{name or 'index'}.html" for site in SITES] + [running.ROOT / "docs" / f"{name}.md"]
    return next((place for place in places if place.is_file()), MANUAL)


class TALKSPLAT_OT_open_manual(BaseOperator, bpy.types.Operator):
    """Open the manual that comes with the add-on, at the page of this panel"""

    bl_idname = "talksplat.open_manual"
    bl_label = "Help"

    panel: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def run(self, context: Context) -> None:
        """Open it."""
        bpy.ops.wm.url_open(url=manual_page(self.panel).as_uri())


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
