# SPDX-License-Identifier: GPL-3.0-or-later
"""How good a head is on what was held back from it: pictures of unheard clips, an unseen camera, unheard speech.

`evaluate` is the whole examination, `measured` what a training run says at its end.
"""

from .evaluation_tables import evaluation_tables
from .evaluator import GREY, Evaluator
from .final_metrics import final_metrics
from .landmark_carrier import LandmarkCarrier, canonical_landmarks

__all__ = [
    "GREY",
    "Evaluator",
    "LandmarkCarrier",
    "canonical_landmarks",
    "evaluation_tables",
    "final_metrics",
]
