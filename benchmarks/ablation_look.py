# SPDX-License-Identifier: GPL-3.0-or-later
"""What the detector and a reader see of one head: LMD and ST-LPIPS on held-back pictures, and a strip of mouths from
closed to open.

Letters: F pictures.
"""

from pathlib import Path

import numpy as np

from talksplat.core.evaluation import Evaluator
from talksplat.core.evaluation.final_metrics import evenly_spaced
from talksplat.core.evaluation.landmark_detector import DETECTOR_NAME, LandmarkDetector, relative_lip_gap
from talksplat.core.footage import Footage
from talksplat.core.formats.head_file import read_head
from talksplat.core.metrics import correlation, landmark_distance, lip_gap, mouth_box
from talksplat.core.metrics.st_lpips import StLpips
from talksplat.core.reports import enlarge_crop, write_picture_grid

PICTURES = 60  # of unheard clips, those that show the mouth, evenly chosen
CLOSELY = 30  # of them by ST-LPIPS
MOUTHS = 8
SIDE = 96  # pixels of a mouth in a strip


def look(head: Path, footage: Path, strip: Path) -> dict[str, dict]:
    """{"landmarks": ..., "st-lpips": ...} of the head and of its mean condition over the same pictures; writes the
    strip and, beside it, the truth's. Raises Refusal without ST-LPIPS's weights."""
    judge = Evaluator(read_head(head), Footage.open(footage))
    shown = [int(i) for i in judge.footage.frames("test") if judge.sees_mouth(judge.footage.camera(int(i)))]
    mouths(judge, shown, strip)
    return {
        "landmarks": detected(judge, evenly_spaced(shown, PICTURES)),
        "st-lpips": likened(judge, evenly_spaced(shown, CLOSELY)),
    }


def likened(judge: Evaluator, rows: list[int]) -> dict[str, float]:
    """ST-LPIPS of face and mouth, means."""
    metric, mean, found = StLpips.from_package(), judge.replay.at(judge.mean_condition), {}
    for i in rows:
        truth, boxes = judge.truth(i), judge.crops(i)
        for who, frame in (("head", judge.replay.at(judge.condition(i))), ("mean", mean)):
            drawn = judge.draw(frame, judge.footage.camera(i))
            for part in ("face", "mouth"):
                found.setdefault(f"{who} {part}", []).append(metric(drawn[boxes[part]], truth[boxes[part]]))
    return {"count": len(rows)} | {name: float(np.nanmean(of)) for name, of in found.items()}


def detected(judge: Evaluator, rows: list[int]) -> dict:
    """LMD by the detector; {} without one."""
    with LandmarkDetector() as eyes:
        if not eyes:
            return {}
        truth, drawn, still = [], [], []
        mean = judge.replay.at(judge.mean_condition)
        for i in rows:
            camera = judge.footage.camera(i)
            pictures = judge.truth(i), judge.draw(judge.replay.at(judge.condition(i)), camera), judge.draw(mean, camera)
            marks = [eyes.detect(picture) for picture in pictures]
            if all(mark is not None for mark in marks):
                for of, mark in zip((truth, drawn, still), marks):
                    of.append(mark)
    if not truth:
        return {"detector": DETECTOR_NAME, "count": 0, "lost": len(rows)}
    gaps = [np.array([relative_lip_gap(mark) for mark in of]) for of in (drawn, truth)]
    return {
        "detector": DETECTOR_NAME,
        "count": len(truth),
        "lost": len(rows) - len(truth),
        "lmd": landmark_distance(np.stack(drawn), np.stack(truth)),
        "mean lmd": landmark_distance(np.stack(still), np.stack(truth)),
        "lip gap r on pictures": correlation(*gaps),
    }


def mouths(judge: Evaluator, shown: list[int], strip: Path) -> None:
    """Two strips of the same pictures: the head's, and `truth.png`."""
    footage = judge.footage
    order = np.argsort(lip_gap(footage.landmarks2d[shown]), kind="stable")
    rows = [shown[k] for k in order[np.linspace(0, len(order) - 1, min(MOUTHS, len(order))).astype(int)]]
    boxes = [mouth_box(footage.landmarks2d[i], footage.width, footage.height) for i in rows]
    drawn = [judge.draw(judge.replay.at(judge.condition(i)), footage.camera(i)) for i in rows]
    write_picture_grid(strip, [[enlarge_crop(picture, box, SIDE) for picture, box in zip(drawn, boxes)]])
    write_picture_grid(
        strip.with_name("truth.png"), [[enlarge_crop(judge.truth(i), box, SIDE) for i, box in zip(rows, boxes)]]
    )
