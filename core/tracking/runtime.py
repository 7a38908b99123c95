# SPDX-License-Identifier: GPL-3.0-or-later
"""MediaPipe Tasks: a shipped model opened, kept from talking, and closed in time.

Loaded only when a model is opened; what a model finds is not known here. MediaPipe is an extra (`talksplat[prepare]`):
a head is replayed, baked and rendered without it.
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

# 0.10.31: later ones drag OpenCV and matplotlib and want EGL on the machine, earlier ones jax and numpy 1.
PACKAGE = "mediapipe==0.10.31"
FIRST = 64  # pixels a side of the picture that a model is opened with


class Model:
    """An open model; a context manager, or `close` it. One process each, not shared by threads. Runs on the CPU.

    `task` is MediaPipe's class, `verb` what it does to a picture, `options` what else its Options take. Raises UserError
    where MediaPipe is not installed or cannot be loaded.
    """

    def __init__(self, path: Path, task: str, verb: str, **options) -> None:
        tasks, vision = tasks_vision()
        words = getattr(vision, f"{task}Options")(
            base_options=tasks.BaseOptions(model_asset_buffer=path.read_bytes()),
            running_mode=vision.RunningMode.IMAGE,
            **options,
        )
        with silence():
            self._model = getattr(vision, task).create_from_options(words)
            self._closing = weakref.finalize(self, freed, self._model)
            self._seen = getattr(self._model, verb)
            self.answer(np.zeros((FIRST, FIRST, 3), np.uint8))  # what it has to say comes with the first

    def answer(
        self,
        rgb: np.ndarray,  # [H,W,3] uint8
    ):
        """MediaPipe's result. Raises ValueError for another type or shape."""
        return self._seen(picture_of(rgb))

    def close(self) -> None:
        self._closing()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()


def tasks_vision():
    """The modules (mediapipe.tasks.python, its vision). UserError with the cure where there is no MediaPipe."""
    try:
        from mediapipe.tasks import python as tasks
        from mediapipe.tasks.python import vision
    except ModuleNotFoundError as error:
        raise UserError(
            f"Tracking a face needs MediaPipe, which is not installed; run: python -m pip install {PACKAGE}"
        ) from error
    except (ImportError, OSError) as error:
        raise UserError(
            f"MediaPipe cannot be loaded here ({error}); run: python -m pip install --force-reinstall {PACKAGE}"
        ) from error
    return tasks, vision


def picture_of(rgb: np.ndarray):
    """mediapipe.Image of uint8 [H,W,3]. Raises ValueError for another type or shape."""
    import mediapipe

    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise ValueError(f"a picture is uint8 [H,W,3], not {rgb.dtype} {rgb.shape}")
    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb))


def freed(model) -> None:
    """Close a task; as a finalizer too, since MediaPipe's own comes too late at the interpreter's end and complains."""
    try:
        model.close()
    except RuntimeError:  # its thread is gone already; the memory goes with the process
        model._handle = None


@contextmanager
def silence() -> Iterator[None]:
    """Nothing that native code writes to the error stream comes through, in the whole process, while it lasts.

    MediaPipe greets with four lines of logging that no setting of 0.10.31 turns off. For opening a model only:
    a failure there still raises with its reason.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
