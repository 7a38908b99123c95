# SPDX-License-Identifier: GPL-3.0-or-later
"""The colours of parsing/*.png and the labels of our footage."""

import numpy as np

from ..footage import LABEL_BACKGROUND, LABEL_FACE, LABEL_MOUTH

# Hair belongs to the head; neck and torso to the picture behind it.
PARSING_COLOURS = {
    "face": (0, 0, 255),
    "mouth": (100, 100, 100),
    "hair": (0, 0, 0),
    "neck": (0, 255, 0),
    "torso": (255, 0, 0),
    "background": (255, 255, 255),
}
HEAD_PARTS = ("face", "mouth", "hair")
MOUTH_TOLERANCE = 8  # grey levels


def labels_from_parsing(
    parsing: np.ndarray,  # [H,W,3] uint8
    teeth: np.ndarray | None,  # [H,W] bool
    torso: bool,
) -> np.ndarray:
    """[H,W] uint8: inside mouth = mouth or teeth, face = the rest of the head (with neck and torso if asked).

    A pixel belongs to the nearest of the colours (scaled parsings have mixed ones at their edges), but the mouth's
    grey must be met to MOUTH_TOLERANCE, because hair over a white background mixes to grey too.
    """
    pixels = parsing.astype(np.int32)
    others = {name: colour for name, colour in PARSING_COLOURS.items() if name != "mouth"}
    colours = np.array(list(others.values()), dtype=np.int32)
    # |p - c|^2 without the |p|^2 that all share.
    nearest = ((colours**2).sum(1) - 2 * (pixels @ colours.T)).argmin(axis=-1)
    face_parts = (*HEAD_PARTS, "neck", "torso") if torso else HEAD_PARTS
    labels = np.array([LABEL_FACE if name in face_parts else LABEL_BACKGROUND for name in others], np.uint8)[nearest]
    labels[(np.abs(pixels - PARSING_COLOURS["mouth"]) <= MOUTH_TOLERANCE).all(axis=-1)] = LABEL_MOUTH
    if teeth is not None:
        labels[teeth] = LABEL_MOUTH
    return labels


def parsing_from_labels(
    labels: np.ndarray,  # [H,W]
) -> np.ndarray:
    """[H,W,3] uint8; all of the head that is not mouth becomes face, because our labels do not tell hair apart."""
    colours = np.zeros((3, 3), dtype=np.uint8)
    for label, part in ((LABEL_BACKGROUND, "background"), (LABEL_FACE, "face"), (LABEL_MOUTH, "mouth")):
        colours[label] = PARSING_COLOURS[part]
    return colours[labels]
