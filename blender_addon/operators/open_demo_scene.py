# SPDX-License-Identifier: GPL-3.0-or-later
"""Open Demo Scene, which is File > New > TalkSplat too: a new file in which the sample head speaks the sample voice.

No .blend comes with the add-on: one that 4.5 saved would look old in 5.3, and an application template would have to be
written into the user's scripts, where it outlives the add-on. Instead an empty file with a mark is read as a start-up
file, so that Blender itself asks what becomes of unsaved changes and the new file has no name yet; `demo_scene` meets
the mark and builds the scene. The mark is in the file, not in a variable: after Cancel nothing waits for the next New.
"""

from pathlib import Path
from typing import Literal

import bpy

from ..blender_types import Context, OperatorResult
from .operator_base import BaseOperator

MARK = "TalkSplat demo scene"  # the name of the start-up file's one text


def write_startup_file() -> str:
    """A .blend that holds the mark and nothing else; its path.

    The mark is a text: in a window Blender 5.2 crashes when it writes a scene that none shows.
    """
    path = str(Path(bpy.app.tempdir, "talksplat_demo.blend"))
    mark = bpy.data.texts.new(MARK)
    try:
        bpy.data.libraries.write(path, {mark}, fake_user=True)
    finally:
        bpy.data.texts.remove(mark)
    return path


def read_startup_file(how: Literal["INVOKE_DEFAULT", "EXEC_DEFAULT"]) -> OperatorResult:
    """Read it as File > New reads one; the window keeps its editors."""
    bpy.ops.wm.read_homefile(how, filepath=write_startup_file(), load_ui=False)
    return {"FINISHED"}


class TALKSPLAT_OT_open_demo_scene(BaseOperator, bpy.types.Operator):
    """A new file in which the sample head speaks the sample voice: press Space to play"""

    bl_idname = "talksplat.open_demo_scene"
    bl_label = "Open Demo Scene"

    def invoke(self, context: Context, event: bpy.types.Event) -> OperatorResult:
        """Blender asks about unsaved changes first."""
        return read_startup_file("INVOKE_DEFAULT")

    def execute(self, context: Context) -> OperatorResult:
        """A script is not asked."""
        return read_startup_file("EXEC_DEFAULT")


def draw_new_menu(self: bpy.types.Menu, _context: Context) -> None:
    """The entry in File > New."""
    assert self.layout is not None
    self.layout.operator_context = "INVOKE_DEFAULT"
    self.layout.operator(TALKSPLAT_OT_open_demo_scene.bl_idname, text="TalkSplat", icon="USER")


CLASSES = (TALKSPLAT_OT_open_demo_scene,)
