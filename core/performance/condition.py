# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Condition:
    """What moves a head at one moment."""

    audio: dict[str, np.ndarray]  # branch -> [A]
    expression: np.ndarray  # [E]
