# SPDX-License-Identifier: GPL-3.0-or-later
"""What a detector and a viewer see of one head: LMD and ST-LPIPS on held-back pictures, and a strip of mouths from
closed to open.

Letters: F pictures.
"""

from pathlib import Path

import numpy as np

from talksplat.core.evaluation import Evaluator
from talksplat.core.evaluation.final_metrics import evenly_spaced
from talksplat.core.evaluation.landmark_detector import DETECTOR_NAME, LandmarkDetector, relative_lip_gap
from talksplat.core.footage import Footage
from talksplat.core.formats import read_head
from talksplat.core.metrics import StLpips, correlation, landmark_distance, lip_gap, mouth_box
from talksplat.core.reports import enlarge_crop, write_picture_grid

PICTURES = 60  # of unheard clips, those that show the mouth, evenly chosen
ST_LPIPS_PICTURES = 30
MOUTHS = 8  # of a strip
SIDE = 96  # pixels of a mouth in a strip


def measure_pictures(head: Path, footage: Path, strip: Path) -> dict[str, dict]:
    """{"landmarks": ..., "st-lpips": ...} of the head and of its mean condition over the same pictures; writes the
    strip and, next to it, the targets' strip, `truth.png`. Raises UserError without ST-LPIPS's weights."""
    evaluator = Evaluator(read_head(head), Footage.open(footage))
    frames = [int(i) for i in evaluator.footage.frames("test")]
    frames = [i for i in frames if evaluator.sees_mouth(evaluator.footage.camera(i))]
    write_strips(evaluator, frames, strip)
    return {
        "landmarks": landmark_metrics(evaluator, evenly_spaced(frames, PICTURES)),
        "st-lpips": st_lpips_metrics(evaluator, evenly_spaced(frames, ST_LPIPS_PICTURES)),
    }


def st_lpips_metrics(evaluator: Evaluator, frames: list[int]) -> dict[str, float]:
    """ST-LPIPS of face and mouth, means."""
    metric, mean, values = StLpips.from_package(), evaluator.replay.at(evaluator.mean_condition), {}
    for i in frames:
        target, crops = evaluator.truth(i), evaluator.crops(i)
        for name, frame in (("head", evaluator.replay.at(evaluator.condition(i))), ("mean", mean)):
            rendered = evaluator.draw(frame, evaluator.footage.camera(i))
            for part in ("face", "mouth"):
                values.setdefault(f"{name} {part}", []).append(metric(rendered[crops[part]], target[crops[part]]))
    return {"count": len(frames)} | {name: float(np.nanmean(column)) for name, column in values.items()}


def landmark_metrics(evaluator: Evaluator, frames: list[int]) -> dict:
    """LMD by the detector; {} without one."""
    mean = evaluator.replay.at(evaluator.mean_condition)
    detected = []  # of target, head and mean condition, where all three show a face
    with LandmarkDetector() as detector:
        if not detector:
            return {}
        for i in frames:
            camera, head = evaluator.footage.camera(i), evaluator.replay.at(evaluator.condition(i))
            pictures = evaluator.truth(i), evaluator.draw(head, camera), evaluator.draw(mean, camera)
            landmarks = [detector.detect(picture) for picture in pictures]
            if all(found is not None for found in landmarks):
                detected.append(landmarks)
    counts = {"detector": DETECTOR_NAME, "count": len(detected), "lost": len(frames) - len(detected)}
    if not detected:
        return counts
    target, head, static = (np.stack(column) for column in zip(*detected))
    head_gaps, target_gaps = (np.array([relative_lip_gap(one) for one in column]) for column in (head, target))
    return counts | {
        "lmd": landmark_distance(head, target),
        "mean lmd": landmark_distance(static, target),
        "lip gap r on pictures": correlation(head_gaps, target_gaps),
    }


def write_strips(evaluator: Evaluator, frames: list[int], strip: Path) -> None:
    """Two strips of the same pictures: the head's, and `truth.png`."""
    footage = evaluator.footage
    order = np.argsort(lip_gap(footage.landmarks2d[frames]), kind="stable")
    shown = [frames[k] for k in order[np.linspace(0, len(order) - 1, min(MOUTHS, len(order))).astype(int)]]
    heads, targets = [], []
    for i in shown:
        box = mouth_box(footage.landmarks2d[i], footage.width, footage.height)
        rendered = evaluator.draw(evaluator.replay.at(evaluator.condition(i)), footage.camera(i))
        heads.append(enlarge_crop(rendered, box, SIDE))
        targets.append(enlarge_crop(evaluator.truth(i), box, SIDE))
    write_picture_grid(strip, [heads])
    write_picture_grid(strip.with_name("truth.png"), [targets])
