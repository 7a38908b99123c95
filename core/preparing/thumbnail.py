# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures for the report: as filmed with the landmarks on top, cut out, and labelled.

Letters: H W the picture's size, h w the thumbnail's.
"""

import numpy as np
from PIL import Image, ImageDraw

HEIGHT = 192  # h
SUPERSAMPLING = 4  # of the dots, so that lips can be seen between them
DOT_RADIUS = 1.2  # pixels
GREY = 128  # behind the cut-out
LABEL_COLOURS = np.array([(40, 40, 48), (220, 170, 140), (200, 40, 60)], np.uint8)  # background, face, inside mouth
DOT_COLOUR = (60, 255, 120)


def make_thumbnail(
    rgb: np.ndarray,  # [H,W,3] uint8
    rgba: np.ndarray,  # [H,W,4] uint8, straight alpha
    label: np.ndarray,  # [H,W] uint8
    landmarks: np.ndarray,  # [68,2] pixels
) -> np.ndarray:
    """[h,3w,3] uint8: the three next to each other."""
    height, width = label.shape
    size = (round(width * HEIGHT / height), HEIGHT)
    filmed = Image.fromarray(rgb).resize(size, Image.Resampling.BOX)
    filmed.paste(DOT_COLOUR, mask=_draw_dots(landmarks * (HEIGHT / height), size))
    alpha = rgba[..., 3:].astype(np.float32) / 255
    over_grey = (rgba[..., :3] * alpha + GREY * (1 - alpha)).astype(np.uint8)
    parts = [
        filmed,
        Image.fromarray(over_grey).resize(size, Image.Resampling.BOX),
        Image.fromarray(LABEL_COLOURS[label]).resize(size, Image.Resampling.NEAREST),
    ]
    return np.concatenate([np.asarray(part) for part in parts], axis=1)


def _draw_dots(points: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """A mask of the thumbnail's size, antialiased."""
    dots = Image.new("L", (SUPERSAMPLING * size[0], SUPERSAMPLING * size[1]))
    draw, radius = ImageDraw.Draw(dots), SUPERSAMPLING * DOT_RADIUS
    for x, y in points * SUPERSAMPLING:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return dots.resize(size, Image.Resampling.BOX)
