# SPDX-License-Identifier: GPL-3.0-or-later
"""The one detector that looks at true and at drawn pictures alike, so that its own faults weigh on both sides.

Where MediaPipe is not installed there are no eyes, and what needs them is left out and said to be.

Letters: H W a picture.
"""

import numpy as np

from ..formats import UserError
from ..metrics import lip_gap
from ..tracking import IBUG68, Landmarker

EYE_CORNERS = (36, 45)  # outer corners: the measure that a lip gap is told in
DETECTOR_NAME = "MediaPipe Face Landmarker"


class LandmarkDetector:
    """A context manager around the landmarker. `missing` is the sentence that says why there is none, or ""."""

    def __init__(self) -> None:
        self.missing, self._landmarker = "", None
        try:
            self._landmarker = Landmarker()
        except UserError as refusal:
            self.missing = str(refusal)

    def __bool__(self) -> bool:
        return self._landmarker is not None

    def marks(self, picture: np.ndarray) -> np.ndarray | None:
        """[H,W,3] 0..1 -> the 68 landmarks [68,2] in pixels; None where no face is found, or without a detector."""
        if self._landmarker is None:
            return None
        found = self._landmarker.detect((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
        return None if found is None else found.points[IBUG68, :2]

    def __enter__(self) -> "LandmarkDetector":
        return self

    def __exit__(self, *_) -> None:
        if self._landmarker is not None:
            self._landmarker.close()


def relative_gap(marks: np.ndarray | None) -> float:
    """Inner lip gap over the distance of the outer eye corners; nan where no face was found."""
    if marks is None:
        return float("nan")
    return float(lip_gap(marks) / np.linalg.norm(marks[EYE_CORNERS[0]] - marks[EYE_CORNERS[1]]))
