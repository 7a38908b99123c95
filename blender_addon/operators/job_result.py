# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens when a job has ended: the head it was for may have been renamed or deleted."""

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

from ...core.formats import UserError


@contextmanager
def edited_head(session_uid: int) -> Iterator[bpy.types.Object]:
    """The object of that session number, its change a step of its own in the undo history.

    Raises UserError when the object was deleted meanwhile or another file was opened.
    """
    obj = next((obj for obj in bpy.data.objects if obj.session_uid == session_uid), None)
    if obj is None:
        raise UserError("The head was deleted meanwhile; the files of the job are kept.")
    yield obj
    if not bpy.app.background:
        bpy.ops.ed.undo_push(message=f"TalkSplat: {obj.name}")
