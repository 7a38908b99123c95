# SPDX-License-Identifier: GPL-3.0-or-later
"""One landmark detector for true and drawn pictures alike, so that its own errors count on both sides.

Where MediaPipe is not installed there is no detector; what needs it is left out, with a warning.

Letters: H W a picture.
"""

import numpy as np

from ..formats import UserError
from ..metrics import lip_gap
from ..tracking import IBUG68, Landmarker

EYE_CORNERS = (36, 45)  # outer corners: their distance is the unit of a relative lip gap
DETECTOR_NAME = "MediaPipe Face Landmarker"


class LandmarkDetector:
    """A context manager around the landmarker. `missing` is the sentence that says why there is none, or ""."""

    def __init__(self) -> None:
        self.missing, self._landmarker = "", None
        try:
            self._landmarker = Landmarker()
        except UserError as error:
            self.missing = str(error)

    def __bool__(self) -> bool:
        return self._landmarker is not None

    def detect(self, picture: np.ndarray) -> np.ndarray | None:
        """[H,W,3] 0..1 -> the 68 iBUG landmarks [68,2] in pixels; None without a face, or without a detector."""
        if self._landmarker is None:
            return None
        detection = self._landmarker.detect((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
        return None if detection is None else detection.points[IBUG68, :2]

    def __enter__(self) -> "LandmarkDetector":
        return self

    def __exit__(self, *_) -> None:
        if self._landmarker is not None:
            self._landmarker.close()


def relative_lip_gap(landmarks: np.ndarray | None) -> float:
    """Inner lip gap over the distance of the outer eye corners; nan where no face was found."""
    if landmarks is None:
        return float("nan")
    left, right = EYE_CORNERS
    return float(lip_gap(landmarks) / np.linalg.norm(landmarks[left] - landmarks[right]))
