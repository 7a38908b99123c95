# SPDX-License-Identifier: GPL-3.0-or-later
"""From the mouth's measures to ARKit's weights: core/importing/shape_speech.json.

python -m talksplat.samples.pack_shape_speech --footage FOLDER [FOLDER ...]

What a person's landmarks do in prepared footage is measured twice: as the 0..1 of MOUTH_MEASURES, and in millimetres.
Wanted is one matrix, in which no weight is negative, from the halves of the first (above rest, below rest) to weights
of ARKit's shapes, so that the shapes of the package's own face (core/tracking, ICT-FaceKit) move its landmarks by the
second. That is a single non-negative least-squares problem (Lawson and Hanson 1974), convex and without a seed. A small
cost on each weight prefers few and small shapes, as an animator does; left and right share theirs.

Not in the paper: chosen because the weights that a tracker finds follow the tracker's habits (MediaPipe hardly reports
lips), while geometry is what is seen.

Letters: T moments, J measures, A = 2J halves, S groups of shapes, D measures in mm.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from ..core.audio import MOUTH_MEASURES, measure_mouth, person_range
from ..core.footage import Footage
from ..core.formats import atomic_write
from ..core.importing.shape_speech import TABLE_FILE
from ..core.tracking import load_rig

MILLIMETRE = 1e3
COST = 1.5  # mm that a whole weight may be off for being left out
SIDES = {"_L": "Left", "_R": "Right"}
# The shapes that speech uses; a name without a side is both.
SPEECH = (
    "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
    "mouthShrugUpper", "mouthStretch", "mouthSmile", "mouthUpperUp", "mouthLowerDown", "mouthPress",
)  # fmt: skip
ATTRIBUTION = (
    "a fixed matrix to ARKit's shapes (ICT-FaceKit, MIT, (c) 2020 USC ICT; motion of the GRID corpus, CC BY 4.0, "
    "tracked with MediaPipe, Apache-2.0)"
)


def shape_moves() -> tuple[list[list[str]], np.ndarray]:
    """(the ICT names of each group, [S,D] mm: what the measures do at its full weight)."""
    rig = load_rig()
    names = [
        [name for name in (shape, *(shape + side for side in SIDES)) if name in rig.expression_names]
        for shape in SPEECH
    ]
    offsets = rig.landmarks.expressions  # [E,68,3] metres
    groups = [np.sum([offsets[rig.index(name)] for name in group], axis=0) for group in names]
    return names, MILLIMETRE * measure_mouth(np.stack(groups))[:, on_landmarks()]


def on_landmarks() -> list[int]:
    """The D = J measures that landmarks show."""
    return [k for k, measure in enumerate(MOUTH_MEASURES) if measure.terms]


def halves(measures: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """[T,J] -> [T,A]: above rest, then below rest."""
    return np.maximum(np.concatenate([measures - rest, rest - measures], axis=1), 0.0)


def fit_weights(moves: np.ndarray, phi: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """[S,A] not negative: phi [T,A] @ result.T @ moves [S,D] is near wanted [T,D] mm."""
    gram = np.linalg.cholesky(phi.T @ phi / len(phi) + 1e-9 * np.eye(phi.shape[1])).T  # [A,A]
    target = np.linalg.solve(gram.T, phi.T @ wanted / len(phi))  # [A,D]
    s, a = len(moves), phi.shape[1]
    system = np.concatenate([np.kron(moves.T, gram), COST * np.kron(np.eye(s), gram)])
    solution, _ = nnls(system, np.concatenate([target.T.reshape(-1), np.zeros(s * a)]), maxiter=100 * s * a)
    return solution.reshape(s, a)


def main() -> None:
    """Write the file and say how near the shapes come."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--footage", type=Path, nargs="+", required=True, help="prepared footage folders")
    kept, rest = on_landmarks(), np.array([measure.rest for measure in MOUTH_MEASURES])
    phi, wanted = [], []
    for folder in parser.parse_args().footage:
        footage = Footage.open(folder)
        landmarks = np.concatenate([footage.track(clip).landmarks for clip in range(len(footage.clips))])
        values = measure_mouth(landmarks.astype(np.float64))[:, kept]
        low, high = (bound[kept] for bound in person_range(measure_mouth(landmarks.astype(np.float64))))
        phi.append(halves((values - low) / (high - low), rest[kept]))
        wanted.append(MILLIMETRE * (values - low - rest[kept] * (high - low)))
    groups, moves = shape_moves()
    weights = fit_weights(moves, np.concatenate(phi), np.concatenate(wanted))
    reached, asked = np.concatenate(phi) @ weights.T @ moves, np.concatenate(wanted)
    names = [MOUTH_MEASURES[k].name for k in kept]
    for name, a, b in zip(names, asked.T, reached.T):
        print(
            f"{name:12s} asked {a.std():.2f} mm, r {np.corrcoef(a, b)[0, 1]:.3f}, "
            f"off {np.sqrt(np.mean((a - b) ** 2)):.2f} mm"
        )
    table = {
        "encoder": "mouth_shapes",
        "measures": names,
        "shapes": {
            arkit_name(name): [round(float(w), 4) for w in row] for group, row in zip(groups, weights) for name in group
        },
        "attribution": ATTRIBUTION,
    }
    with atomic_write(TABLE_FILE) as temporary:
        temporary.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def arkit_name(ict: str) -> str:
    """mouthPress_L -> mouthPressLeft."""
    return ict[:-2] + SIDES[ict[-2:]] if ict[-2:] in SIDES else ict


if __name__ == "__main__":
    main()
