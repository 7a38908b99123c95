# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenFace's action units (au.csv) and our expression channels.

Letters: F pictures, R rows of au.csv, E expression channels.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..formats import UserError
from .er_nerf_cameras import EYE_CORNERS
from .er_nerf_text import read_text

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
    """Action unit -> [R] intensities 0..5; row i belongs to picture i.

    Blanks around OpenFace's column names are ignored; rows where it lost the face (success 0) are interpolated between
    their neighbours. Raises UserError.
    """
    lines = read_text(path).splitlines()
    names = [name.strip() for name in lines[0].split(",")] if lines else []
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise UserError(
            f"{path}: the column {missing[0]} is missing; run OpenFace's FeatureExtraction with -aus again."
        )
    wanted = [*COLUMNS, "success"] if "success" in names else list(COLUMNS)
    values = _read_rows(path, lines, [names.index(name) for name in wanted])
    tracked = values[:, -1] > 0.5 if wanted[-1] == "success" else np.ones(len(values), bool)
    if not tracked.any() or not np.isfinite(values).all():
        raise UserError(f"{path} holds no rows with a face, or numbers that are not finite; run OpenFace again.")
    rows = np.arange(len(values))
    return {name: np.interp(rows, rows[tracked], values[tracked, k]) for k, name in enumerate(COLUMNS)}


def _read_rows(path: Path, lines: list[str], columns: list[int]) -> np.ndarray:  # [R, len(columns)] float64
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = line.split(",")
        try:
            rows.append([float(cells[column]) for column in columns])
        except (ValueError, IndexError):
            raise UserError(f"{path}: line {number} is not a row of numbers; run OpenFace again.") from None
    return np.array(rows, dtype=np.float64).reshape(-1, len(columns))


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
