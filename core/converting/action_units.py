# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenFace's action units (au.csv) and our expression channels.

Letters: F pictures, R rows of au.csv or pictures that they are for, E expression channels.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..formats import UserError
from .er_nerf_cameras import EYE_CORNERS
from .er_nerf_text import read_text
from .left_out import MAX_LEFT_OUT_SHARE

# expression channel -> (OpenFace's action units, whose mean it is, and the intensity that counts as 1). AU45 over 2 is
# what ER-NeRF feeds its network; the others: chosen because talkers seldom pass 3 on OpenFace's scale of 0..5. AU25
# and AU26 (the mouth) are not among them: the sound moves the mouth.
ACTION_UNITS = {
    "blink": (("AU45_r",), 2.0),
    "brow_inner_up": (("AU01_r",), 3.0),
    "brow_outer_up": (("AU02_r",), 3.0),
    "brow_down": (("AU04_r",), 3.0),
    "eye_wide": (("AU05_r",), 3.0),
    "squint": (("AU06_r", "AU07_r"), 3.0),
}
CHANNELS = tuple(ACTION_UNITS)
COLUMNS = tuple(sorted({unit for units, _ in ACTION_UNITS.values() for unit in units}))
LIPS_PART = "AU25_r"
FULL_LIPS_PART = 0.5  # inner lip gap over the distance of the eye corners at which AU25 = 5


def read_action_units(path: Path) -> dict[str, np.ndarray]:
    """Action unit -> [R] intensities 0..5 by the number of the picture; NaN where au.csv has no row of numbers for it.

    A row belongs to the picture that its column `frame` counts (from 1, as OpenFace does, or from 0); where that column
    is missing or counts otherwise, to the picture of its place. Blanks around OpenFace's column names are ignored;
    rows where it lost the face (success 0) are interpolated between their neighbours. Raises UserError.
    """
    lines = read_text(path).splitlines()
    names = [name.strip() for name in lines[0].split(",")] if lines else []
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise UserError(
            f"{path}: the column {missing[0]} is missing; run OpenFace's FeatureExtraction with -aus again."
        )
    rows = [line.split(",") for line in lines[1:] if line.strip()]
    values = _read_columns(rows, [names.index(name) for name in COLUMNS])
    complete = np.isfinite(values).all(axis=1)
    tracked = complete.copy()
    if "success" in names:
        tracked &= _read_columns(rows, [names.index("success")])[:, 0] > 0.5
    if not tracked.any():
        raise UserError(f"{path} holds no row of numbers with a face; run OpenFace again.")
    counted = _read_columns(rows, [names.index("frame")])[:, 0] if "frame" in names else np.arange(len(rows))
    picture = _picture_numbers(counted[complete], np.flatnonzero(complete))
    units = {}
    for k, name in enumerate(COLUMNS):
        units[name] = np.full(picture[-1] + 1, np.nan)
        faces = tracked[complete]
        units[name][picture] = np.interp(picture, picture[faces], values[tracked, k])
    return units


def _read_columns(rows: list[list[str]], columns: list[int]) -> np.ndarray:
    """[R, len(columns)] float64; NaN throughout a row that has something else than numbers there."""
    values = np.full((len(rows), len(columns)), np.nan)
    for row, cells in enumerate(rows):
        with contextlib.suppress(ValueError, IndexError):
            values[row] = [float(cells[column]) for column in columns]
    return values


def _picture_numbers(counted: np.ndarray, places: np.ndarray) -> np.ndarray:  # [R], [R] int -> [R] int
    """By the column `frame` where that counts up and leaves out few, else by the places of the rows."""
    counts_up = (np.rint(counted) == counted).all() and (np.diff(counted) > 0).all() and counted[0] >= 0
    if not counts_up or counted[-1] > len(counted) / (1 - MAX_LEFT_OUT_SHARE):
        return places
    return counted.astype(np.int64) - int(counted[0] > 0)


def expression_from_action_units(
    units: Mapping[str, np.ndarray],  # name -> [R] intensities 0..5
) -> np.ndarray:
    """[R,E] float32 0..1 in the order of CHANNELS."""
    columns = [np.mean([units[name] for name in names], axis=0) / full for names, full in ACTION_UNITS.values()]
    return np.clip(np.stack(columns, axis=1), 0.0, 1.0).astype(np.float32)


def action_units_from_expression(
    expression: np.ndarray,  # [F,E] 0..1
    names: tuple[str, ...],  # E
    landmarks2d: np.ndarray,  # [F,68,2] pixels
) -> dict[str, np.ndarray]:
    """Action unit -> [F] intensities 0..5: the inverse of `expression_from_action_units`, and AU25 from the lip gap.

    Channels for the left and the right side are averaged (blink_left, blink_right -> blink). Channels without an action
    unit are dropped; action units without a channel are 0.
    """
    intensities = {}
    for channel, (units, full) in ACTION_UNITS.items():
        sides = [i for i, name in enumerate(names) if name in (channel, f"{channel}_left", f"{channel}_right")]
        value = expression[:, sides].mean(axis=1) if sides else np.zeros(len(expression))
        intensities |= dict.fromkeys(units, np.clip(value * full, 0.0, 5.0))
    gap = np.linalg.norm(landmarks2d[:, 62] - landmarks2d[:, 66], axis=1)
    eyes = np.linalg.norm(landmarks2d[:, EYE_CORNERS[0]] - landmarks2d[:, EYE_CORNERS[1]], axis=1)
    intensities[LIPS_PART] = np.clip(5.0 * gap / (FULL_LIPS_PART * np.maximum(eyes, 1.0)), 0.0, 5.0)
    return intensities
