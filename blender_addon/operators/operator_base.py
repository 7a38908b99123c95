# SPDX-License-Identifier: GPL-3.0-or-later
"""What every operator shares: a button that is grey says why, bad input is reported in its one sentence.

`disabled_reason(context)` is the single source: `poll` shows it as the tooltip, the panel as a label,
a test asks it directly.
"""

import bpy

from ...core.formats import UserError
from .. import running

UNDOABLE = {"REGISTER", "UNDO"}  # `bl_options` of a verb that changes the scene at once


class BaseOperator:
    """Mixed into an operator that defines `act` and, when it cannot always run, `disabled_reason`."""

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        """Why it cannot run now, in one sentence; "" when it can."""
        return ""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = cls.disabled_reason(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def act(self, context: bpy.types.Context) -> None:
        """Do it; raise UserError for what a person can mend."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            self.act(context)
        except UserError as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        return {"FINISHED"}


class JobOperator(BaseOperator):
    """A verb whose work goes on after the click: `act` starts it through `running`.

    From the window it stays modal until the job has ended, so that Esc cancels and the end is
    reported; from a script `execute` returns at once and `running.wait()` waits.
    """

    _timer = None

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        result = self.execute(context)
        if result != {"FINISHED"} or running.now is None:
            return result
        self._timer = context.window_manager.event_timer_add(running.TICK, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC" and event.value == "PRESS":
            running.cancel()
        if running.pump():
            context.workspace.status_text_set(f"{running.now.line}    [Esc] Cancel")
            return {"PASS_THROUGH"}
        return self._ended(context)

    def _ended(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.event_timer_remove(self._timer)
        context.workspace.status_text_set(None)
        if running.last is None:
            return {"CANCELLED"}
        for sentence in running.last.warnings:
            self.report({"WARNING"}, sentence)
        self.report({running.last.level}, running.last.sentence)
        return {"FINISHED"} if running.last.level == "INFO" else {"CANCELLED"}
