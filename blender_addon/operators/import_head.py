# SPDX-License-Identifier: GPL-3.0-or-later
"""Import Head: another program's Gaussians become a .head file beside them, and an object in the scene."""

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from ...core.dispatch import run_job
from ...core.formats import UserError
from ...core.importing import IMPORTERS, importer_of
from ...core.jobs import ImportHead
from .. import open_files, running
from ..blender_types import Context, OperatorResult, current_context
from ..link.blenders_usd import find_blenders_usd
from .add_head import add_head
from .operator_base import JobOperator

SUFFIXES = tuple(suffix for row in IMPORTERS.values() for suffix in row.suffixes)


class TALKSPLAT_OT_import_head(JobOperator, bpy.types.Operator):
    """Make a head of Gaussians from another program: splats (PLY, SPZ, USD ...) become a still head, a LAM avatar
    (.zip) one that speaks, with ARKit's 51 shapes as channels that can be keyed"""

    bl_idname = "talksplat.import_head"
    bl_label = "Import Head"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default=";".join(f"*{suffix}" for suffix in SUFFIXES), options={"HIDDEN"})
    axes: EnumProperty(
        name="Axes",
        description="Which way is up in the file; a LAM avatar and a checkpoint know it",
        items=[
            (
                "FILE",
                "As the File Says",
                "What the file records; else what its format prescribes or most programs write",
            ),
            ("blender", "Z Up (Blender)", "The head looks along -Y"),
            ("rdf", "Y Down, Z Forward (OpenCV)", "As most programs train and write"),
            ("rub", "Y Up, Z Back (OpenGL)", "As SPZ, glTF and most game engines have it"),
        ],
    )

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Objects are added in object mode, and the worker must be free."""
        return "Leave edit mode first" if context.mode != "OBJECT" else running.no_worker_reason()

    def invoke(self, context: Context, event: bpy.types.Event) -> OperatorResult:
        """Ask for the file."""
        if self.filepath:
            return super().invoke(context, event)
        context.window_manager.fileselect_add(self)
        self._is_from_window = True
        return {"RUNNING_MODAL"}

    def run(self, context: Context) -> None:
        """Start the job; the head is added when it has ended."""
        if not self.filepath:
            raise UserError(f"Choose a file of {', '.join(SUFFIXES)}, or the folder of a LAM avatar; none was named.")
        source = Path(open_files.absolute(self.filepath))
        if not source.exists():
            raise UserError(f"{source}: no such file; choose one of {', '.join(SUFFIXES)}.")
        importer = importer_of(source)
        axes = "" if self.axes == "FILE" else self.axes

        def add(result: dict) -> str:
            obj = add_head(current_context(), result["head"])
            if not bpy.app.background:
                bpy.ops.ed.undo_push(message=self.bl_label)
            return f"{obj.name}: {result['gaussians']} Gaussians, {result['channels']} channels, in {result['head']}"

        job = ImportHead(str(source), str(free_name(source)), axes=axes)
        if importer.needs_usd and find_blenders_usd():
            running.start_local_job(self.bl_label, run_job(job), add)
        else:
            running.start_job(self.bl_label, job, add)


def free_name(source: Path) -> Path:
    """Where the head is written: beside its source, over no other head."""
    names = (source.with_name(f"{source.stem}{'' if n == 1 else f'_{n}'}.head") for n in range(1, 10_000))
    return next(path for path in names if not path.exists())


def draw_import_menu(self: bpy.types.Menu, _context: Context) -> None:
    """The entry in File > Import."""
    assert self.layout is not None
    self.layout.operator(TALKSPLAT_OT_import_head.bl_idname, text="Gaussian Head (.ply, .spz, .usd, LAM .zip ...)")


CLASSES = (TALKSPLAT_OT_import_head,)
