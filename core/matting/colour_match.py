# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips filmed under a drifting white balance brought to one light: a colour matrix a clip, a shift a frame.

It takes pictures, a colour field and points; it does not know which pixels are alpha.

Letters: M [3,3], o [3] with evened = rgb @ M + o, grey levels 0..255, display-referred; s standard deviations.
"""

import numpy as np

from .regions import CHEEKS, inner_face, seen

CLIPPED = (4.0, 250.0)  # codes beyond which a channel no longer tells a drift
LUMA = np.array([0.299, 0.587, 0.114])
BINS = 5  # of the backdrop's lightness
# Not in a paper: chosen on 194 GRID clips, so that what the fit does not see (nose, shirt, hair, nostrils) varies least
# between clips. A white balance scales the sensor's channels, which mixes ours and leaves black alone: hence a matrix
# near 1 and an offset near 0. Without a face only a shift is well founded.
BACKDROP_SIGMA, CHEEK_SIGMA = 1.0, 1.5  # grey levels
MATRIX_SIGMA, OFFSET_SIGMA = 0.05, 2.0
MATRIX_SIGMA_ALONE, OFFSET_SIGMA_ALONE = 0.02, 6.0


def unclipped(colours: np.ndarray) -> np.ndarray:
    return (colours > CLIPPED[0]) & (colours < CLIPPED[1])


def shift_to(
    field: np.ndarray,  # [H,W,3]
    frame: np.ndarray,  # [H,W,3]
    mask: np.ndarray,  # [H,W] bool
    step: int = 3,  # every so many rows and columns
) -> np.ndarray:
    """[3] what must be added to the frame so that the median of its masked, unclipped pixels is the field's; 0 for a
    channel with none."""
    places = mask[::step, ::step]
    here, there = frame[::step, ::step][places], field[::step, ::step][places]
    good = unclipped(here) & unclipped(there)
    return np.array([np.median(d[g]) if g.any() else 0.0 for d, g in zip((there - here).T, good.T)])


def cheeks_of(
    frames: np.ndarray,  # [N,H,W,3]
    points: list,  # N of [478,2|3] or None
) -> np.ndarray | None:
    """[3] median colour of the cheeks over the frames with a face; None without any."""
    height, width = frames.shape[1:3]
    colours = []
    for frame, p in zip(frames, points):
        if not seen(p):
            continue
        reach = max(int(0.04 * np.ptp(inner_face(p)[:, 0])), 1)
        for x, y in p[CHEEKS, :2].astype(int):
            if reach <= x < width - reach and reach <= y < height - reach:
                patch = frame[y - reach : y + reach + 1, x - reach : x + reach + 1]
                colours.append(patch.reshape(-1, 3).mean(0))
    return np.median(colours, axis=0).astype(np.float32) if colours else None


def fitted(
    frames: np.ndarray,  # [M,H,W,3] of one clip
    masks: np.ndarray,  # [M,H,W] bool: backdrop
    field: np.ndarray,  # [H,W,3]
    cheeks: np.ndarray | None,  # [3] the clip's
    skin: np.ndarray | None,  # [3] all clips'
) -> tuple[np.ndarray, np.ndarray]:
    """M [3,3] and o [3] of a clip, float32: ridge regression over the means of the backdrop's lightness bins and the
    cheeks. Of the cheeks only the hue counts, because their lightness follows the turn of the head."""
    colours = frames[masks].astype(np.float64)
    wanted = np.broadcast_to(field, frames.shape)[masks].astype(np.float64)
    good = unclipped(colours).all(1) & unclipped(wanted).all(1)
    colours, wanted = colours[good], wanted[good]
    rows, values, sigmas = [], [], []
    if len(colours) >= 10 * BINS:
        lightness = wanted @ LUMA
        bins = np.digitize(lightness, np.quantile(lightness, np.arange(1, BINS) / BINS))
        for k in np.unique(bins):
            here = colours[bins == k].mean(0)
            rows.append([*here, 1.0])
            values.append(wanted[bins == k].mean(0) - here)
            sigmas.append(BACKDROP_SIGMA)
    matrix_sigma, offset_sigma = MATRIX_SIGMA_ALONE, OFFSET_SIGMA_ALONE
    if cheeks is not None and skin is not None:
        matrix_sigma, offset_sigma = MATRIX_SIGMA, OFFSET_SIGMA
        rows.append([*cheeks, 1.0])
        values.append(skin * float((cheeks @ LUMA) / max(skin @ LUMA, 1.0)) - cheeks)
        sigmas.append(CHEEK_SIGMA)
    rows += list(np.eye(4))
    values += [np.zeros(3)] * 4
    sigmas += [matrix_sigma] * 3 + [offset_sigma]
    weigh = 1.0 / np.array(sigmas)[:, None]
    change = np.linalg.lstsq(np.array(rows) * weigh, np.array(values) * weigh, rcond=None)[0]
    return (np.eye(3) + change[:3]).astype(np.float32), change[3].astype(np.float32)
