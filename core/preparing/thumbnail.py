# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures for the report: what was filmed with the landmarks on it, what was cut out, what was labelled.

Letters: H W the picture's size, h the thumbnail's height.
"""

import numpy as np
from PIL import Image, ImageDraw

HEIGHT = 192  # h
FINE = 4  # times finer are the marks drawn, so that lips can be seen between them
DOT = 1.2  # pixels, half of a mark's width
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
    dots = Image.new("L", (FINE * size[0], FINE * size[1]))
    draw = ImageDraw.Draw(dots)
    for x, y in marks * (FINE * HEIGHT / height):
        draw.ellipse((x - FINE * DOT, y - FINE * DOT, x + FINE * DOT, y + FINE * DOT), fill=255)
    filmed.paste(MARK, mask=dots.resize(size, Image.Resampling.BOX))
    alpha = rgba[..., 3:].astype(np.float32) / 255
    over = (rgba[..., :3] * alpha + GREY * (1 - alpha)).astype(np.uint8)
    parts = [
        filmed,
        Image.fromarray(over).resize(size, Image.Resampling.BOX),
        Image.fromarray(COLOURS[label]).resize(size, Image.Resampling.NEAREST),
    ]
    return np.concatenate([np.asarray(part) for part in parts], axis=1)
