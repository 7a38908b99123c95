# SPDX-License-Identifier: GPL-3.0-or-later
"""Self-test: can the worker run in its Python, and what is in it?"""

import bpy

from .. import running
from ..blender_types import Context
from ..link.blenders_python import package_folders
from ..link.check_python import check_python
from .operator_base import JobOperator


class TALKSPLAT_OT_self_test(JobOperator, bpy.types.Operator):
    """Check that the worker's Python has all that it needs, and show the versions"""

    bl_idname = "talksplat.self_test"
    bl_label = "Self-test"

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a Python for the worker."""
        return running.no_worker_reason()

    def run(self, context: Context) -> None:
        """Start the test."""
        if python := running.core_python():
            running.start_local_job(
                self.bl_label, check_python(python, package_folders(python)), lambda result: result["sentence"]
            )


CLASSES = (TALKSPLAT_OT_self_test,)
