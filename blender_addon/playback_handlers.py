# SPDX-License-Identifier: GPL-3.0-or-later
"""When playback looks again: a frame, an update, undo, and a file that came back."""

import bpy
from bpy.app.handlers import persistent

from . import playback
from .blender_types import cloud_of, current_context
from .head_objects import heads_of

WATCH = 2.0  # seconds between two looks for a missing file


def load_soon() -> None:
    """`playback.load_clouds` as soon as Blender waits for the user: a handler must not make objects."""
    if not bpy.app.timers.is_registered(playback.load_clouds):
        bpy.app.timers.register(playback.load_clouds, first_interval=0.0)


def watch() -> float:
    """A file that was missing is shown again when it comes back, without a touch; seconds until the next look."""
    if not bpy.app.is_job_running("RENDER"):
        for scene in {window.scene for window in current_context().window_manager.windows}:
            _look_again(scene)
    return WATCH


def _look_again(scene: bpy.types.Scene) -> None:
    heads = heads_of(scene)
    before = [playback.problems_of(obj) for obj in heads]
    if any(before):
        refresh(scene)
        if before != [playback.problems_of(obj) for obj in heads]:
            redraw_views()


def refresh(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph | None = None) -> None:
    """`playback.refresh`, and the clouds that it found missing soon after."""
    playback.refresh(scene, depsgraph)
    if playback.is_waiting():
        load_soon()


def redraw_views() -> None:
    """Draw every 3D view and its sidebar again."""
    for window in current_context().window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


def make_single_users(scene: bpy.types.Scene) -> None:
    """A duplicated head may share its cloud with the first one; each moves its own."""
    met = set()
    for obj in heads_of(scene):
        if cloud_of(obj).session_uid in met and obj.library is None:
            obj.data = cloud_of(obj).copy()
        met.add(cloud_of(obj).session_uid)


@persistent
def on_frame(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """After the frame's curves were evaluated; Blender evaluates once more what we change."""
    refresh(scene, depsgraph)


@persistent
def on_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """A strip was moved, a driver evaluated, a head duplicated: the same `refresh`, which writes only what differs."""
    make_single_users(scene)
    if not _is_of_other_window(scene):
        refresh(scene, depsgraph)


def _is_of_other_window(scene: bpy.types.Scene) -> bool:
    """Whether the scene's heads are shown at another scene's frame, which a window still shows: a head that two scenes
    share shows one moment, and the two must not take it from each other for ever."""
    owners = {shown.scene for obj in heads_of(scene) if (shown := playback.shown_of(obj))} - {scene.session_uid}
    return any(window.scene.session_uid in owners for window in current_context().window_manager.windows)


@persistent
def on_undo(scene: bpy.types.Scene, _depsgraph: object) -> None:
    """Undo brought back the arrays of another moment."""
    playback.forget()
    refresh(current_context().scene)


HANDLERS = (
    ("frame_change_post", on_frame),
    ("depsgraph_update_post", on_update),
    ("undo_post", on_undo),
    ("redo_post", on_undo),
)


def register() -> None:
    """Called by the add-on's own `register`."""
    for event, handler in HANDLERS:
        getattr(bpy.app.handlers, event).append(handler)
    bpy.app.timers.register(watch, first_interval=WATCH, persistent=True)


def unregister() -> None:
    """Called by the add-on's own `unregister`."""
    for event, handler in HANDLERS:
        getattr(bpy.app.handlers, event).remove(handler)
    for timer in (watch, playback.load_clouds):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
    playback.forget_frames()
