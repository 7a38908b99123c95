# SPDX-License-Identifier: GPL-3.0-or-later
"""MediaPipe Tasks, loaded only when a model is opened, and kept from talking.

Knows no model. MediaPipe is an extra (`talksplat[prepare]`): a head is replayed, baked and rendered without it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ..formats.refusal import Refusal

# 0.10.31: later ones drag OpenCV and matplotlib and want EGL on the machine, earlier ones jax and numpy 1.
PACKAGE = "mediapipe==0.10.31"


def tasks_vision():
    """The modules (mediapipe.tasks.python, its vision). Refusal with the cure where there is no MediaPipe."""
    try:
        from mediapipe.tasks import python as tasks
        from mediapipe.tasks.python import vision
    except ModuleNotFoundError as error:
        raise Refusal(
            f"Tracking a face needs MediaPipe, which is not installed; run: python -m pip install {PACKAGE}"
        ) from error
    except (ImportError, OSError) as error:
        raise Refusal(
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
