# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut ICT-FaceKit to what tracking needs and pack it: core/tracking/ict_face.npz.

    python -m talksplat.samples.pack_face_rig --data ../shared/data [--places places.npz]

`--places` is what `samples.place_landmarks` measured: where MediaPipe's landmarks are on the rig. Without it the table
of the existing file is kept; a first file gets the 51 inner iBUG landmarks at the rig's own vertices.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np

from ..core.formats import atomic_write
from ..core.tracking import IBUG68, PART_EYE, PART_MOUTH, PART_NECK, PART_SKIN, RIG_FILE, RIG_STEP
from .actor.expression_rig import to_head_space

IDENTITY_MODES = 60
VERTICES = (slice(0, 13294), slice(14062, 24591))  # without eye sockets, tears, occlusion and lashes
HEAD_END, TEETH_END = 11248, 21451  # of the source's vertex numbers
CHIN_TO_NECK = 0.035  # metres below the chin landmark: everything lower is neck
POINTS_KEPT = 110  # of 468 measured: more changed no figure of benchmarks/tracking and took time in proportion
COLUMNS = ("seen_points", "seen_corners", "seen_shares", "seen_noise", "seen_drift")


def quantize(rig_vectors: np.ndarray) -> np.ndarray:
    """Centimetres y-up -> int16 steps of RIG_STEP metres in head space."""
    steps = np.rint(to_head_space(rig_vectors) / RIG_STEP)
    if np.abs(steps).max() > np.iinfo(np.int16).max:
        raise SystemExit("an offset does not fit into int16; enlarge RIG_STEP.")
    return steps.astype(np.int16)


def triangulate(faces: np.ndarray) -> np.ndarray:
    """[F, 4] quads with -1 for triangles -> [*, 3]."""
    quads = faces[faces[:, 3] >= 0]
    return np.concatenate([faces[:, :3], quads[:, [0, 2, 3]]])


def label_parts(triangles: np.ndarray, neutral: np.ndarray, chin: np.ndarray) -> np.ndarray:
    """[F] uint8 by the source's vertex ranges; neck is the skin below and behind the chin."""
    first = triangles[:, 0]
    middle = neutral[triangles].mean(1)
    under = chin[2] - CHIN_TO_NECK - 0.35 * (middle[:, 1] - chin[1])  # the jaw's lower edge rises to the ear
    skin = np.where(middle[:, 2] < np.minimum(under, chin[2]), PART_NECK, PART_SKIN)
    return np.select([first < HEAD_END, first < TEETH_END], [skin, PART_MOUTH], PART_EYE).astype(np.uint8)


def pack_rig(source: Path) -> dict[str, np.ndarray]:
    """The rig's columns, except MediaPipe's landmarks."""
    with np.load(source, allow_pickle=False) as stored:
        q = float(stored["q"])
        kept = np.concatenate([np.arange(len(stored["neutral"]))[part] for part in VERTICES])
        renumbered = np.full(len(stored["neutral"]), -1)
        renumbered[kept] = np.arange(len(kept))
        triangles = triangulate(stored["faces"])
        triangles = triangles[(renumbered[triangles] >= 0).all(1)]
        neutral = to_head_space(stored["neutral"].astype(np.float64))
        parts = label_parts(triangles, neutral, neutral[stored["landmarks68"][8]])
        return {
            "neutral": quantize(stored["neutral"][kept].astype(np.float64)),
            "expressions": quantize(stored["expr_q"][:, kept] * q),
            "identities": quantize(stored["ident_q"][:IDENTITY_MODES, kept] * q),
            "expression_names": stored["expr_names"],
            "triangles": renumbered[triangles].astype(np.uint16),
            "parts": parts,
            "landmark_vertices": renumbered[stored["landmarks68"]].astype(np.uint16),
        }


def ibug_points(landmark_vertices: np.ndarray) -> dict[str, np.ndarray]:
    inner = np.arange(17, 68)
    return {
        "seen_points": np.asarray(IBUG68)[inner].astype(np.int32),
        "seen_corners": np.repeat(landmark_vertices[inner, None], 3, 1).astype(np.int32),
        "seen_shares": np.tile(np.float32([1, 0, 0]), (len(inner), 1)),
        "seen_noise": np.full(len(inner), 1e-3, np.float32),
        "seen_drift": np.zeros((len(inner), 3, 5), np.float32),
    }


def landmark_table(file: Path | None, landmark_vertices: np.ndarray) -> dict[str, np.ndarray]:
    file = file or (RIG_FILE if RIG_FILE.exists() else None)
    if file is None:
        return ibug_points(landmark_vertices)
    with np.load(file, allow_pickle=False) as stored:
        return {key: stored[key] for key in COLUMNS}


def select_rows(table: dict[str, np.ndarray], neutral: np.ndarray) -> np.ndarray:
    """[POINTS_KEPT] rows: the 51 inner iBUG landmarks, then always the point farthest from those selected."""
    points = np.einsum("mcd,mc->md", neutral[table["seen_corners"]] * RIG_STEP, table["seen_shares"])
    inner = np.flatnonzero(np.isin(table["seen_points"], IBUG68[17:]))

    def distances(row: int) -> np.ndarray:  # in units of the noise
        return np.linalg.norm(points - points[row], axis=1) / table["seen_noise"]

    rows = list(inner)
    distance = np.min([distances(row) for row in rows], axis=0)
    while len(rows) < min(POINTS_KEPT, len(points)):
        rows.append(int(np.argmax(distance)))
        distance = np.minimum(distance, distances(rows[-1]))
    return np.sort(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--places", type=Path, default=None, help="what samples.place_landmarks wrote")
    arguments = parser.parse_args()
    columns = pack_rig(arguments.data / "rig" / "ict_facekit_light.npz")
    table = landmark_table(arguments.places, columns["landmark_vertices"])
    rows = select_rows(table, columns["neutral"].astype(np.float64))
    columns |= {key: values[rows] for key, values in table.items()}
    with atomic_write(RIG_FILE) as temporary:
        np.savez_compressed(temporary, **columns)
    shutil.copyfile(arguments.data / "rig" / "ICT_LICENSE", RIG_FILE.with_name("ICT_LICENSE"))
    print(f"{RIG_FILE}: {RIG_FILE.stat().st_size / 1e6:.2f} MB, {len(columns['neutral'])} vertices")


if __name__ == "__main__":
    main()
