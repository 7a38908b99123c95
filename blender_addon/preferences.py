# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences: where the core environment is, and a button that says whether it works."""

from pathlib import Path

import bpy
from bpy.props import StringProperty

from .. import __package__ as base_package


class TalkSplatPreferences(bpy.types.AddonPreferences):
    bl_idname = base_package

    python: StringProperty(
        name="Core Environment",
        subtype="FILE_PATH",
        description="The Python environment with torch in it: its folder or its python. Empty: the environment "
        "variable TALKSPLAT_PYTHON, else a .venv beside the add-on's files",
    )

    def draw(self, context: bpy.types.Context) -> None:
        from . import running

        column = self.layout.column()
        column.prop(self, "python")
        found = running.core_python()
        column.label(
            text=f"In use: {found}"
            if found
            else "Not found: heads load, scrub and play from bakes; Attach, Bake and Plates need it",
            icon="CHECKMARK" if found else "INFO",
        )
        column.operator("talksplat.self_test")
        if running.now and running.now.verb == "Self-test":
            column.label(text="Asking the core environment; the first time takes a while", icon="SORTTIME")
        elif running.last and running.last.verb == "Self-test":
            column.label(text=running.last.sentence)


class _Defaults:
    """What holds where the package is used without being switched on as an add-on."""

    python = ""


def get() -> "TalkSplatPreferences | _Defaults":
    addon = bpy.context.preferences.addons.get(base_package)
    return addon.preferences if addon and addon.preferences else _Defaults()


def own_folder(inside: str = "") -> Path:
    """A folder for what the add-on makes itself (performances, the worker's log)."""
    if base_package.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(base_package, path=inside, create=True))
    return Path(bpy.utils.user_resource("DATAFILES", path=str(Path("talksplat", inside)), create=True))


def register() -> None:
    bpy.utils.register_class(TalkSplatPreferences)


def unregister() -> None:
    bpy.utils.unregister_class(TalkSplatPreferences)
