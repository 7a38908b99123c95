# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints of 0.1.0 under the names of today, so that a training that began with it continues.

0.1.0 called the audio nets "ears", kept the numbers of a density rule in the notes, and named some settings otherwise
(`training_settings.RENAMED`). What is of today passes through unchanged.
"""

import numpy as np

from .training_settings import current_settings

RESULTS = {"ear_mean_r": "audio_net_mean_r", "ear_lip_gap_r": "audio_net_lip_gap_r", "ear_step": "audio_net_step"}
DENSITY_NUMBERS = ("initial_count", "threshold_factor")  # in the order of the notes of 0.1.0


def translate_notes(notes: dict) -> dict:
    """The notes of a checkpoint, of 0.1.0 or of today. Raises KeyError where a note is missing."""
    results = dict(notes["results"])
    if "heard" in results:
        results["before_pictures"] = {RESULTS.get(name, name): value for name, value in results.pop("heard").items()}
    stages = ["audio net" if stage == "ears" else stage for stage in notes["before"]]
    return notes | {"results": results, "before": stages, "settings": current_settings(notes["settings"])}


def translate_arrays(arrays: dict[str, np.ndarray], notes: dict) -> dict[str, np.ndarray]:
    """The arrays of a checkpoint, and the numbers of its density rule among them."""
    numbers = {
        f"extra.{branch}.{name}": np.array(value)
        for branch, values in notes.get("density", {}).items()
        for name, value in zip(DENSITY_NUMBERS, values)
    }
    return arrays | numbers
