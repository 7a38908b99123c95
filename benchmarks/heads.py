# SPDX-License-Identifier: GPL-3.0-or-later
"""Two heads of one footage on the same held-back pictures and clips: what differs, and by more than chance?

    python -m benchmarks.heads BEFORE.head AFTER.head FOOTAGE

Two markdown tables. Pictures are driven by their own sound and upper face, as in `talksplat evaluate`; lips are carried
by the Gaussians, from audio alone, expression zero.

± is the standard error of the mean difference, over clips: pictures of one clip resemble each other, so a clip is one
draw (the cluster-robust error of a mean). **Bold** is a difference above twice that.

Letters: N values, one per picture or clip.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from talksplat.core.evaluation.evaluator import Evaluator
from talksplat.core.evaluation.landmark_detector import LandmarkDetector
from talksplat.core.evaluation.lip_sync import SpokenClip, speak_clip
from talksplat.core.evaluation.picture_metrics import compare_pictures
from talksplat.core.footage import Footage
from talksplat.core.formats.head_file import read_head
from talksplat.core.formats.user_error import UserError
from talksplat.core.metrics import correlation, landmark_distance
from talksplat.core.metrics.st_lpips import StLpips

SPLITS = {"test": "unheard clips", "camera": "unseen camera"}
NARROW, WIDE = 0.5, 12.0  # mm: true lips closer than this look closed; farther, wide open
METRICS = ("mouth psnr", "mouth ssim", "mouth st-lpips", "lmd", "face psnr", "whole psnr")
DIGITS = {"psnr": 2, "lmd": 3}  # others 4


def paired_difference(before: np.ndarray, after: np.ndarray, clip: np.ndarray) -> tuple[float, float]:
    """([N], [N], [N] int) -> (mean difference, its standard error over clips; nan with one clip)."""
    difference = after - before
    mean, clips = float(difference.mean()), np.unique(clip)
    if len(clips) < 2:
        return mean, float("nan")
    sums = np.array([(difference[clip == number] - mean).sum() for number in clips])
    return mean, float(np.sqrt((sums**2).sum() * len(clips) / (len(clips) - 1)) / len(difference))


def table_row(name: str, before: Sequence[float], after: Sequence[float], clip: Sequence[int], digits: int) -> str:
    """A line of the table; values that are missing (nan) for either head are left out of both."""
    first, second, clips = np.asarray(before, float), np.asarray(after, float), np.asarray(clip)
    both = np.isfinite(first) & np.isfinite(second)
    if not both.any():
        return f"| {name} | | | not measured | 0 |"
    mean, error = paired_difference(first[both], second[both], clips[both])
    bold = "**" if abs(mean) > 2 * error else ""
    return (
        f"| {name} | {first[both].mean():.{digits}f} | {second[both].mean():.{digits}f} | "
        f"{bold}{mean:+.{digits}f}{bold} ± {error:.{digits}f} | {both.sum()} |"
    )


def picture_metrics(
    evaluators: Sequence[Evaluator], detector: LandmarkDetector, st_lpips: StLpips, i: int
) -> list[dict[str, float]]:
    """METRICS of picture i for each head; nan where one cannot be measured."""
    footage, shared = evaluators[0].footage, evaluators[0]
    camera, truth, crops = footage.camera(i), shared.truth(i), shared.crops(i)
    mouth, frontal = {part: box for part, box in crops.items() if part == "mouth"}, shared.sees_mouth(camera)
    target = detector.detect(truth) if frontal else None
    rows = []
    for evaluator in evaluators:
        drawn = evaluator.draw(evaluator.replay.at(evaluator.condition(i)), camera)
        figures = compare_pictures(truth, {"head": drawn}, crops)
        figures |= compare_pictures(truth, {"head": drawn}, mouth, st_lpips)
        landmarks = detector.detect(drawn) if target is not None else None
        if target is not None and landmarks is not None:
            figures["head lmd"] = landmark_distance(landmarks[None], target[None])
        rows.append({name: figures.get(f"head {name}", float("nan")) for name in METRICS})
    return rows


def picture_rows(
    evaluators: Sequence[Evaluator], detector: LandmarkDetector, st_lpips: StLpips, split: str
) -> list[str]:
    """Of the table of pictures."""
    footage = evaluators[0].footage
    pictures = [int(i) for i in footage.frames(split)]
    if not pictures:
        return []
    measured = []
    for k, i in enumerate(pictures, 1):
        measured.append(picture_metrics(evaluators, detector, st_lpips, i))
        if k % 10 == 0 or k == len(pictures):
            print(f"{SPLITS[split]}: {k} of {len(pictures)} pictures", file=sys.stderr, flush=True)
    rows = []
    for name in METRICS:
        before, after = ([heads[k][name] for heads in measured] for k in (0, 1))
        digits = DIGITS.get(name.split()[-1], 4)
        rows.append(table_row(f"{SPLITS[split]}: {name}", before, after, footage.clip[pictures], digits))
    return rows


def lip_rows(heads: Sequence[Sequence[SpokenClip]]) -> list[str]:
    """Of the table of lips: the same clips, spoken by each head."""
    metrics = {
        "lip gap, r": (lambda c: correlation(c.predicted_gap, c.target_gap), 4),
        "lip gap, mean error, mm": (lambda c: 1e3 * float(np.abs(c.predicted_gap - c.target_gap).mean()), 3),
        f"gap where the true one is below {NARROW} mm": (lambda c: mean_gap(c, c.target_gap < NARROW * 1e-3), 2),
        f"gap where the true one is above {WIDE:.0f} mm": (lambda c: mean_gap(c, c.target_gap > WIDE * 1e-3), 2),
    }
    rows = []
    for name, (metric, digits) in metrics.items():
        before, after = ([metric(clip) for clip in clips] for clips in heads)
        rows.append(table_row(name, before, after, range(len(heads[0])), digits))
    return rows


def mean_gap(clip: SpokenClip, where: np.ndarray) -> float:
    """The head's lip gap in millimetres; nan where the clip has no such moment."""
    return 1e3 * float(clip.predicted_gap[where].mean()) if where.any() else float("nan")


def header(title: str, footage: Footage) -> list[str]:
    """The first two lines of a table."""
    return [
        f"| {title}, {footage.width}x{footage.height} | before | after | difference | of |",
        "|---|---|---|---|---|",
    ]


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.heads", description=__doc__.splitlines()[0])
    for name in ("before", "after", "footage"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args(words)
    try:
        footage, st_lpips = Footage.open(arguments.footage), StLpips.from_package()
        evaluators = [Evaluator(read_head(path), footage) for path in (arguments.before, arguments.after)]
        spoken = [[speak_clip(evaluator, clip) for clip in footage.clips_of("test")] for evaluator in evaluators]
        print("\n".join([*header("lips of unheard clips, from sound alone", footage), *lip_rows(spoken)]))
        with LandmarkDetector() as detector:
            print("\n".join(["", *header("held-back pictures", footage)]), flush=True)
            for split in SPLITS:
                print("\n".join(picture_rows(evaluators, detector, st_lpips, split)), flush=True)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
