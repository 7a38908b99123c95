# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture -> where the person is, softly, by MediaPipe's Selfie Segmentation (256 x 256).

For backdrops that no colour key takes. The network was made for one person within two metres; its edge is as soft as
its 256 pixels, and loose hair goes. Every picture by itself, nothing in time.

Letters: H x W pixels.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from .runtime import Model, picture_of

MODEL = Path(__file__).with_name("selfie_segmentation.tflite")
SIDE = 256  # pixels, of the network's input and answer


class Segmenter(Model):
    """The shipped model, opened (`runtime.Model`)."""

    def __init__(self) -> None:
        super().__init__(MODEL, "ImageSegmenter", "segment", output_confidence_masks=True, output_category_mask=False)

    def person(
        self,
        rgb: np.ndarray,  # [H,W,3] uint8
    ) -> np.ndarray:
        """[H,W] float32 0..1: how surely a pixel is of the person. Raises ValueError for another type or shape."""
        picture_of(rgb)
        # Squeezed and spread by us: MediaPipe 0.10.31 lays the rows of any other size wrongly side by side.
        square = np.asarray(Image.fromarray(rgb).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        answer = self.answer(square).confidence_masks[0].numpy_view()
        mask = Image.fromarray(np.array(answer, np.float32).reshape(SIDE, SIDE))
        spread = mask.resize((rgb.shape[1], rgb.shape[0]), Image.Resampling.BICUBIC)
        return np.clip(np.asarray(spread), 0.0, 1.0)
