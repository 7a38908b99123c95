# SPDX-License-Identifier: GPL-3.0-or-later
"""Colour match of clips filmed under a drifting white balance: a colour matrix per clip, a shift per frame.

Takes pictures, a colour field and landmarks; knows no alpha.

Letters: M [3,3], o [3] with matched = rgb @ M + o, grey levels 0..255, display-referred; s standard deviations.
"""

from collections.abc import Sequence

import numpy as np

from .regions import CHEEKS, has_face, inner_face_polygon

CLIPPED = (4.0, 250.0)  # grey levels beyond which a channel no longer shows a drift
LUMA = np.array([0.299, 0.587, 0.114])
BINS = 5  # of the backdrop's lightness
# Not in a paper: chosen on 194 GRID clips, so that what the fit does not use (nose, shirt, hair, nostrils) varies least
# between clips. A white balance scales the sensor's channels, which mixes ours and leaves black alone: hence a matrix
# near 1 and an offset near 0. Without a face only a shift is well founded.
BACKDROP_SIGMA, CHEEK_SIGMA = 1.0, 1.5  # grey levels
MATRIX_SIGMA, OFFSET_SIGMA = 0.05, 2.0
MATRIX_SIGMA_ALONE, OFFSET_SIGMA_ALONE = 0.02, 6.0


def unclipped(colours: np.ndarray) -> np.ndarray:
    """Bool of the same shape: the channel is neither crushed nor blown out."""
    return (colours > CLIPPED[0]) & (colours < CLIPPED[1])


def colour_shift(
    field: np.ndarray,  # [H,W,3]
    frame: np.ndarray,  # [H,W,3]
    mask: np.ndarray,  # [H,W] bool
    step: int = 3,  # every so many rows and columns
) -> np.ndarray:
    """[3] what must be added to the frame so that the median of its masked, unclipped pixels is the field's; 0 for a
    channel with none."""
    sampled = mask[::step, ::step]
    frame_colours, field_colours = frame[::step, ::step][sampled], field[::step, ::step][sampled]
    good = unclipped(frame_colours) & unclipped(field_colours)
    return np.array([np.median(d[g]) if g.any() else 0.0 for d, g in zip((field_colours - frame_colours).T, good.T)])


def cheek_colour(
    frames: np.ndarray,  # [N,H,W,3]
    points: Sequence[np.ndarray | None],  # N of [478,2|3]
) -> np.ndarray | None:
    """[3] median colour of the cheeks over the frames with a face; None without any."""
    height, width = frames.shape[1:3]
    colours = []
    for frame, p in zip(frames, points):
        if not has_face(p):
            continue
        reach = max(int(0.04 * np.ptp(inner_face_polygon(p)[:, 0])), 1)
        for x, y in p[CHEEKS, :2].astype(int):
            if reach <= x < width - reach and reach <= y < height - reach:
                patch = frame[y - reach : y + reach + 1, x - reach : x + reach + 1]
                colours.append(patch.reshape(-1, 3).mean(0))
    return np.median(colours, axis=0).astype(np.float32) if colours else None


def fit_colour_matrix(
    frames: np.ndarray,  # [M,H,W,3] of one clip
    masks: np.ndarray,  # [M,H,W] bool: backdrop
    field: np.ndarray,  # [H,W,3]
    cheeks: np.ndarray | None,  # [3] the clip's
    skin: np.ndarray | None,  # [3] all clips'
) -> tuple[np.ndarray, np.ndarray]:
    """M [3,3] and o [3] of a clip, float32: ridge regression over the means of the backdrop's lightness bins and the
    cheeks. Of the cheeks only the hue counts, because their lightness follows the turn of the head."""
    equations, sigmas = _backdrop_equations(frames, masks, field), [*[MATRIX_SIGMA_ALONE] * 3, OFFSET_SIGMA_ALONE]
    if cheeks is not None and skin is not None:
        sigmas = [*[MATRIX_SIGMA] * 3, OFFSET_SIGMA]
        same_lightness = skin * float((cheeks @ LUMA) / max(skin @ LUMA, 1.0))
        equations.append(([*cheeks, 1.0], same_lightness - cheeks, CHEEK_SIGMA))
    equations += [(list(row), np.zeros(3), sigma) for row, sigma in zip(np.eye(4), sigmas)]
    rows, changes, deviations = (np.array(column) for column in zip(*equations))
    weights = 1.0 / deviations[:, None]
    change = np.linalg.lstsq(rows * weights, changes * weights, rcond=None)[0]
    return (np.eye(3) + change[:3]).astype(np.float32), change[3].astype(np.float32)


def _backdrop_equations(
    frames: np.ndarray, masks: np.ndarray, field: np.ndarray
) -> list[tuple[list[float], np.ndarray, float]]:
    """(mean colour and 1, mean change wanted [3], sigma) of each lightness bin of the backdrop."""
    colours = frames[masks].astype(np.float64)
    wanted = np.broadcast_to(field, frames.shape)[masks].astype(np.float64)
    good = unclipped(colours).all(1) & unclipped(wanted).all(1)
    colours, wanted = colours[good], wanted[good]
    if len(colours) < 10 * BINS:
        return []
    lightness = wanted @ LUMA
    bins = np.digitize(lightness, np.quantile(lightness, np.arange(1, BINS) / BINS))
    means = [(colours[bins == k].mean(0), wanted[bins == k].mean(0)) for k in np.unique(bins)]
    return [([*colour, 1.0], target - colour, BACKDROP_SIGMA) for colour, target in means]
