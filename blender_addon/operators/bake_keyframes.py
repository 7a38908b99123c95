# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake to Keyframes: the speech as F-curves that an animator edits; and Remove Keyframes.

Unlike Bake it is done by Blender itself, at once: a pose is a few numbers. A long shot goes on between redraws.
"""

from collections.abc import Generator

import bpy
from bpy.props import EnumProperty, FloatProperty

from ...core.formats import UserError
from ...core.jobs import Event, Finished
from ...core.performance import RigReplay
from .. import head_paths, playback, running
from ..blender_types import Context, OperatorResult, current_context
from ..head_objects import head_of, locked_reason, settings_of
from ..keyframes.head_keyframes import has_keyframes, key_head, keyed_range, override_reason, remove_keyframes
from ..properties import TOLERANCE, TalkSplatHead
from ..scene import strip as strips
from ..shot.frame_choice import CHOICES, chosen_frames
from ..shot.keys import KeyOptions, ShotKeys, fit_shot, rig_of_head, shot_moments
from ..speech.attached_sounds import silent_reason, unattached_reason
from .job_result import edited_head
from .operator_base import UNDOABLE, BaseOperator, has_window
from .remove_base import RemoveOperator

LONG = 2000  # frames: what takes longer than a breath shows its progress


class TALKSPLAT_OT_bake_keyframes(BaseOperator, bpy.types.Operator):
    """Turn the speech into keyframes on the head's channels, such as Lips Apart, to edit in the Graph Editor"""

    bl_idname = "talksplat.bake_keyframes"
    bl_label = "Bake to Keyframes"
    bl_options = UNDOABLE
    _is_from_window = False

    # These two are the head's own where a call does not say: the panel shows them, the redo panel changes them.
    frames: EnumProperty(name="Frames", description="Which frames to bake", items=CHOICES, options={"SKIP_SAVE"})
    tolerance: FloatProperty(**TOLERANCE, options={"SKIP_SAVE"})
    smoothing: FloatProperty(
        name="Smoothing (ms)",
        description="How much of the speech around a moment is averaged before the keys are made; nothing comes later",
        default=0.0,
        min=0.0,
        soft_max=300.0,
        max=5000.0,
        step=1000,
        precision=0,
    )
    offset: FloatProperty(
        name="Offset (frames)",
        description="Above 0 the keys come later than the sound, below 0 earlier",
        default=0.0,
        soft_min=-5.0,
        soft_max=5.0,
        step=50,
        precision=1,
    )

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head with a rig that can speak; without a sound the keys are those of the head at rest."""
        obj = head_of(context)
        if obj is None or locked_reason(obj):
            return locked_reason(obj)
        if reason := head_paths.missing_head_reason(obj) or override_reason(obj) or _rig_reason(obj):
            return reason
        reason = silent_reason(obj) or unattached_reason(obj, settings_of(obj).strip_scene or context.scene)
        return reason.rstrip(".") or running.busy_reason()

    def invoke(self, context: Context, event: bpy.types.Event) -> OperatorResult:
        """Ask before keys are replaced."""
        self._is_from_window = has_window()
        obj = head_of(context)
        if obj is not None:
            self._take_settings(settings_of(obj))
        frames = chosen_frames(context.scene, self.frames)
        keyed = keyed_range(obj) if obj else None
        if not has_window() or keyed is None or keyed[1] < frames[0] or keyed[0] > frames[-1]:
            return self.execute(context)
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=f"Replace the keyframes from {frames[0]} to {frames[-1]}?",
            message="What was changed by hand there is lost; Undo brings it back.",
            confirm_text="Replace",
            icon="WARNING",
        )

    def run(self, context: Context) -> None:
        """Bake them."""
        obj = head_of(context)
        if obj is None:
            return
        self._take_settings(settings_of(obj))
        frames = chosen_frames(context.scene, self.frames)
        rig = rig_of_head(head_paths.path_of(obj, "head"))
        milliseconds = float(1000 / strips.frame_rate(context.scene))
        stretch = context.scene.render.frame_map_old / context.scene.render.frame_map_new
        options = KeyOptions(self.tolerance, stretch, self.smoothing / milliseconds, self.offset)
        steps = fit_shot(shot_moments(context.scene, obj, frames), frames, rig, options)
        if self._is_from_window and len(frames) > LONG:
            return start_long_bake(obj, rig, steps)
        keys = _last(steps)
        key_head(obj, rig, keys)
        playback.refresh(context.scene)
        return self.report({"INFO"}, baked_sentence(keys))

    def _take_settings(self, settings: TalkSplatHead) -> None:
        """The head's own values of what the call leaves out; what it gives becomes the head's own."""
        for name in ("frames", "tolerance"):
            if self.properties.is_property_set(name):
                setattr(settings, f"key_{name}", getattr(self, name))
            else:
                setattr(self, name, getattr(settings, f"key_{name}"))


class TALKSPLAT_OT_remove_keyframes(RemoveOperator, bpy.types.Operator):
    """Remove the keyframes and channels of the head, so that it follows the speech again"""

    bl_idname = "talksplat.remove_keyframes"
    bl_label = "Remove Keyframes"
    bl_options = UNDOABLE
    nothing_there = "There are no keyframes"

    @classmethod
    def is_there(cls, obj: bpy.types.Object) -> bool:
        """Whether there is something to remove."""
        return has_keyframes(obj)

    def remove(self, obj: bpy.types.Object) -> None:
        """Remove it."""
        remove_keyframes(obj)


def _rig_reason(obj: bpy.types.Object) -> str:
    try:
        rig_of_head(head_paths.path_of(obj, "head"))
    except UserError:
        return "The head has no rig: press Make Rig"
    return ""


def start_long_bake(obj: bpy.types.Object, rig: RigReplay, steps: Generator[Event, None, ShotKeys]) -> None:
    """Go on between redraws; the keys are written when all are made."""
    made: list[ShotKeys] = []
    uid = obj.session_uid

    def write(_result: dict) -> str:
        with edited_head(uid) as head:
            key_head(head, rig, made[0])
            playback.refresh(current_context().scene)
        return baked_sentence(made[0])

    running.start_local_job(TALKSPLAT_OT_bake_keyframes.bl_label, _as_job(steps, made), write)


def _as_job(steps: Generator[Event, None, ShotKeys], made: list[ShotKeys]) -> Generator[Event, None, None]:
    """The steps as a job that leaves its keys in `made`."""
    made.append((yield from steps))
    yield Finished()


def _last(steps: Generator[Event, None, ShotKeys]) -> ShotKeys:
    """All steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def baked_sentence(keys: ShotKeys) -> str:
    """What was made: "2,921 keys in 27 channels, 23 % of the frames; at most 0.10 mm from the speech"."""
    share = keys.count / (len(keys.curves) * len(keys.frames))
    error = f"; at most {keys.error:.2f} mm from the speech" if keys.error > 0 else ""
    return f"{keys.count:,} keys in {len(keys.curves)} channels, {share:.0%} of the frames{error}"


CLASSES = (TALKSPLAT_OT_bake_keyframes, TALKSPLAT_OT_remove_keyframes)
