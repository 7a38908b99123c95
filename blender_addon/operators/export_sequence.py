# SPDX-License-Identifier: GPL-3.0-or-later
"""Export: the bake for other programs, in one of the core's formats."""

import bpy

from ...core.dispatch import run_job
from ...core.exporting import EXPORTERS
from .. import running
from ..blender_types import Context
from ..head_objects import head_of, other_heads, settings_of
from ..link.blenders_usd import find_blenders_usd
from ..properties import DEFAULT_AXES
from ..shot.jobs import export_job
from ..shot.output_paths import unsaved_reason
from ..speech.attached_sounds import no_bake_reason
from .operator_base import JobOperator


class TALKSPLAT_OT_export_sequence(JobOperator, bpy.types.Operator):
    """Write the baked shot for other programs, in the background"""

    bl_idname = "talksplat.export_sequence"
    bl_label = "Export"

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a bake and a place to write to."""
        obj = head_of(context)
        if obj is None:
            return "Select a head first"
        settings = settings_of(obj)
        if reason := no_bake_reason(obj):
            return reason
        exporter = EXPORTERS[settings.export_format]
        for other in other_heads(context, obj) if exporter.plan_shot else ():
            if not settings_of(other).bake:
                return f"Bake {other.name} first, or deselect it"
        if settings.export_axes not in (DEFAULT_AXES, *exporter.axes):
            return f"Choose other axes, because {exporter.label} does not know these"
        return unsaved_reason(settings.export_out) or running.busy_reason()

    def run(self, context: Context) -> None:
        """Start the export: in the worker, or inside Blender where there is no Python for one, or where the format
        needs a library that Blender has."""
        obj = head_of(context)
        if obj is None:
            return
        exporter = EXPORTERS[settings_of(obj).export_format]
        job = export_job(context.scene, obj, other_heads(context, obj) if exporter.plan_shot else ())

        def report(result: dict) -> str:
            return f"{result['frames']} frames are exported to {result['out']}"

        if running.core_python() is None or (exporter.needs_usd and find_blenders_usd()):
            running.start_local_job(self.bl_label, run_job(job), report)
        else:
            running.start_job(self.bl_label, job, report)


CLASSES = (TALKSPLAT_OT_export_sequence,)
