# SPDX-License-Identifier: GPL-3.0-or-later
"""The head rig: ICT-FaceKit Light with one made-up identity, in talksplat's head space.

Letters: V = 26719 vertices, E = 53 expressions (ARKit's, with L/R names), I = 100 identity modes.
Head space is right-handed, metres, Z up; the head looks along -Y and its own left is +X.
The rig's file is in centimetres with y up and z out of the face: (x, y, z)_head = (x, -z, y)_rig / 100.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

RIG_FILE = "rig/ict_facekit_light.npz"
IDENTITY_SEED = 28
IDENTITY_MODES = 40
IDENTITY_SIGMA = 0.75  # mid-range: no mode is far from the mean, so the face is nobody's caricature

# Vertex ranges of the parts, from the source's README (checked against the material groups).
FACE = slice(0, 9409)
BACK_HEAD = slice(9409, 11248)
MOUTH_SOCKET = slice(11248, 13294)
EYE_SOCKETS = slice(13294, 14062)
UPPER_TEETH = slice(17039, 19247)
LOWER_TEETH = slice(19247, 21451)
SCLERA = {"L": slice(21451, 22221), "R": slice(23021, 23791)}
UPPER_LASHES = np.r_[25351:25693, 26035:26377]  # three strips a lid

INNER_LIP_UPPER, INNER_LIP_LOWER = 62, 66  # iBUG landmark numbers
GAZE_DEGREES = 30.0  # what a gaze channel of 1 means


def to_head_space(rig_vectors: np.ndarray) -> np.ndarray:
    """[..., 3] centimetres y-up -> [..., 3] metres Z-up, looking along -Y (a rotation, so no mirror)."""
    x, y, z = np.moveaxis(rig_vectors, -1, 0)
    return np.stack([x, -z, y], axis=-1) * 0.01


def within(vertices: np.ndarray, part: slice) -> np.ndarray:
    """[...] bool: which of these vertex numbers belong to the part."""
    return (vertices >= part.start) & (vertices < part.stop)


@dataclass(frozen=True)
class Rig:
    """The rig with one identity."""

    neutral: np.ndarray  # [V, 3] float32 metres, the made-up identity at rest
    expressions: np.ndarray  # [E, V, 3] float32 metres, offsets from neutral
    expression_names: tuple[str, ...]  # E names
    faces: np.ndarray  # [F, 4] int32, -1 in the last column of a triangle
    face_material: np.ndarray  # [F] int16, index into material_names
    material_names: tuple[str, ...]
    faces_uv: np.ndarray  # [F, 4] int32 into uv
    uv: np.ndarray  # [U, 2] float32, one tile per integer of u
    landmark_vertices: np.ndarray  # [68] int32
    mean_face: np.ndarray  # [V, 3] float32 metres, the rig before the identity: where parts are looked up

    def index(self, name: str) -> int:
        return self.expression_names.index(name)

    def vertices(self, weights: np.ndarray) -> np.ndarray:
        """[E] expression weights -> [V, 3] metres."""
        return self.neutral + np.tensordot(weights.astype(np.float32), self.expressions, 1)

    def landmarks(self, weights: np.ndarray) -> np.ndarray:
        """[..., E] expression weights -> [..., 68, 3] metres, without touching the other vertices."""
        offsets = self.expressions[:, self.landmark_vertices]
        return self.neutral[self.landmark_vertices] + np.tensordot(weights.astype(np.float32), offsets, 1)

    def lip_gap(self, weights: np.ndarray) -> np.ndarray:
        """[..., E] -> [...] metres between the inner lips (landmarks 62 and 66)."""
        points = self.landmarks(weights)
        return np.linalg.norm(points[..., INNER_LIP_UPPER, :] - points[..., INNER_LIP_LOWER, :], axis=-1)

    def eye_centre(self, side: str) -> np.ndarray:
        """[3] metres: least-squares sphere through the white of the eye, "L" or "R".

        The cornea bulges and would pull the centre forward, so the front 45 degrees are left out.
        """
        points = self.neutral[SCLERA[side]].astype(np.float64)
        middle = (points.min(0) + points.max(0)) / 2
        forward = (middle - points)[:, 1] / np.linalg.norm(points - middle, axis=1)
        white = points[forward < np.cos(np.radians(45))]
        system = np.c_[2 * white, np.ones(len(white))]
        return np.linalg.lstsq(system, (white**2).sum(1), rcond=None)[0][:3]


def identity_coefficients(seed: int = IDENTITY_SEED, count: int = 100) -> np.ndarray:
    """[count] float32: a fixed draw, cut to +-1.5 sigma, zero beyond the IDENTITY_MODES strongest."""
    draw = np.random.default_rng(seed).normal(0.0, IDENTITY_SIGMA, count).clip(-1.5, 1.5)
    draw[IDENTITY_MODES:] = 0.0
    return draw.astype(np.float32)


def load_rig(data_folder: Path, identity: np.ndarray | None = None) -> Rig:
    """Read the rig and give it the made-up identity (or the [100] coefficients passed)."""
    rig_file = Path(data_folder) / RIG_FILE
    if not rig_file.is_file():
        raise FileNotFoundError(f"{rig_file}: the ICT-FaceKit rig is missing; pass the data folder with --data.")
    coefficients = identity_coefficients() if identity is None else np.asarray(identity, np.float32)
    with np.load(rig_file, allow_pickle=False) as stored:
        step = np.float32(stored["q"])
        offset = np.tensordot(coefficients, stored["ident_q"].astype(np.float32) * step, 1)
        return Rig(
            neutral=to_head_space(stored["neutral"] + offset).astype(np.float32),
            expressions=to_head_space(stored["expr_q"].astype(np.float32) * step).astype(np.float32),
            expression_names=tuple(str(name) for name in stored["expr_names"]),
            faces=stored["faces"],
            face_material=stored["face_mat"],
            material_names=tuple(str(name) for name in stored["materials"]),
            faces_uv=stored["faces_uv"],
            uv=stored["uv"],
            landmark_vertices=stored["landmarks68"],
            mean_face=to_head_space(stored["neutral"]).astype(np.float32),
        )
