# SPDX-License-Identifier: GPL-3.0-or-later
"""Held-back pictures: how close to the truth the head's and the static head's are, and where their mouths are.

Letters: F pictures, H W a picture.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..metrics import StLpips, compute_metrics, landmark_distance
from ..performance import Condition
from .evaluator import Evaluator
from .landmark_detector import LandmarkDetector
from .samples import Sample
from .static_baseline import StaticBaselines

Size = tuple[int, int]  # width, height


@dataclass(frozen=True)
class SampleResult:
    """A drawing and what it was compared with. `truth` is None where there is no picture."""

    sample: Sample
    head: np.ndarray  # [H,W,3]
    static: np.ndarray  # [H,W,3], the static head best by PSNR
    truth: np.ndarray | None
    metrics: dict[str, float]  # "head mouth psnr", ...
    sizes: dict[str, Size]  # of the crops
    landmarks: dict[str, np.ndarray | None]  # head, truth, static -> detected [68,2], None where the face was lost


class SampleEvaluator:
    """Draws samples, compares them with the truth, detects their landmarks."""

    def __init__(self, evaluator: Evaluator, detector: LandmarkDetector, baselines: StaticBaselines) -> None:
        self.evaluator, self.detector, self.baselines = evaluator, detector, baselines

    def evaluate(self, sample: Sample, condition: Condition, st_lpips: StLpips | None = None) -> SampleResult:
        """By `st_lpips` too where it is given."""
        evaluator, camera = self.evaluator, sample.camera
        head = evaluator.draw(evaluator.replay.at(condition), camera)
        static = evaluator.draw(self.baselines.frames[self.baselines.best_by_psnr], camera)
        frontal = evaluator.sees_mouth(camera)
        landmarks = {"head": self.detector.detect(head) if frontal else None}
        if sample.row is None:
            return SampleResult(sample, head, static, None, {}, {}, landmarks)
        truth, crops = evaluator.truth(sample.row), evaluator.crops(sample.row)
        if frontal:
            landmarks |= {"truth": self.detector.detect(truth), "static": self._static_landmarks(static, sample)}
        metrics = compare_pictures(truth, {"head": head, "static": static}, crops, st_lpips)
        return SampleResult(sample, head, static, truth, metrics, crop_sizes(truth, crops), landmarks)

    def _static_landmarks(self, best_by_psnr: np.ndarray, sample: Sample) -> np.ndarray | None:
        """Of the static head best by LMD."""
        name = self.baselines.best_by_lmd
        if name == self.baselines.best_by_psnr:
            return self.detector.detect(best_by_psnr)
        return self.detector.detect(self.evaluator.draw(self.baselines.frames[name], sample.camera))


def crop_sizes(truth: np.ndarray, crops: dict[str, tuple]) -> dict[str, Size]:
    """Crop -> its (width, height)."""
    shapes = {part: truth[box].shape for part, box in crops.items()}
    return {part: (shape[1], shape[0]) for part, shape in shapes.items()}


def mean_crop_sizes(sizes: Iterable[dict[str, Size]]) -> dict[str, list[int]]:
    """Crop -> mean [width, height], whole pixels, over the pictures that show it."""
    rows = list(sizes)
    return {
        part: [round(float(side)) for side in np.mean([row[part] for row in rows if part in row], axis=0)]
        for part in dict.fromkeys(part for row in rows for part in row)
    }


def compare_pictures(
    truth: np.ndarray,  # [H,W,3]
    drawn: dict[str, np.ndarray],  # name -> [H,W,3]
    crops: dict[str, tuple],  # part -> rows and columns
    st_lpips: StLpips | None = None,
) -> dict[str, float]:
    """ "head mouth psnr" and so on: every picture metric of every drawing in every crop that is large enough for it."""
    weights = {} if st_lpips is None else {"st_lpips": st_lpips}
    return {
        f"{who} {part} {name}": value
        for who, picture in drawn.items()
        for part, box in crops.items()
        for name, value in compute_metrics(rendered=picture[box], target=truth[box], **weights).items()
        if not np.isnan(value)
    }


def mean_metrics(metrics: Iterable[dict[str, float]]) -> dict[str, float]:
    """Mean of each figure over the pictures that have it, and how many of them show the mouth."""
    rows = list(metrics)
    keys = sorted({key for row in rows for key in row})
    values = {key: round(float(np.mean([row[key] for row in rows if key in row])), 4) for key in keys}
    counts = {
        f"{part} by st-lpips": count
        for part in ("whole", "face", "mouth")
        if (count := sum(f"head {part} st-lpips" in row for row in rows))
    }
    return {"count": len(rows), "with mouth": sum("head mouth psnr" in row for row in rows), **counts, **values}


class PictureSummary:
    """Accumulates results, without their pixels."""

    def __init__(self) -> None:
        self.metrics: list[dict[str, float]] = []
        self.sizes: list[dict[str, Size]] = []
        self.landmarks: list[dict[str, np.ndarray | None]] = []

    def add(self, result: SampleResult) -> None:
        """Count a result, if it has a truth."""
        if result.truth is None:
            return
        self.metrics.append(result.metrics)
        self.sizes.append(result.sizes)
        if "truth" in result.landmarks:
            self.landmarks.append(result.landmarks)

    def summary(self, detector: LandmarkDetector) -> dict:
        """Means, with counts and mean sizes in pixels."""
        means = {**mean_metrics(self.metrics), "size of crops": mean_crop_sizes(self.sizes)}
        return means | ({"landmarks": self.landmark_summary()} if detector else {})

    def landmark_summary(self) -> dict:
        """LMD of the head and of the static head over the pictures in which all three faces were found."""
        lost = {f"{who} lost": sum(row[who] is None for row in self.landmarks) for who in ("truth", "head", "static")}
        complete = [
            found
            for row in self.landmarks
            if len(found := {who: marks for who, marks in row.items() if marks is not None}) == len(row)
        ]
        if not complete:
            return {"count": 0, **lost}
        truth, head, static = (np.stack([row[who] for row in complete]) for who in ("truth", "head", "static"))
        head_lmd, static_lmd = landmark_distance(head, truth), landmark_distance(static, truth)
        ratio = head_lmd / static_lmd if static_lmd > 0 else float("nan")
        figures = {"head lmd": head_lmd, "static lmd": static_lmd, "head over static": ratio}
        return {"count": len(complete), **lost, **{name: round(value, 4) for name, value in figures.items()}}
