# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture -> a soft mask of the person, by MediaPipe's Selfie Segmentation (256 x 256).

For backdrops that cannot be keyed. The network was made for one person within two metres; its edge is as soft as its
256 pixels, and loose hair is lost. Every picture by itself, nothing in time.

Letters: H x W pixels.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from .runtime import MediaPipeModel, mediapipe_image

MODEL = Path(__file__).with_name("selfie_segmentation.tflite")
SIDE = 256  # pixels, of the network's input and output


class PersonSegmenter(MediaPipeModel):
    """The shipped model, opened."""

    def __init__(self) -> None:
        super().__init__(MODEL, "ImageSegmenter", "segment", output_confidence_masks=True, output_category_mask=False)

    def segment(
        self,
        rgb: np.ndarray,  # [H,W,3] uint8
    ) -> np.ndarray:
        """[H,W] float32 0..1: how likely a pixel shows the person. Raises ValueError for another type or shape."""
        mediapipe_image(rgb)
        # Resized here: MediaPipe 0.10.31 shears pictures of any other size.
        square = np.asarray(Image.fromarray(rgb).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        confidence = self.run(square).confidence_masks[0].numpy_view()
        mask = Image.fromarray(np.array(confidence, np.float32).reshape(SIDE, SIDE))
        resized = mask.resize((rgb.shape[1], rgb.shape[0]), Image.Resampling.BICUBIC)
        return np.clip(np.asarray(resized), 0.0, 1.0)
