# SPDX-License-Identifier: GPL-3.0-or-later
"""What each pixel is: background, head, inside of the mouth; and, as far as points and colour tell, skin, hair, neck
and torso.

It knows the picture's alpha, its points and its colours, no file and no clip.

Letters: points as in regions.py.
"""

import numpy as np

from .kernels import box_mean
from .regions import (
    CHEEKS,
    CHIN,
    EYE_CORNERS,
    FACE_OVAL,
    INNER_LIPS,
    JAW,
    LOWER_LIP,
    UPPER_LIP,
    coverage,
    face_box,
    filled,
    seen,
)

BACKGROUND, FACE, MOUTH = 0, 1, 2
PARTS = ("background", "skin", "mouth", "hair", "neck", "torso")
# Of the distance of the outer eye corners. Measured on the sample actor: MediaPipe reports 0.001..0.010 for lips that
# touch and 0.037 upwards for open ones; its ring lies on the lips' rim and holds a fifth more than can be looked into.
CLOSED_GAP = 0.012  # nearer lips touch
INWARD = 0.004  # by which each lip of the ring is moved inwards
EYES_ABOVE_CHIN = -0.65  # face heights
SKIN_TONE, SKIN_DARK = 0.11, 0.25  # distance in tone, of the colour's sum; and the darkest, of the cheeks'


def lip_gap(points: np.ndarray) -> float:
    """Distance of the middle of the inner lips over that of the outer eye corners."""
    eyes = np.linalg.norm(points[EYE_CORNERS[0], :2] - points[EYE_CORNERS[1], :2])
    return float(np.linalg.norm(points[UPPER_LIP, :2] - points[LOWER_LIP, :2]) / max(eyes, 1e-6))


def mouth_ring(points: np.ndarray) -> np.ndarray:
    """[20,2] the rim of what can be looked into: MediaPipe's inner lips, each moved INWARD."""
    ring = points[INNER_LIPS, :2].astype(np.float64)
    eyes = points[EYE_CORNERS[1], :2] - points[EYE_CORNERS[0], :2]
    down = np.array([-eyes[1], eyes[0]])
    upper, lower = slice(1, 10), slice(11, 20)
    ring[upper] += INWARD * down
    ring[lower] -= INWARD * down
    return ring


def labels(
    shape: tuple[int, int],
    alpha: np.ndarray,  # [H,W] 0..1
    points: np.ndarray | None,  # [478,2|3] pixels
) -> np.ndarray:
    """[H,W] uint8: 0 background (alpha under a half), 2 inside the mouth (at least half of the pixel inside the inner
    lips; none while the lips touch), 1 the rest of the person."""
    label = np.where(np.asarray(alpha) < 0.5, BACKGROUND, FACE).astype(np.uint8)
    if seen(points) and lip_gap(points) > CLOSED_GAP:
        label[coverage(shape, mouth_ring(points)) >= 0.5] = MOUTH
    return label


def parts(
    rgb: np.ndarray,  # [H,W,3] 0..255
    label: np.ndarray,  # [H,W] uint8 of `labels`
    points: np.ndarray | None,  # [478,2|3]
) -> np.ndarray:
    """[H,W] uint8, an index into PARTS, for the report. Skin: the face oval, and beside it what has the cheeks' hue
    between eyes and chin (ears); neck: such a hue below the jaw; torso: the rest below the jaw; hair: all else. What
    a hat or a beard is, it cannot tell."""
    out = np.where(label == BACKGROUND, 0, PARTS.index("hair")).astype(np.uint8)
    if not seen(points):
        return out
    person, below = label != BACKGROUND, below_jaw(label.shape, points)
    skin = box_mean((skin_like(rgb, points) & person)[..., None].astype(np.float32), 2)[..., 0] > 0.45
    depth = depth_below_chin(label.shape, points)
    out[person & skin & (depth > EYES_ABOVE_CHIN)] = PARTS.index("skin")
    out[person & below] = PARTS.index("torso")
    x0, _, x1, _ = face_box(points)
    columns = np.arange(label.shape[1]) + 0.5
    beside = (columns < x0 - 0.1 * (x1 - x0)) | (columns > x1 + 0.1 * (x1 - x0))
    out[person & below & skin & (depth < 0.6) & ~beside] = PARTS.index("neck")
    out[person & filled(label.shape, points[FACE_OVAL, :2])] = PARTS.index("skin")
    out[label == MOUTH] = PARTS.index("mouth")
    return out


def axes(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Chin [2], the unit vector down the face [2], and the face's height in pixels."""
    top, chin = points[FACE_OVAL[0], :2], points[CHIN, :2]
    height = float(np.linalg.norm(chin - top))
    return chin, (chin - top) / max(height, 1e-6), height


def depth_below_chin(shape: tuple[int, int], points: np.ndarray) -> np.ndarray:
    """[H,W] float32: how far below the chin along the face's own axis, in face heights."""
    chin, down, height = axes(points)
    y, x = np.ogrid[: shape[0], : shape[1]]
    return (((x + 0.5 - chin[0]) * down[0] + (y + 0.5 - chin[1]) * down[1]) / height).astype(np.float32)


def below_jaw(shape: tuple[int, int], points: np.ndarray) -> np.ndarray:
    """[H,W] bool: below the line ear lobe - jaw - chin, carried on sideways."""
    jaw = points[JAW, :2]
    jaw = jaw[np.argsort(jaw[:, 0])]
    columns = np.arange(shape[1]) + 0.5
    rim = np.interp(columns, jaw[:, 0], jaw[:, 1])
    mouth = float(points[INNER_LIPS, 1].mean())  # beside the face, hair and ears end about there
    rim = np.where((columns < jaw[0, 0]) | (columns > jaw[-1, 0]), np.maximum(rim, mouth), rim)
    return (np.arange(shape[0])[:, None] + 0.5) > rim[None]


def skin_like(rgb: np.ndarray, points: np.ndarray) -> np.ndarray:
    """[H,W] bool: a hue near the cheeks' own, however dark."""
    height, width = rgb.shape[:2]
    x = np.clip(points[CHEEKS, 0].astype(int), 0, width - 1)
    y = np.clip(points[CHEEKS, 1].astype(int), 0, height - 1)
    cheek = np.median(rgb[y, x], axis=0).astype(np.float32)
    colours = rgb.astype(np.float32)
    total = colours.sum(-1)
    tone = colours - total[..., None] * (cheek / max(float(cheek.sum()), 24.0))
    return (np.abs(tone).sum(-1) < SKIN_TONE * total) & (total > SKIN_DARK * cheek.sum())


def faded(
    alpha: np.ndarray,  # [H,W] float32
    points: np.ndarray | None,
    torso: str = "keep",
) -> np.ndarray:
    """[H,W] float32: the alpha, with `torso="fade"` running softly to 0 between 0.12 and 0.45 face heights below the
    chin, so that a head can be put onto something else. Not in a paper: chosen so that the neck is left."""
    if torso == "keep" or not seen(points):
        return alpha
    if torso != "fade":
        raise ValueError(f"torso must be keep or fade, not {torso!r}")
    t = np.clip((depth_below_chin(alpha.shape, points) - 0.12) / 0.33, 0.0, 1.0)
    return (alpha * (1.0 - t * t * (3.0 - 2.0 * t))).astype(np.float32)
