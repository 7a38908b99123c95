# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture -> where the person is, softly, by MediaPipe's Selfie Segmentation (256 x 256).

For backdrops that no colour key takes. The network was made for one person within two metres; its edge is as soft as
its 256 pixels, and loose hair goes. Every picture by itself, nothing in time.

Letters: H x W pixels.
"""

import weakref
from pathlib import Path

import numpy as np
from PIL import Image

from .runtime import freed, picture_of, silence, tasks_vision

MODEL = Path(__file__).with_name("selfie_segmentation.tflite")
SIDE = 256  # pixels, of the network's input and answer


class Segmenter:
    """Opens the shipped model; a context manager, or `close` it. One process each, not shared by threads.

    Raises Refusal where MediaPipe is not installed or cannot be loaded.
    """

    def __init__(self) -> None:
        tasks, vision = tasks_vision()
        options = vision.ImageSegmenterOptions(
            base_options=tasks.BaseOptions(model_asset_buffer=MODEL.read_bytes()),
            running_mode=vision.RunningMode.IMAGE,
            output_confidence_masks=True,
            output_category_mask=False,
        )
        with silence():
            self._model = vision.ImageSegmenter.create_from_options(options)
            self._closing = weakref.finalize(self, freed, self._model)
            self._model.segment(picture_of(np.zeros((SIDE, SIDE, 3), np.uint8)))

    def person(
        self,
        rgb: np.ndarray,  # [H,W,3] uint8
    ) -> np.ndarray:
        """[H,W] float32 0..1: how surely a pixel is of the person. Raises ValueError for another type or shape."""
        picture_of(rgb)
        # Squeezed and spread by us: MediaPipe 0.10.31 lays the rows of any other size wrongly side by side.
        square = np.asarray(Image.fromarray(rgb).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        answer = self._model.segment(picture_of(square)).confidence_masks[0].numpy_view()
        mask = Image.fromarray(np.array(answer, np.float32).reshape(SIDE, SIDE))
        spread = mask.resize((rgb.shape[1], rgb.shape[0]), Image.Resampling.BICUBIC)
        return np.clip(np.asarray(spread), 0.0, 1.0)

    def close(self) -> None:
        self._closing()

    def __enter__(self) -> "Segmenter":
        return self

    def __exit__(self, *_) -> None:
        self.close()
