# SPDX-License-Identifier: GPL-3.0-or-later
"""The face that is fitted: ICT-FaceKit cut to what tracking needs, in talksplat's head space.

`ict_face.npz` (MIT, (c) 2020 USC ICT; `ICT_LICENSE`) holds face, head and neck, mouth socket, gums and tongue, teeth
and eyeballs; 53 expressions; the strongest identity modes. Everything is int16 in steps of RIG_STEP metres. Made by

    python -m talksplat.samples.pack_face_rig --data ../shared/data

Head space: right-handed, metres, Z up; the head looks along -Y and its own left is +X.
Knows no hair, no shoulders, and no tongue that moves by itself; eyeballs do not turn.

Letters: V vertices, F triangles, E = 53 expressions, I identity modes, M points on the surface,
D = 5 terms of a view direction.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

RIG_FILE = Path(__file__).with_name("ict_face.npz")  # shipped, written by samples.pack_face_rig
RIG_STEP = 1e-5  # metres: int16 reaches +-0.33 m, and 60 modes of rounding stay below 0.03 mm

MAX_VIEW = {0: 0.68, 2: 0.42}  # sines of yaw (43 degrees) and pitch (25): a little beyond what was measured

PART_SKIN, PART_NECK, PART_EYE, PART_MOUTH = 1, 2, 3, 4  # part of a triangle; 0 is nothing


@dataclass(frozen=True)
class FaceRig:
    """A linear face model: a mean face, expression offsets, identity modes, and MediaPipe's landmarks on it."""

    neutral: np.ndarray  # [V, 3] float32 metres: the mean face at rest
    expressions: np.ndarray  # [E, V, 3] float32 metres, offsets at weight 1
    identities: np.ndarray  # [I, V, 3] float32 metres, offsets at one sigma, strongest first
    expression_names: tuple[str, ...]  # E names, ARKit's with _L and _R
    triangles: np.ndarray  # [F, 3] int32, counter-clockwise seen from outside
    parts: np.ndarray  # [F] uint8: SKIN, NECK, EYE or MOUTH
    landmark_vertices: np.ndarray  # [68] int32, iBUG order
    mediapipe_indices: np.ndarray  # [M] int32: MediaPipe landmarks that have a point on this rig
    mediapipe_corners: np.ndarray  # [M, 3] int32: the vertices of the triangle that the point is in
    mediapipe_barycentric: np.ndarray  # [M, 3] float32, of the three vertices; sums to 1
    mediapipe_noise: np.ndarray  # [M] float32 metres: how far the landmark strays from that point, per axis
    mediapipe_drift: np.ndarray  # [M, 3, D] float32 metres, head space: how far the point moves for each view term

    def index(self, name: str) -> int:
        """The column of an expression. Raises ValueError for an unknown name."""
        return self.expression_names.index(name)

    def neutral_shape(self, identity: np.ndarray) -> np.ndarray:
        """[I] coefficients in sigmas -> [V, 3] float32 metres: this person at rest."""
        return self.neutral + np.tensordot(identity.astype(np.float32), self.identities, 1)

    def vertices(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        """[I] coefficients, [E] weights -> [V, 3] float32 metres."""
        return self.neutral_shape(identity) + np.tensordot(expression.astype(np.float32), self.expressions, 1)

    def surface_points(self, corners: np.ndarray, barycentric: np.ndarray) -> "SurfacePoints":
        """The model of M points, given by [M, C] vertices and their [M, C] barycentric weights."""

        def interpolate(values: np.ndarray) -> np.ndarray:
            return np.einsum("...mcd,mc->...md", values[..., corners, :].astype(np.float64), barycentric)

        return SurfacePoints(interpolate(self.neutral), interpolate(self.expressions), interpolate(self.identities))

    @property
    def landmarks(self) -> "SurfacePoints":
        """The 68 iBUG landmarks as points of the model."""
        v = self.landmark_vertices[:, None]
        return self.surface_points(v, np.ones((len(v), 1)))

    @property
    def mediapipe_points(self) -> "SurfacePoints":
        """The points of MediaPipe's landmarks `mediapipe_indices`."""
        return self.surface_points(self.mediapipe_corners, self.mediapipe_barycentric.astype(np.float64))


def view_direction_terms(
    direction: np.ndarray,  # [..., 3] unit vector from the camera to the head, head space: (0, 1, 0) from the front
) -> tuple[np.ndarray, np.ndarray]:
    """([..., D] x, z, xx, zz, xz of the direction; [..., D, 3] their derivatives), constant beyond MAX_VIEW.

    Not in the paper: chosen because MediaPipe's landmarks drift with the view, and these terms fit what was measured.
    """
    x, z = (np.clip(direction[..., axis], -limit, limit) for axis, limit in MAX_VIEW.items())
    within_x, within_z = (np.abs(direction[..., axis]) < limit for axis, limit in MAX_VIEW.items())
    terms = np.stack([x, z, x * x, z * z, x * z], -1)
    o, one = np.zeros_like(x), np.ones_like(x)
    by_x = np.stack([one, o, 2 * x, o, z], -1) * within_x[..., None]
    by_z = np.stack([o, one, o, 2 * z, x], -1) * within_z[..., None]
    return terms, np.stack([by_x, np.zeros_like(by_x), by_z], -1)


@dataclass(frozen=True)
class SurfacePoints:
    """M points on the surface as a linear function of identity and expression, float64."""

    neutral: np.ndarray  # [M, 3] metres
    expressions: np.ndarray  # [E, M, 3]
    identities: np.ndarray  # [I, M, 3]

    def at(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        """[I] coefficients, [..., E] weights -> [..., M, 3] metres."""
        return self.neutral + np.tensordot(identity, self.identities, 1) + np.tensordot(expression, self.expressions, 1)


@cache
def load_rig() -> FaceRig:
    """The shipped rig, read once."""
    with np.load(RIG_FILE, allow_pickle=False) as stored:
        offsets = {
            key: stored[key].astype(np.float32) * np.float32(RIG_STEP)
            for key in ("neutral", "expressions", "identities")
        }
        return FaceRig(
            **offsets,
            expression_names=tuple(str(name) for name in stored["expression_names"]),
            triangles=stored["triangles"].astype(np.int32),
            parts=stored["parts"],
            landmark_vertices=stored["landmark_vertices"].astype(np.int32),
            mediapipe_indices=stored["seen_points"],
            mediapipe_corners=stored["seen_corners"],
            mediapipe_barycentric=stored["seen_shares"],
            mediapipe_noise=stored["seen_noise"],
            mediapipe_drift=stored["seen_drift"],
        )
