# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures for the report: what was filmed with the landmarks on it, what was cut out, what was labelled.

Letters: H W the picture's size, h the thumbnail's height.
"""

import numpy as np
from PIL import Image, ImageDraw

HEIGHT = 144  # h
GREY = 128
COLOURS = np.array([(40, 40, 48), (220, 170, 140), (200, 40, 60)], np.uint8)  # background, head, inside mouth
MARK = (60, 255, 120)


def thumbnail(
    rgb: np.ndarray,  # [H,W,3] uint8
    rgba: np.ndarray,  # [H,W,4] uint8 straight
    label: np.ndarray,  # [H,W] uint8
    marks: np.ndarray,  # [68,2] pixels
) -> np.ndarray:
    """[h,3w,3] uint8: the three beside each other."""
    height, width = label.shape
    size = (round(width * HEIGHT / height), HEIGHT)
    filmed = Image.fromarray(rgb).resize(size, Image.Resampling.BOX)
    draw = ImageDraw.Draw(filmed)
    for x, y in marks * (HEIGHT / height):
        draw.ellipse((x - 1, y - 1, x + 1, y + 1), fill=MARK)
    alpha = rgba[..., 3:].astype(np.float32) / 255
    over = (rgba[..., :3] * alpha + GREY * (1 - alpha)).astype(np.uint8)
    parts = [filmed, Image.fromarray(over).resize(size, Image.Resampling.BOX),
             Image.fromarray(COLOURS[label]).resize(size, Image.Resampling.NEAREST)]
    return np.concatenate([np.asarray(part) for part in parts], axis=1)
