# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the face opaque? Gaussians begin half transparent; a training that ends too soon leaves them so, and what stands
behind the head shows through it in every render. Picture metrics hardly see that: they are measured over grey.
"""

from collections.abc import Generator

import numpy as np

from ..footage import LABEL_BACKGROUND
from ..jobs import Pace, Progress
from ..tracking import INNER_LANDMARKS
from .evaluator import Evaluator
from .final_metrics import evenly_spaced

MAX_PICTURES = 12  # evenly chosen: alpha differs little from picture to picture
OPAQUE = 0.95  # alpha from which a pixel counts as opaque: what is behind it shows by a twentieth
# Not in the paper: chosen on heads of the cpu preset, whose faces have 0.53 after 1,000 steps and 0.95 after 6,000.
MIN_FACE_ALPHA = 0.9


def measure_face_opacity(evaluator: Evaluator) -> Generator[Progress, None, dict]:
    """Returns {"pictures": how many, "alpha inside the face": mean 0..1, "opaque share": of its pixels, 0..1}, of
    held-back pictures that show the face from the front, else of train pictures; {} where there are none."""
    rows = _frontal_pictures(evaluator)
    pace, values = Pace(len(rows)), []
    for done, i in enumerate(rows, 1):
        values.append(_alpha_inside_face(evaluator, i))
        yield pace.at(done, "measuring how opaque the face is")
    inside = np.concatenate([np.zeros(0), *values])
    if not len(inside):
        return {}
    return {
        "pictures": len(rows),
        "alpha inside the face": round(float(inside.mean()), 3),
        "opaque share": round(float((inside >= OPAQUE).mean()), 3),
    }


def opacity_warning(head: str, opacity: dict) -> str:
    """A sentence where the face lets through what is behind it; else empty. head: its file; opacity: as measured."""
    alpha = opacity.get("alpha inside the face", 1.0)
    if alpha >= MIN_FACE_ALPHA:
        return ""
    return (
        f"{head}: the face is not opaque yet (alpha {alpha:.2f} inside it, {MIN_FACE_ALPHA:g} or more when it is), so "
        "what is behind the head shows through; train it for more steps."
    )


def _frontal_pictures(evaluator: Evaluator) -> list[int]:
    footage = evaluator.footage
    for split in ("test", "train"):
        rows = [int(i) for i in footage.frames(split) if evaluator.sees_mouth(footage.camera(int(i)))]
        if rows:
            return evenly_spaced(rows, MAX_PICTURES)
    return []


def _alpha_inside_face(evaluator: Evaluator, i: int) -> np.ndarray:
    """[P] alpha of picture i as the head draws it, where the footage shows the face between brows and lips."""
    footage = evaluator.footage
    drawn = evaluator.render(evaluator.replay.at(evaluator.condition(i)), footage.camera(i)).alpha
    marks, face = footage.landmarks2d[i][INNER_LANDMARKS], np.zeros(drawn.shape, bool)
    x0, y0 = np.floor(marks.min(axis=0)).astype(int).clip(0)
    x1, y1 = np.ceil(marks.max(axis=0)).astype(int).clip(0)
    face[y0:y1, x0:x1] = True
    return drawn[face & (footage.picture(i).label != LABEL_BACKGROUND)]
