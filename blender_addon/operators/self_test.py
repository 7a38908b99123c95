# SPDX-License-Identifier: GPL-3.0-or-later
"""Self-test: does the core environment work, and what is in it?"""

import bpy

from .. import running
from ..blender_types import Context
from ..link.check_python import check_python
from .operator_base import JobOperator


class TALKSPLAT_OT_self_test(JobOperator, bpy.types.Operator):
    """Check that the core environment works, and show its versions"""

    bl_idname = "talksplat.self_test"
    bl_label = "Self-test"

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a core environment."""
        return running.no_worker_reason()

    def run(self, context: Context) -> None:
        """Start the test."""
        if python := running.core_python():
            running.start_local_job(self.bl_label, check_python(python), lambda result: result["sentence"])


CLASSES = (TALKSPLAT_OT_self_test,)
