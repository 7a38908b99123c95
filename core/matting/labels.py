# SPDX-License-Identifier: GPL-3.0-or-later
"""What each pixel is: background, head, inside of the mouth; and, as far as points and colour tell, skin, hair, neck
and torso.

It knows the picture's alpha, its points and its colours, no file and no clip.

Letters: points as in regions.py.
"""

import numpy as np

from .kernels import compare  # noqa: F401
from .regions import CHEEKS, CHIN, EYE_CORNERS, FACE_OVAL, INNER_LIPS, LOWER_LIP, UPPER_LIP, coverage, filled, seen

BACKGROUND, FACE, MOUTH = 0, 1, 2
PARTS = ("background", "skin", "mouth", "hair", "neck", "torso")
CLOSED_GAP = 0.012  # of the eye distance: lips nearer than this touch (MediaPipe reports 0.002 for pressed lips)


def lip_gap(points: np.ndarray) -> float:
    """Distance of the middle of the inner lips over that of the outer eye corners."""
    eyes = np.linalg.norm(points[EYE_CORNERS[0], :2] - points[EYE_CORNERS[1], :2])
    return float(np.linalg.norm(points[UPPER_LIP, :2] - points[LOWER_LIP, :2]) / max(eyes, 1e-6))


def labels(
    shape: tuple[int, int],
    alpha: np.ndarray,  # [H,W] 0..1
    points: np.ndarray | None,  # [478,2|3] pixels
) -> np.ndarray:
    """[H,W] uint8: 0 background (alpha under a half), 2 inside the mouth (at least half of the pixel inside the inner
    lips; none while the lips touch), 1 the rest of the person."""
    label = np.where(np.asarray(alpha) < 0.5, BACKGROUND, FACE).astype(np.uint8)
    if seen(points) and lip_gap(points) > CLOSED_GAP:
        label[coverage(shape, points[INNER_LIPS, :2]) >= 0.5] = MOUTH
    return label


def parts(
    rgb: np.ndarray,  # [H,W,3] 0..255
    label: np.ndarray,  # [H,W] uint8 of `labels`
    points: np.ndarray | None,  # [478,2|3]
) -> np.ndarray:
    """[H,W] uint8, an index into PARTS. Skin: the face oval and what has the cheeks' colour above the chin (ears);
    neck: skin-coloured below the jaw; torso: the rest below the jaw; hair: the rest."""
    out = np.where(label == BACKGROUND, 0, PARTS.index("hair")).astype(np.uint8)
    if not seen(points):
        return out
    oval = filled(label.shape, points[FACE_OVAL, :2])
    skin = skin_like(np.asarray(rgb, np.float32), points)
    below = below_jaw(label.shape, points)
    person = label != BACKGROUND
    out[person & skin] = PARTS.index("skin")
    out[person & below] = PARTS.index("torso")
    out[person & below & skin & near_neck(label.shape, points)] = PARTS.index("neck")
    out[person & oval] = PARTS.index("skin")
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
    jaw = points[[323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93], :2]
    jaw = jaw[np.argsort(jaw[:, 0])]
    rim = np.interp(np.arange(shape[1]) + 0.5, jaw[:, 0], jaw[:, 1])
    left, right = jaw[0], jaw[-1]
    columns = np.arange(shape[1]) + 0.5
    # beside the face the line runs at the height of the mouth's corners or lower: hair and ears end about there
    mouth = float(points[INNER_LIPS, 1].mean())
    rim = np.where((columns < left[0]) | (columns > right[0]), np.maximum(rim, mouth), rim)
    return (np.arange(shape[0])[:, None] + 0.5) > rim[None]


def near_neck(shape: tuple[int, int], points: np.ndarray) -> np.ndarray:
    """[H,W] bool: within the face's width and half its height below the chin."""
    x0, x1 = points[FACE_OVAL, 0].min(), points[FACE_OVAL, 0].max()
    columns = np.arange(shape[1]) + 0.5
    return (depth_below_chin(shape, points) < 0.6) & ((columns > x0) & (columns < x1))[None]


def skin_like(rgb: np.ndarray, points: np.ndarray) -> np.ndarray:
    """[H,W] bool: chroma near the cheeks' own, however dark."""
    height, width = rgb.shape[:2]
    x = np.clip(points[CHEEKS, 0].astype(int), 0, width - 1)
    y = np.clip(points[CHEEKS, 1].astype(int), 0, height - 1)
    cheek = np.median(rgb[y, x], axis=0)
    tone = rgb / np.maximum(rgb.sum(-1, keepdims=True), 24.0)
    own = cheek / max(float(cheek.sum()), 24.0)
    return (np.abs(tone - own).sum(-1) < 0.09) & (rgb.sum(-1) > 0.3 * cheek.sum())


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
