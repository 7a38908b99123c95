# SPDX-License-Identifier: GPL-3.0-or-later
"""Self-test: does the core environment work, and what is in it?"""

import bpy

from .. import running
from ..link.check_python import check_python
from .operator_base import JobOperator


class TALKSPLAT_OT_self_test(JobOperator, bpy.types.Operator):
    """Ask the core environment for its versions"""

    bl_idname = "talksplat.self_test"
    bl_label = "Self-test"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return running.no_worker_reason()

    def act(self, context: bpy.types.Context) -> None:
        running.start_local_job(self.bl_label, check_python(running.core_python()), lambda result: result["sentence"])


CLASSES = (TALKSPLAT_OT_self_test,)
