# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences: which Python the worker runs in, and a button that says whether it works."""

from pathlib import Path

import bpy
from bpy.props import StringProperty

from .. import __package__ as base_package
from .blender_types import Context, current_context
from .panel_text import draw_sentence

JOBS = "Self-test", "Create Training Environment"  # the labels of the buttons here
NOT_FOUND = "None found: install the zip for this system, or choose one here, to attach, bake and render"


class TalkSplatPreferences(bpy.types.AddonPreferences):
    """Shown in Edit > Preferences > Add-ons."""

    bl_idname = base_package or ""

    python: StringProperty(
        name="Python Environment",
        subtype="FILE_PATH",
        description="Leave this empty to use Blender's own Python with the libraries inside the extension. To run the "
        "worker in an environment of your own in which talksplat is installed, choose its folder or its Python",
    )

    def draw(self, context: Context) -> None:
        """The path, what it leads to, and the self-test with its answer."""
        from . import running
        from .operators.create_training_environment import TALKSPLAT_OT_create_training_environment as Create

        assert self.layout is not None
        column = self.layout.column()
        column.prop(self, "python")
        python = running.core_python()
        column.label(text=f"In use: {python}" if python else NOT_FOUND, icon="CHECKMARK" if python else "INFO")
        row = column.row(align=True)
        row.operator("talksplat.self_test")
        row.operator("talksplat.open_log")
        row.operator("talksplat.open_manual")
        column.operator(Create.bl_idname, text=f"{Create.bl_label}...", icon="IMPORT")
        if running.now is None and (reason := Create.disabled_reason(context)):
            draw_sentence(column, context, reason, "INFO")
        self._draw_job(column, context)

    @staticmethod
    def _draw_job(column: bpy.types.UILayout, context: Context) -> None:
        """The job that was started here: its progress, how it ended."""
        from . import running

        if running.now and running.now.label in JOBS:
            row = column.row(align=True)
            row.progress(factor=running.now.fraction, text=running.now.text)
            row.operator("talksplat.cancel", text="", icon="X")
        elif running.last and running.last.label in JOBS:
            draw_sentence(column, context, running.last.sentence, running.ICONS[running.last.level])


def preferred_python() -> str:
    """The path in the preferences; "" also where the package is used without being switched on as an add-on."""
    ours = _preferences()
    return ours.python if ours else ""


def choose_python(place: Path | None) -> None:
    """Set the path in the preferences, None: to nothing. Blender saves it with its own, as if it had been typed in."""
    if ours := _preferences():
        ours.python = str(place or "")


def _preferences() -> TalkSplatPreferences | None:
    addon = current_context().preferences.addons.get(base_package or "")
    ours = addon.preferences if addon else None
    return ours if isinstance(ours, TalkSplatPreferences) else None


def own_folder(inside: str = "") -> Path:
    """A folder for what the add-on makes itself (performances, the worker's log)."""
    if base_package and base_package.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(base_package, path=inside, create=True))
    return Path(bpy.utils.user_resource("DATAFILES", path=str(Path("talksplat", inside)), create=True))


def register() -> None:
    """Called by the add-on's own `register`."""
    bpy.utils.register_class(TalkSplatPreferences)


def unregister() -> None:
    """Called by the add-on's own `unregister`."""
    bpy.utils.unregister_class(TalkSplatPreferences)
