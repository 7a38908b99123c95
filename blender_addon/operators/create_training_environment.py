# SPDX-License-Identifier: GPL-3.0-or-later
"""Create Training Environment: torch and what else training and an NVIDIA GPU need, downloaded by pip when the user
agrees, into a folder of the extension's own."""

import sys
from pathlib import Path

import bpy

from ...core.formats import UserError
from .. import preferences, running
from ..blender_types import Context, OperatorResult
from ..link.blenders_python import own_interpreter
from ..link.create_environment import Environment, create_environment
from ..link.nvidia_driver import has_nvidia_driver
from ..link.training_packages import SIZES, TrainingPackages, training_packages
from ..panel_text import wrapped
from .operator_base import JobOperator, has_window

FOLDER = "env"  # short: torch's own paths leave little of the 260 letters of a Windows path
WIDTH = 460  # of the dialog, pixels
LINE = 84  # letters of it


def training_environment() -> Environment:
    """The one that the button makes on this machine. Raises UserError."""
    packages = training_packages(running.ROOT, has_nvidia_driver())
    return Environment(preferences.own_folder() / FOLDER, packages, running.ROOT)


class TALKSPLAT_OT_create_training_environment(JobOperator, bpy.types.Operator):
    """Download what training and an NVIDIA GPU need into an environment of the extension's own; asks first"""

    bl_idname = "talksplat.create_training_environment"
    bl_label = "Create Training Environment"

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs Blender's permission to go online, and a Python to make it of."""
        if not bpy.app.online_access:
            return "The packages are downloaded: switch on Allow Online Access in Preferences > System"
        if own_interpreter() is None:
            return "This Blender has no Python program of its own"
        return running.busy_reason()

    def invoke(self, context: Context, event: bpy.types.Event) -> OperatorResult:
        """Say what is downloaded, and ask."""
        if not has_window():
            return super().invoke(context, event)
        self._is_from_window = True
        return context.window_manager.invoke_props_dialog(
            self, width=WIDTH, title=f"{self.bl_label}?", confirm_text="Download and Create"
        )

    def draw(self, _context: Context) -> None:
        """The dialog."""
        assert self.layout is not None
        try:
            paragraphs = consent_text(training_environment())
        except UserError as error:
            paragraphs = [str(error)]
        column = self.layout.column(align=True)
        for paragraph in paragraphs:
            for line in wrapped(paragraph, lambda text: len(text) <= LINE):
                column.label(text=line)
            column.separator()

    def run(self, context: Context) -> None:
        """Start it; then the worker runs in it."""
        environment, python = training_environment(), own_interpreter()
        if python is None:
            raise UserError(f"{sys.prefix} has no Python program; install Blender from blender.org.")
        if not environment.is_complete:
            _leave(environment.folder)

        def use(result: dict) -> str:
            preferences.choose_python(Path(result["folder"]))
            return result["sentence"]

        running.start_local_job(self.bl_label, create_environment(python, environment), use)


def consent_text(environment: Environment) -> list[str]:
    """What the dialog says, in paragraphs: what for, what is downloaded, how large it is, where it goes."""
    packages = environment.packages
    down, disk = SIZES[packages.gpu]
    what = "training on your NVIDIA GPU and renders on it" if packages.gpu else "training, on the processor"
    note = (
        "A GPU is used where NVIDIA's CUDA toolkit and a C++ compiler are installed: gsplat compiles itself with them."
        if packages.gpu
        else "No NVIDIA driver was found, so torch comes without CUDA."
    )
    return [
        f"To speak, bake and render, heads need nothing of this. It is for {what}.",
        f"{packages.described}, and what they depend on, from {_sources(packages)}.",
        f"About {down:g} GB to download, {disk:g} GB on the disk, in {environment.folder}.",
        f"{note} Nothing of yours is sent.",
    ]


def _sources(packages: TrainingPackages) -> str:
    return "pypi.org" + (" and pytorch.org" if packages.torch_index else "")


def _leave(folder: Path) -> None:
    """The worker is not to run in an environment that is being made."""
    running.stop_worker()
    if Path(preferences.preferred_python()) == folder:
        preferences.choose_python(None)


CLASSES = (TALKSPLAT_OT_create_training_environment,)
