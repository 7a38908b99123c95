# SPDX-License-Identifier: GPL-3.0-or-later
"""The backdrop's colour at every pixel, from frames in which a person hides a part of it.

First a smooth polynomial through what is certainly backdrop; then the mean of everything that looks like it.

Letters: N frames, P samples; rgb and fields in grey levels 0..255, display-referred; share is the part of the
backdrop's chroma that a pixel has (kernels.compare_to_backdrop).
"""

from collections.abc import Sequence

import numpy as np

from .colour_match import LUMA
from .kernels import box_mean, compare_to_backdrop
from .regions import certain_face_mask

# Not in a paper: chosen on GRID, as in backdrop.py.
MIN_SHARE, MAX_ACROSS, MAX_LUMA = 0.8, 0.2, 0.25  # what looks like backdrop: share, hue, luma over its own
STIFFNESS = 0.02
MIN_SAMPLES = 100
MIN_SEEN = 0.05  # of the frames that must show the backdrop at a pixel for the field to take its detail from there
NOISE_RANGE = (1.0, 6.0)  # grey levels: a measured noise is clipped to it


def fit_smooth_field(
    frames: Sequence[np.ndarray],  # N of [H,W,3]
    masks: Sequence[np.ndarray],  # N of [H,W] bool: certainly backdrop
) -> np.ndarray | None:
    """[H,W,3] float32 polynomial through the masked pixels, refitted once without outliers; None with too few."""
    positions, colours = _sample_pixels(frames, masks)
    if len(positions) < MIN_SAMPLES:
        return None
    design, middle = polynomial_terms(*positions.T), np.median(colours, axis=0)
    # Towards a constant, higher orders more so: without it the polynomial runs away where there are no samples.
    ridge = np.diag(STIFFNESS * np.array([0, 1, 1, 3, 3, 3, 10, 10, 10.0]) * np.sqrt(len(positions)))

    def fit(keep: np.ndarray) -> np.ndarray:
        rows, values = np.concatenate([design[keep], ridge]), np.concatenate([colours[keep] - middle, np.zeros((9, 3))])
        weights = np.linalg.lstsq(rows, values, rcond=None)[0]
        weights[0] += middle
        return weights

    error = np.abs(design @ fit(np.ones(len(positions), bool)) - colours).max(1)
    return _evaluate_field(fit(error < 3.0 * max(np.median(error), 1.0)), masks[0].shape)


def _evaluate_field(weights: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """[9,3] -> [H,W,3] float32."""
    height, width = shape
    y, x = np.mgrid[:height, :width]
    field = polynomial_terms(x.ravel() / width, y.ravel() / height) @ weights
    return field.reshape(height, width, 3).clip(0, 255).astype(np.float32)


def _sample_pixels(frames: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """([P,2] x and y in 0..1, [P,3] float64 colours) of the masked pixels, on a coarse grid."""
    height, width = masks[0].shape
    step = max(height // 72, 1)
    positions, colours = [], []
    for frame, mask in zip(frames, masks):
        y, x = np.nonzero(mask[::step, ::step])
        positions.append(np.stack([x * step / width, y * step / height], -1))
        colours.append(frame[::step, ::step][y, x])
    return np.concatenate(positions), np.concatenate(colours).astype(np.float64)


def polynomial_terms(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """[P,9] monomials of x and y (0..1) scaled to -1..1, up to third order in x and second in y: below the chin too
    little of the backdrop is visible for a cubic."""
    x, y = 2 * x - 1, 2 * y - 1
    return np.stack([x**0, x, y, x * y, x * x, y * y, x**3, x * x * y, x * y * y], -1)


def backdrop_mask(rgb: np.ndarray, field: np.ndarray, points: np.ndarray | None) -> np.ndarray:
    """[H,W] bool: looks like the backdrop, and so does everything next to it."""
    share, across, luma_difference = compare_to_backdrop(np.ascontiguousarray(rgb, np.float32), field)
    luma = np.maximum(field @ LUMA.astype(np.float32), 40.0)
    similar = (share > MIN_SHARE) & (np.abs(across) < MAX_ACROSS) & (np.abs(luma_difference) < MAX_LUMA * luma)
    similar &= ~certain_face_mask(similar.shape, points)
    return box_mean(similar[..., None].astype(np.float32), 2)[..., 0] > 0.99


def diffuse(total: np.ndarray, weight: np.ndarray, radius: int) -> np.ndarray:
    """[H,W,3] weighted mean over a window, over ever larger ones where the window is empty."""
    stack = np.concatenate([total, weight[..., None]], -1).astype(np.float32)
    out, reach, trust = box_mean(stack, radius), radius, 1.0
    while reach < max(weight.shape):
        reach, trust = reach * 3, trust * 1e-3
        out += np.float32(trust) * box_mean(stack, min(reach, min(weight.shape) - 1))
    return out[..., :3] / np.maximum(out[..., 3:], 1e-12)


def accumulate_field(frames: Sequence[np.ndarray], initial: np.ndarray) -> tuple[np.ndarray, float]:
    """The field [H,W,3] from everything that looks like the initial one, detailed where it was often visible and smooth
    elsewhere; and the noise of a pixel about it, grey levels."""
    field, noise = initial, 0.0
    for _ in range(2):
        total, weight, squares = np.zeros_like(initial), np.zeros(initial.shape[:2], np.float32), 0.0
        for rgb in frames:
            mask = backdrop_mask(rgb, field, None)
            total[mask] += rgb[mask] - initial[mask]
            weight += mask
            squares += float(((rgb - field)[mask] ** 2).sum())
        noise = np.sqrt(squares / max(3.0 * float(weight.sum()), 1.0))
        often = weight > MIN_SEEN * len(frames)
        total, weight = total * often[..., None], weight * often
        detailed = (box_mean(often[..., None].astype(np.float32), 2) > 0.99).astype(np.float32)
        field = initial + detailed * diffuse(total, weight, 1) + (1.0 - detailed) * diffuse(total, weight, 8)
        field = field.clip(0, 255).astype(np.float32)
    return field, clip_noise(noise)


def clip_noise(noise: float) -> float:
    """Grey levels within NOISE_RANGE."""
    return float(np.clip(noise, *NOISE_RANGE))
