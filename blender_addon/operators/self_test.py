# SPDX-License-Identifier: GPL-3.0-or-later
"""Self-test: does the core environment work, and what is in it?"""

import bpy

from .. import running
from ..link.self_test import self_test
from .verb import JobVerb


class TALKSPLAT_OT_self_test(JobVerb, bpy.types.Operator):
    """Ask the core environment for its versions"""

    bl_idname = "talksplat.self_test"
    bl_label = "Self-test"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return running.no_worker_reason()

    def act(self, context: bpy.types.Context) -> None:
        running.start_deed(self.bl_label, self_test(running.core_python()), lambda result: result["sentence"])


CLASSES = (TALKSPLAT_OT_self_test,)
