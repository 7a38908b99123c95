# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture -> where the face is: 478 landmarks and 52 blendshapes by MediaPipe's Face Landmarker.

Every picture by itself (MediaPipe's IMAGE mode): its VIDEO mode filters in time with a delay, and a lip that closes two
frames late is an error in every figure that follows. Knows no clips, no time and no depth but MediaPipe's own.

Letters: H x W pixels.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .runtime import MediaPipeModel

LANDMARKER_MODEL = Path(__file__).with_name("face_landmarker.task")  # shipped
LANDMARK_COUNT = 478  # points of MediaPipe's face mesh with irises
MAX_FACES = 2  # enough to know that there is more than one

# MediaPipe's 52 blendshapes in the order of its answer; left and right are the actor's.
BLENDSHAPES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip


@dataclass(frozen=True)
class FaceDetection:
    """The largest face in a picture, and how many faces there are (counted up to MAX_FACES)."""

    face_count: int
    points: np.ndarray  # [478,3] float32 pixels: x right, y down (pixel centres at .5), z away from us
    blendshapes: np.ndarray  # [52] float32 0..1, in BLENDSHAPES order; left and right are the actor's


class Landmarker(MediaPipeModel):
    """The shipped model, opened. Takes about one core: two processes fill two cores."""

    def __init__(self) -> None:
        super().__init__(
            LANDMARKER_MODEL, "FaceLandmarker", "detect", output_face_blendshapes=True, num_faces=MAX_FACES
        )

    def detect(
        self,
        rgb: np.ndarray,  # [H,W,3] uint8, square pixels
    ) -> FaceDetection | None:
        """The largest face, or None where no face is result. Raises ValueError for another type or shape."""
        height, width = np.shape(rgb)[:2]
        result = self.run(rgb)
        if not result.face_landmarks:
            return None
        # MediaPipe's z is scaled like its x (by the picture's width).
        size = (width, height, width)
        faces = [np.array([(p.x, p.y, p.z) for p in face], np.float32) * size for face in result.face_landmarks]
        largest = int(np.argmax([np.ptp(face[:, 0]) * np.ptp(face[:, 1]) for face in faces]))
        shapes = {category.category_name: category.score for category in result.face_blendshapes[largest]}
        return FaceDetection(
            face_count=len(faces),
            points=faces[largest].astype(np.float32),
            blendshapes=np.array([shapes[name] for name in BLENDSHAPES], np.float32),
        )
