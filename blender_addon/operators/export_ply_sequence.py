# SPDX-License-Identifier: GPL-3.0-or-later
"""Export PLY: one 3DGS file a frame of the bake, for every program that reads splats."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bpy

from ...core.formats import write_ply
from ...core.jobs import Event, Finished, Pace, Started
from .. import open_files, running
from ..properties import head_of
from ..shot_jobs import out_path
from .operator_base import JobOperator


def ply_sequence(head: open_files.OpenHead, bake: open_files.OpenBake, folder: Path, name: str) -> Iterator[Event]:
    """Write `folder`/`name`.FRAME.ply for each baked frame, numbered as in the scene."""
    numbers = sorted(bake.frames)
    yield Started(f"Exporting {len(numbers)} frames of {name}", len(numbers))
    pace = Pace(len(numbers))
    for done, number in enumerate(numbers, start=1):
        frame = bake.frame(number)
        moved = replace(head.replay.canonical, means=frame.means, quats=frame.quats, scales=frame.scales)
        write_ply(folder / f"{name}.{number:04d}.ply", moved)
        yield pace.at(done)
    yield Finished({"out": str(folder), "frames": len(numbers)})


class TALKSPLAT_OT_export_ply_sequence(JobOperator, bpy.types.Operator):
    """Write the baked shot as a sequence of 3DGS .ply files"""

    bl_idname = "talksplat.export_ply_sequence"
    bl_label = "Export PLY"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        body = head_of(context)
        if body is None:
            return "Select a head first"
        if not body.talksplat.bake:
            return "Bake first: the sequence is written from a bake"
        if body.talksplat.ply_out.startswith("//") and not bpy.data.filepath:
            return "Save the .blend first: the files are to lie beside it"
        return running.busy_reason()

    def act(self, context: bpy.types.Context) -> None:
        body = head_of(context)
        head = open_files.head(open_files.absolute(body.talksplat.head))
        bake = open_files.bake(open_files.absolute(body.talksplat.bake))
        folder = Path(out_path(body.talksplat.ply_out, body))
        deed = ply_sequence(head, bake, folder, bpy.path.clean_name(body.name))
        running.start_local_job(
            self.bl_label, deed, lambda result: f"{result['frames']} PLY files are in {result['out']}"
        )


CLASSES = (TALKSPLAT_OT_export_ply_sequence,)
