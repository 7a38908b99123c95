# SPDX-License-Identifier: GPL-3.0-or-later
"""What every operator shares: a button that is grey says why, bad input is reported in its one sentence.

`disabled_reason(context)` is the single source: `poll` shows it as the tooltip, the panel as a label, a test asks it
directly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from ...core.dispatch import sentence_of
from ...core.formats import UserError
from .. import running
from ..blender_types import Context, Operator, OperatorResult
from ..console import wait_and_print

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorTypeFlagItems

UNDOABLE: set[OperatorTypeFlagItems] = {"REGISTER", "UNDO"}  # `bl_options` where the scene changes at once


def has_window() -> bool:
    """Whether somebody can answer a dialog, and timers fire."""
    return not bpy.app.background


class BaseOperator(Operator):
    """Mixed into an operator that defines `run` and, when it cannot always run, `disabled_reason`."""

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Why it cannot run now, in one sentence; "" when it can."""
        return ""

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether the button can be pressed."""
        reason = cls.disabled_reason(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def run(self, context: Context) -> None:
        """Do it. Raises UserError for what a person can fix."""
        raise NotImplementedError

    def execute(self, context: Context) -> OperatorResult:
        """`run`; what a person can fix is reported in one sentence, which the panel keeps below the button."""
        running.forget_outcome(self.bl_label)
        try:
            self.run(context)
        except UserError as error:
            return self._fail(str(error))
        except OSError as error:  # a full disk, a forbidden folder
            return self._fail(sentence_of(error))
        return {"FINISHED"}

    def _fail(self, sentence: str) -> OperatorResult:
        self.report({"ERROR"}, sentence)
        running.tell(self.bl_label, sentence)
        return {"CANCELLED"}


class JobOperator(BaseOperator):
    """An operator whose work continues after the click: `run` starts it through `running`.

    From a button (INVOKE) it returns at once: the panel and the status bar show the job and how it ended. As Blender's
    own Render, a script's call (EXEC) returns when the job has ended, and raises RuntimeError where it failed. Without
    a window no timer fires, so there both wait.
    """

    _is_from_window = False  # also where a dialog came between

    def execute(self, context: Context) -> OperatorResult:
        """Start the job; for a script wait for its end, while the console shows the progress."""
        result = super().execute(context)
        if self._is_from_window or result != {"FINISHED"} or running.now is None:
            return result
        wait_and_print()
        return self._report_end()

    def invoke(self, context: Context, event: bpy.types.Event) -> OperatorResult:
        """Start the job."""
        self._is_from_window = has_window()
        return self.execute(context)

    def _report_end(self) -> OperatorResult:
        if running.last is None:
            return {"CANCELLED"}
        for sentence in running.last.warnings:
            self.report({"WARNING"}, sentence)
        self.report({running.last.level}, running.last.sentence)
        return {"FINISHED"} if running.last.level == "INFO" else {"CANCELLED"}
