# SPDX-License-Identifier: GPL-3.0-or-later
"""How good a head is on what was held back from it: pictures of unheard clips, an unseen camera, unheard speech.

`evaluate` is the whole examination, `measured` what a training run says at its end.
"""

from .carried import Carrier, canonical_landmarks
from .examination import evaluate
from .judge import GREY, Judge
from .quick import measured
from .report import table

__all__ = ["GREY", "Carrier", "Judge", "canonical_landmarks", "evaluate", "measured", "table"]
