# SPDX-License-Identifier: GPL-3.0-or-later
"""Lips from the 68 iBUG landmarks: where the mouth is in a picture, how far it is open, how alike two are.

48-59 outer lip, 60-67 inner lip; 62 is the middle of the upper inner lip, 66 of the lower.
"""

import numpy as np

MOUTH_LANDMARKS = slice(48, 68)  # of the 68 iBUG landmarks: outer, then inner lips
UPPER, LOWER = 62, 66
MARGIN = 0.35  # of the mouth's width; not in the paper: chosen because the box then holds the crease above the chin
FOREHEAD = 0.35  # of the height from brows to chin


def lip_gap(
    landmarks: np.ndarray,  # [..., 68, 2 or 3]
) -> np.ndarray:
    """Distance between the inner lips [...], in the landmarks' unit."""
    return np.linalg.norm(landmarks[..., UPPER, :] - landmarks[..., LOWER, :], axis=-1)


def mouth_box(
    landmarks: np.ndarray,  # [68,2] pixels
    width: int,
    height: int,
    margin: float = MARGIN,
) -> tuple[slice, slice]:
    """(rows, columns) of a box around the mouth, inside the picture and never smaller than 16 pixels."""
    low, high = landmarks[MOUTH_LANDMARKS].min(axis=0), landmarks[MOUTH_LANDMARKS].max(axis=0)
    return _box(low, high, margin * (high[0] - low[0]), width, height)


def face_box(
    landmarks: np.ndarray,  # [68,2] pixels
    width: int,
    height: int,
) -> tuple[slice, slice]:
    """(rows, columns) of a box around the face with its forehead, in the picture, never smaller than 16 pixels.
    Landmarks end at the brows; not in the paper: chosen because a forehead is a third as high as what is below."""
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    low = low - [0.0, FOREHEAD * (high[1] - low[1])]
    return _box(low, high, 0.0, width, height)


def _box(low: np.ndarray, high: np.ndarray, grow: float, width: int, height: int) -> tuple[slice, slice]:
    half = np.maximum((high - low) / 2 + grow, 8.0)
    middle = np.clip((low + high) / 2, half, np.maximum([width, height] - half, half))
    x0, y0 = np.floor(middle - half).astype(int)
    x1, y1 = np.ceil(middle + half).astype(int)
    return slice(max(y0, 0), min(y1, height)), slice(max(x0, 0), min(x1, width))


def correlation(
    first: np.ndarray,  # [T]
    second: np.ndarray,  # [T]
) -> float:
    """Pearson's r; 0 where one of the two does not move."""
    a, b = first - np.mean(first), second - np.mean(second)
    scale = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / scale) if scale > 0 else 0.0


def landmark_distance(
    first: np.ndarray,  # [T,20,2] pixels, the mouth's landmarks (or [T,68,2]: the mouth's are taken)
    second: np.ndarray,  # [T,20,2] pixels
) -> float:
    """LMD: both sets mean-centred a frame, mean Euclidean distance in pixels over landmarks and frames (method of this
    line of work). Blind to where the mouth is, but not to its size: only comparable at equal resolution.
    Raises ValueError for sets that differ in shape, or without frames.
    """
    if first.shape != second.shape or first.ndim != 3 or not first.size:
        raise ValueError(f"landmarks must be two equal sets [T,P,2], not {first.shape} and {second.shape}")
    if first.shape[1] == 68:
        first, second = first[:, MOUTH_LANDMARKS], second[:, MOUTH_LANDMARKS]
    a = first - first.mean(axis=1, keepdims=True)
    b = second - second.mean(axis=1, keepdims=True)
    return float(np.linalg.norm(a - b, axis=-1).mean())


def jitter(
    landmarks: np.ndarray,  # [T,P,2 or 3]
) -> float:
    """Mean length of the second difference in time: how much a still face trembles."""
    return float(np.linalg.norm(np.diff(landmarks, n=2, axis=0), axis=-1).mean()) if len(landmarks) > 2 else 0.0
