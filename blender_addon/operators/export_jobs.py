# SPDX-License-Identifier: GPL-3.0-or-later
"""Export Jobs: the shot of each head as a job file, for machines that have talksplat and no Blender."""

from collections.abc import Sequence
from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from ...core.formats import UserError
from .. import open_files, running
from ..blender_types import Context, OperatorResult
from ..head_objects import head_of, heads_of, other_heads
from ..shot.job_export import export_job_files, unexportable_reason
from .bake_shot import keep_performances
from .operator_base import BaseOperator


def export_heads(scene: bpy.types.Scene, heads: Sequence[bpy.types.Object], folder: Path) -> list[Path]:
    """The job files of these heads, and beside each what its head hears already. Raises UserError."""
    exported = export_job_files(scene, heads, folder)
    for obj, _, bake in exported:
        keep_performances(obj, bake)
    return [path for _, path, _ in exported]


class TALKSPLAT_OT_export_jobs(BaseOperator, bpy.types.Operator):
    """Write the shot as job files, with everything that they need, for a render farm: "talksplat do" bakes and renders
    them on any machine, without Blender"""

    bl_idname = "talksplat.export_jobs"
    bl_label = "Export Jobs"

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})
    all_heads: BoolProperty(name="All Heads", description="Export every head of the scene, not only the selected ones")

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head that knows its sound, and a camera where the scene's is rendered."""
        obj = head_of(context)
        return unexportable_reason(context.scene, obj) if obj else "Select a head first"

    def invoke(self, context: Context, event: bpy.types.Event) -> OperatorResult:
        """Ask for the folder."""
        if self.directory:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: Context) -> None:
        """Write them. Raises UserError."""
        obj = head_of(context)
        if obj is None or not self.directory:
            raise UserError("There is no head or no folder to export to; choose both.")
        heads = heads_of(context.scene) if self.all_heads else [obj, *other_heads(context, obj)]
        folder = Path(open_files.absolute(self.directory))
        paths = export_heads(context.scene, heads, folder)
        names = " and ".join(path.name for path in paths)
        running.tell(self.bl_label, f"{names} {'is' if len(paths) == 1 else 'are'} in {folder}", "INFO")


CLASSES = (TALKSPLAT_OT_export_jobs,)
