# SPDX-License-Identifier: GPL-3.0-or-later
"""MediaPipe Tasks: opens a shipped model, mutes its log, and closes it in time.

MediaPipe is imported only when a model is opened, and is an extra (`talksplat[train]`): a head is replayed, baked and
rendered without it. Knows nothing of what a model finds.
"""

import os
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import numpy as np

from ..formats import UserError

# 0.10.31: later ones depend on OpenCV and matplotlib and need EGL on the machine, earlier ones on jax and numpy 1.
MEDIAPIPE_PACKAGE = "mediapipe==0.10.31"
WARMUP_SIDE = 64  # pixels of the picture that a model is opened with


class MediaPipeModel:
    """An open model; a context manager, or `close` it. One per process, not shared by threads. Runs on the CPU.

    `task` is MediaPipe's class, `method` what it does to a picture, `options` what else its Options take. Raises
    UserError where MediaPipe is not installed or cannot be loaded.
    """

    def __init__(self, path: Path, task: str, method: str, **options) -> None:
        tasks, vision = import_mediapipe()
        task_options = getattr(vision, f"{task}Options")(
            base_options=tasks.BaseOptions(model_asset_buffer=path.read_bytes()),
            running_mode=vision.RunningMode.IMAGE,
            **options,
        )
        with muted_stderr():
            self._model = getattr(vision, task).create_from_options(task_options)
            self._closing = weakref.finalize(self, close_task, self._model)
            self._method = getattr(self._model, method)
            self.run(np.zeros((WARMUP_SIDE, WARMUP_SIDE, 3), np.uint8))  # it logs with the first picture

    def run(
        self,
        rgb: np.ndarray,  # [H,W,3] uint8
    ):
        """MediaPipe's result. Raises ValueError for another type or shape."""
        return self._method(mediapipe_image(rgb))

    def close(self) -> None:
        """Free the model; it cannot be used again."""
        self._closing()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()


def import_mediapipe():
    """The modules (mediapipe.tasks.python, its vision). UserError with the fix where there is no MediaPipe."""
    try:
        from mediapipe.tasks import python as tasks
        from mediapipe.tasks.python import vision
    except ModuleNotFoundError as error:
        raise UserError(
            f"Tracking a face needs MediaPipe, which is not installed; run: python -m pip install {MEDIAPIPE_PACKAGE}"
        ) from error
    except (ImportError, OSError) as error:
        raise UserError(
            f"MediaPipe cannot be loaded here ({error}); run: "
            f"python -m pip install --force-reinstall {MEDIAPIPE_PACKAGE}"
        ) from error
    return tasks, vision


def mediapipe_image(rgb: np.ndarray):
    """mediapipe.Image of uint8 [H,W,3]. Raises ValueError for another type or shape."""
    import mediapipe

    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise ValueError(f"a picture is uint8 [H,W,3], not {rgb.dtype} {rgb.shape}")
    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb))


def close_task(model) -> None:
    """Close a task; as a finalizer too, since MediaPipe's own runs too late at the interpreter's exit and complains."""
    try:
        model.close()
    except RuntimeError:  # its thread has ended already; the memory is freed with the process
        model._handle = None


@contextmanager
def muted_stderr() -> Iterator[None]:
    """While it lasts, the error stream of the whole process is discarded, native code's too.

    MediaPipe starts with four lines of logging that no setting of 0.10.31 turns off. For opening a model only: a
    failure there still raises with its reason.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
