# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a rig errs, on speech and controls that it was not made from: each moment once by the networks, once by the
rig. Stored in the rig's card, printed by `talksplat rig`.

Letters: M Gaussians that a condition can move.
"""

from collections.abc import Generator, Sequence

import numpy as np

from ..formats import Camera, HeadCard, HeadFile, rig_of
from ..jobs import Pace, Progress
from ..metrics import compute_metrics, mouth_box
from ..performance import Condition, Frame, LandmarkCarrier, Performance, Replay, RigReplay
from ..raster import rasterize, trained_low_pass
from .conditions import ALONE, sample_conditions

MOMENTS = 120  # in the shares of conditions.SHARES
PICTURES = 12  # of the moments of each kind
SEED = 2


def measure_rig(head: HeadFile, performances: Sequence[Performance]) -> Generator[Progress, None, dict]:
    """Kind of condition -> {"moments", "rms mm", "p99.9 mm", "max mm", and "mouth psnr" (mean, dB) where the head has a
    camera and landmarks}. The head has a rig."""
    replay, rig = Replay(head), rig_of(head)
    assert rig is not None
    posed = RigReplay(head, replay, rig)
    samples = [sample for sample in sample_conditions(performances, MOMENTS, SEED) if sample.kind != ALONE]
    moving = np.concatenate(list(replay.moving.values()))
    pace, results, box = Pace(len(samples)), {}, _mouth(head, posed.rest_condition)
    for kind in dict.fromkeys(sample.kind for sample in samples):
        conditions, errors, pictures = [sample.condition for sample in samples if sample.kind == kind], [], []
        for i, condition in enumerate(conditions):
            exact, rigged = replay.at(condition), posed.at(condition)
            errors.append(1000 * np.linalg.norm(exact.means[moving] - rigged.means[moving], axis=1))
            if box is not None and i < PICTURES:
                pictures.append(_psnr(replay, head.card, exact, rigged, *box))
            yield pace.at(pace.done + 1, "measuring the rig")
        results[kind] = _summary(np.array(errors), pictures)
    return results


def _summary(errors: np.ndarray, pictures: list[float]) -> dict:
    return {
        "moments": len(errors),
        "rms mm": round(float(np.sqrt(np.square(errors).mean())), 4),
        "p99.9 mm": round(float(np.percentile(errors, 99.9)), 3),
        "max mm": round(float(errors.max()), 3),
        **({"mouth psnr": round(float(np.mean(pictures)), 2)} if pictures else {}),
    }


def _mouth(head: HeadFile, rest: Condition) -> tuple[Camera, tuple[slice, slice]] | None:
    """The head's own view and the mouth in it; None for a head without a view or landmarks."""
    camera = head.card.camera
    if camera is None or not head.card.training.get("landmarks"):
        return None
    seen = LandmarkCarrier(head).at(rest) @ camera.matrix[:3, :3].T + camera.matrix[:3, 3]
    pixels = seen[:, :2] / (seen[:, 2:] if camera.kind == "perspective" else 1) * [camera.fx, camera.fy]
    return camera, mouth_box(pixels + np.array([camera.cx, camera.cy]), camera.width, camera.height)


def _psnr(
    replay: Replay, card: HeadCard, exact: Frame, rigged: Frame, camera: Camera, box: tuple[slice, slice]
) -> float:
    g, how = replay.canonical, {"blend": card.blend, "trained_low_pass": trained_low_pass(card.antialiased)}

    def drawn(frame: Frame) -> np.ndarray:
        return rasterize(*frame, g.opacities, g.sh0, g.shN, camera, **how).display_color

    pictures = [np.clip(drawn(frame)[box], 0, 1) for frame in (exact, rigged)]
    return min(compute_metrics(rendered=pictures[1], target=pictures[0])["psnr"], 99.0)
