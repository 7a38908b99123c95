# SPDX-License-Identifier: GPL-3.0-or-later
"""Two heads of one footage on the same held-back pictures and clips: what differs, and by more than chance?

    python -m benchmarks.heads BEFORE.head AFTER.head FOOTAGE

Two markdown tables. Pictures are driven by their own sound and upper face, as in `talksplat evaluate`; lips are carried
by the Gaussians, from sound alone, expression zero.

± is the standard error of the mean difference, over clips: pictures of one clip resemble each other, so a clip is one
draw (the cluster-robust error of a mean). **Bold** is a difference above twice that.

Letters: N values, one a picture or a clip.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from talksplat.core.evaluation.evaluator import Evaluator
from talksplat.core.evaluation.landmark_detector import LandmarkDetector
from talksplat.core.evaluation.lip_sync import SpokenClip, speak_clip
from talksplat.core.evaluation.picture_metrics import compared
from talksplat.core.footage import Footage
from talksplat.core.formats.head_file import read_head
from talksplat.core.formats.user_error import UserError
from talksplat.core.metrics import correlation, landmark_distance
from talksplat.core.metrics.st_lpips import StLpips

SPLITS = {"test": "unheard clips", "camera": "unseen camera"}
NARROW, WIDE = 0.5, 12.0  # mm: true lips closer than this are closed to the eye; farther, wide open
FIGURES = ("mouth psnr", "mouth ssim", "mouth st-lpips", "lmd", "face psnr", "whole psnr")


def paired(before: np.ndarray, after: np.ndarray, clip: np.ndarray) -> tuple[float, float]:
    """([N], [N], [N] int) -> (mean difference, its standard error over clips; nan with one clip)."""
    difference = after - before
    mean, clips = float(difference.mean()), np.unique(clip)
    if len(clips) < 2:
        return mean, float("nan")
    sums = np.array([(difference[clip == one] - mean).sum() for one in clips])
    return mean, float(np.sqrt((sums**2).sum() * len(clips) / (len(clips) - 1)) / len(difference))


def row(name: str, before: Sequence[float], after: Sequence[float], clip: Sequence[int], digits: int) -> str:
    """A line of the table; values that either head lacks (nan) are left out of both."""
    one, other, clip = np.asarray(before, float), np.asarray(after, float), np.asarray(clip)
    both = np.isfinite(one) & np.isfinite(other)
    if not both.any():
        return f"| {name} | | | not measured | 0 |"
    mean, error = paired(one[both], other[both], clip[both])
    bold = "**" if abs(mean) > 2 * error else ""
    return (
        f"| {name} | {one[both].mean():.{digits}f} | {other[both].mean():.{digits}f} | "
        f"{bold}{mean:+.{digits}f}{bold} ± {error:.{digits}f} | {both.sum()} |"
    )


def pictures(judges: Sequence[Evaluator], eyes: LandmarkDetector, st_lpips: StLpips, split: str) -> list[str]:
    footage = judges[0].footage
    rows = [int(i) for i in footage.frames(split)]
    found = [{name: [] for name in FIGURES} for _ in judges]
    for k, i in enumerate(rows, 1):
        camera, truth = footage.camera(i), judges[0].truth(i)
        looks = judges[0].sees_mouth(camera)
        real = eyes.marks(truth) if looks else None
        for judge, figures in zip(judges, found):
            drawn = judge.draw(judge.replay.at(judge.condition(i)), camera)
            said = compared(truth, {"head": drawn}, judges[0].parts(i))
            said |= compared(
                truth,
                {"head": drawn},
                {part: box for part, box in judges[0].parts(i).items() if part == "mouth"},
                st_lpips=st_lpips,
            )
            marks = eyes.marks(drawn) if looks else None
            distance = float("nan") if real is None or marks is None else landmark_distance(marks[None], real[None])
            for name in FIGURES:
                figures[name].append(distance if name == "lmd" else said.get(f"head {name}", float("nan")))
        if k % 10 == 0 or k == len(rows):
            print(f"{SPLITS[split]}: {k} of {len(rows)} pictures", file=sys.stderr, flush=True)
    digits = {"psnr": 2, "lmd": 3}
    return (
        [
            row(
                f"{SPLITS[split]}: {name}",
                found[0][name],
                found[1][name],
                footage.clip[rows],
                digits.get(name.split()[-1], 4),
            )
            for name in FIGURES
        ]
        if rows
        else []
    )


def lips(heads: Sequence[Sequence[SpokenClip]]) -> list[str]:
    """Of the same clips, spoken by each head."""
    clip, shown = range(len(heads[0])), []
    of_clips = {
        "lip gap, r": (lambda s: correlation(s.told_gap, s.true_gap), 4),
        "lip gap, mean error, mm": (lambda s: 1e3 * float(np.abs(s.told_gap - s.true_gap).mean()), 3),
        f"gap told where the true one is below {NARROW} mm": (lambda s: _told(s, s.true_gap < NARROW * 1e-3), 2),
        f"gap told where the true one is above {WIDE:.0f} mm": (lambda s: _told(s, s.true_gap > WIDE * 1e-3), 2),
    }
    for name, (figure, digits) in of_clips.items():
        before, after = ([figure(one) for one in clips] for clips in heads)
        shown.append(row(name, before, after, clip, digits))
    return shown


def _told(one: SpokenClip, where: np.ndarray) -> float:
    """Millimetres; nan where the clip has no such moment."""
    return 1e3 * float(one.told_gap[where].mean()) if where.any() else float("nan")


def header(what: str, footage: Footage) -> list[str]:
    return [f"| {what}, {footage.width}x{footage.height} | before | after | difference | of |", "|---|---|---|---|---|"]


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.heads", description=__doc__.splitlines()[0])
    for name in ("before", "after", "footage"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args(words)
    try:
        footage, st_lpips = Footage.open(arguments.footage), StLpips.found()
        judges = [Evaluator(read_head(path), footage) for path in (arguments.before, arguments.after)]
        print("\n".join(header("lips of unheard clips, from sound alone", footage)))
        print("\n".join(lips([[speak_clip(judge, clip) for clip in footage.clips_of("test")] for judge in judges])))
        with LandmarkDetector() as eyes:
            print("\n".join(["", *header("held-back pictures", footage)]), flush=True)
            for split in SPLITS:
                print("\n".join(pictures(judges, eyes, st_lpips, split)), flush=True)
    except UserError as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
