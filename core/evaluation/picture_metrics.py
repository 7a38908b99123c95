# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures that were held back: how like the truth the head's and the static head's are, and where their mouths are.

Letters: F pictures, H W a picture.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..metrics import StLpips, compute_metrics, landmark_distance
from .evaluator import Evaluator
from .landmark_detector import LandmarkDetector
from .samples import Sample
from .static_baseline import StaticBaselines


@dataclass(frozen=True)
class SampleResult:
    """A drawing and what stands beside it. `truth` is None where no picture was taken."""

    take: Sample
    head: np.ndarray  # [H,W,3]
    static: np.ndarray  # [H,W,3], the one strongest in pictures
    truth: np.ndarray | None
    figures: dict[str, float]  # "head mouth psnr", ...
    sizes: dict[str, tuple[int, int]]  # crop -> (width, height)
    marks: dict[str, np.ndarray | None]  # head, truth, static -> the detector's [68,2]


def measure_sample(
    judge: Evaluator,
    eyes: LandmarkDetector,
    statics: StaticBaselines,
    take: Sample,
    condition,
    st_lpips: StLpips | None = None,
) -> SampleResult:
    """Draw, compare (by `st_lpips` too where it is given), detect."""
    head = judge.draw(judge.replay.at(condition), take.camera)
    static = judge.draw(statics.frames[statics.pictures], take.camera)
    looks = judge.sees_mouth(take.camera)
    marks = {"head": eyes.marks(head) if looks else None}
    if take.row is None:
        return SampleResult(take, head, static, None, {}, {}, marks)
    truth, parts = judge.truth(take.row), judge.parts(take.row)
    if looks:
        other = (
            static
            if statics.landmarks == statics.pictures
            else judge.draw(statics.frames[statics.landmarks], take.camera)
        )
        marks |= {"truth": eyes.marks(truth), "static": eyes.marks(other)}
    figures = compared(truth, {"head": head, "static": static}, parts, **({"st_lpips": st_lpips} if st_lpips else {}))
    return SampleResult(take, head, static, truth, figures, crops(truth, parts), marks)


def crops(truth: np.ndarray, parts: dict[str, tuple]) -> dict[str, tuple[int, int]]:
    """Part -> (width, height) of its crop."""
    return {part: truth[box].shape[1::-1] for part, box in parts.items()}


def mean_crops(of: Iterable[dict[str, tuple[int, int]]]) -> dict[str, list[int]]:
    """Part -> mean [width, height], whole pixels, over the pictures that show it."""
    rows = list(of)
    return {
        part: [round(float(side)) for side in np.mean([row[part] for row in rows if part in row], axis=0)]
        for part in dict.fromkeys(part for row in rows for part in row)
    }


def compared(truth: np.ndarray, drawn: dict[str, np.ndarray], parts: dict[str, tuple], **also) -> dict[str, float]:
    """ "head mouth psnr" and so on: every picture metric of every drawing in every part that is large enough for it;
    `also`: what else metrics take."""
    return {
        f"{who} {part} {name}": value
        for who, picture in drawn.items()
        for part, box in parts.items()
        for name, value in compute_metrics(rendered=picture[box], truth=truth[box], **also).items()
        if not np.isnan(value)
    }


def means(of: Iterable[dict[str, float]]) -> dict[str, float]:
    """Mean of each figure over the pictures that have it, and how many of them show the mouth."""
    rows = list(of)
    keys = sorted({key for row in rows for key in row})
    values = {key: round(float(np.mean([row[key] for row in rows if key in row])), 4) for key in keys}
    looked = {
        f"{part} by st-lpips": count
        for part in ("whole", "face", "mouth")
        if (count := sum(f"head {part} st-lpips" in row for row in rows))
    }
    return {"count": len(rows), "with mouth": sum("head mouth psnr" in row for row in rows), **looked, **values}


class Tally:
    """Pictures one after another, without their pixels."""

    def __init__(self) -> None:
        self.figures: list[dict[str, float]] = []
        self.sizes: list[dict[str, tuple[int, int]]] = []
        self.marks: list[dict[str, np.ndarray | None]] = []

    def add(self, one: SampleResult) -> None:
        if one.truth is None:
            return
        self.figures.append(one.figures)
        self.sizes.append(one.sizes)
        if "truth" in one.marks:
            self.marks.append(one.marks)

    def result(self, eyes: LandmarkDetector) -> dict:
        """Means, with counts and mean sizes in pixels."""
        said = {**means(self.figures), "size of crops": mean_crops(self.sizes)}
        return said | ({"landmarks": self.distance()} if eyes else {})

    def distance(self) -> dict:
        """LMD of the head and of the static head over the pictures in which all three faces were found."""
        whole = [m for m in self.marks if all(m[who] is not None for who in ("truth", "head", "static"))]
        lost = {f"{who} lost": sum(m[who] is None for m in self.marks) for who in ("truth", "head", "static")}
        if not whole:
            return {"count": 0, **lost}
        truth = np.stack([m["truth"] for m in whole])
        lmd = {f"{who} lmd": landmark_distance(np.stack([m[who] for m in whole]), truth) for who in ("head", "static")}
        ratio = lmd["head lmd"] / lmd["static lmd"] if lmd["static lmd"] > 0 else float("nan")
        return {
            "count": len(whole),
            **lost,
            **{k: round(v, 4) for k, v in lmd.items()},
            "head over static": round(ratio, 4),
        }
