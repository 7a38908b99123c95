# SPDX-License-Identifier: GPL-3.0-or-later
"""While Blender renders: the pictures of the heads, before the compositor reads them. No click a frame.

Blender's render waits for ours, in a worker of its own: a bake or a render in the background goes on. What is rendered
already, by the same bake and camera, is not rendered again.
"""

import time

import bpy
from bpy.app.handlers import persistent

from ...core.formats import UserError
from ...core.jobs import Cancelled, Failed, Finished, Render
from .. import running
from ..link.blenders_python import package_folders
from ..link.worker_process import WorkerProcess
from . import pictures as f12_pictures

LABEL = "Show in F12"  # of the button, below which the panel says what went wrong
PAUSE = 0.005  # seconds between two looks for the worker's answer

_worker: WorkerProcess | None = None
_is_rendering = False
_asked: set[Render] = set()  # in this render: Blender evaluates a frame once for each view layer
_said: set[str] = set()  # in this render: what ails every frame of an animation is said at the first


@persistent
def on_start(_scene: bpy.types.Scene, *_: object) -> None:
    """A still or an animation begins."""
    global _is_rendering
    _is_rendering = True
    _asked.clear()
    _said.clear()


@persistent
def on_end(_scene: bpy.types.Scene, *_: object) -> None:
    """It has ended, or was cancelled."""
    global _is_rendering
    _is_rendering = False


@persistent
def on_frame(scene: bpy.types.Scene, graph: bpy.types.Depsgraph) -> None:
    """Blender has evaluated a frame that it is about to render; between two frames it asks for motion blur alone."""
    if not _is_rendering or graph.mode != "RENDER" or scene.frame_subframe:
        return
    try:
        for job, images in f12_pictures.jobs_at(scene, graph):
            if job not in _asked:
                _asked.add(job)
                _render(job, images)
    except (UserError, OSError) as error:
        _say(scene.frame_current, str(error))


def _say(frame: int, sentence: str) -> None:
    if sentence not in _said:
        _said.add(sentence)
        print(f"{LABEL}: Frame {frame}: {sentence}", flush=True)  # F12 has no other place for it
        running.tell(LABEL, f"Frame {frame}: {sentence}")


def _render(job: Render, images: list[bpy.types.Image]) -> None:
    """Raises UserError."""
    if _result_of(job)["rendered"]:
        for image in images:
            image.buffers_free()  # Blender keeps the pictures that it has read


def _result_of(job: Render) -> dict:
    """Wait for the job. Raises UserError for one that fails.

    Esc ends the render after the picture: only a render engine can ask Blender for it (`RenderEngine.test_break`), and
    `render_cancel` is called when this has returned.
    """
    worker = _own_worker()
    worker.submit(job)
    while True:
        for event in worker.poll():
            if isinstance(event, Finished):
                return event.result
            if isinstance(event, Failed | Cancelled):
                raise UserError(event.sentence)
        time.sleep(PAUSE)


def _own_worker() -> WorkerProcess:
    global _worker
    python = running.core_python()
    if python is None:
        raise UserError(f"{running.no_worker_reason()}; F12 shows the pictures that were rendered before.")
    if _worker is None or _worker.python != str(python):
        stop_worker()
        log = running.log_file().with_suffix(".f12.log")
        _worker = WorkerProcess(python, running.ROOT, log, package_folders(python))
    return _worker


def stop_worker() -> None:
    """The next render starts one again."""
    global _worker
    if _worker is not None:
        _worker.stop()
        _worker = None


HANDLERS = (
    ("render_init", on_start),
    ("render_complete", on_end),
    ("render_cancel", on_end),
    ("frame_change_post", on_frame),
)


def register() -> None:
    """Called by the add-on's own `register`."""
    for event, handler in HANDLERS:
        getattr(bpy.app.handlers, event).append(handler)


def unregister() -> None:
    """Called by the add-on's own `unregister`."""
    for event, handler in HANDLERS:
        getattr(bpy.app.handlers, event).remove(handler)
    stop_worker()
