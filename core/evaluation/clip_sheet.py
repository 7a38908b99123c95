# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet of a head speaking a clip it never heard: truth above, head below, and both mouths enlarged.

    python -m talksplat.core.evaluation.clip_sheet HEAD FOOTAGE OUT.png [CLIP]

The mouth is driven by the sound alone; blinks, brows and gaze are the footage's own.
"""

import sys
from pathlib import Path

import numpy as np

from ..footage import Footage
from ..formats import UserError, read_head
from ..metrics import lip_gap, mouth_box
from ..reports import enlarge_crop, write_picture_grid
from .evaluator import GREY, Evaluator

COLUMNS = 8


def frontal_pictures(footage: Footage, clip: int) -> np.ndarray:
    """The pictures of a clip from the camera that most of them share, in the order of time."""
    rows = np.array([i for i in footage.frames("test") if footage.clip[i] == clip])
    if len(rows) == 0:
        raise UserError(
            f"{footage.folder}: the clip {footage.clips[clip].name!r} has no held-back pictures; choose another one."
        )
    centres = np.array([footage.camera(int(i)).centre for i in rows]).round(4)
    _, which, counts = np.unique(centres, axis=0, return_inverse=True, return_counts=True)
    rows = rows[which.reshape(-1) == counts.argmax()]
    return rows[np.argsort(footage.time[rows], kind="stable")]


def liveliest(footage: Footage) -> int:
    """The test clip with most pictures from one camera; among equals the one whose lips open widest."""
    clips = footage.clips_of("test")
    seen = [clip for clip in clips if (footage.clip[footage.frames("test")] == clip).any()]
    return max(seen, key=lambda c: (len(frontal_pictures(footage, c)), lip_gap(footage.track(c).landmarks).std()))


def speaking(judge: Evaluator, clip: int) -> list[list[np.ndarray]]:
    """Rows of pictures: truth, head, truth's mouths, head's mouths; a column a moment."""
    footage, columns = judge.footage, []
    frames = frontal_pictures(footage, clip)
    first = max(int(np.argmax(lip_gap(footage.track(clip).landmarks) > 0.004) / 75 * len(frames)) - 1, 0)
    for i in frames[min(first, max(len(frames) - COLUMNS, 0)) :][:COLUMNS]:
        view = footage.picture(int(i))
        truth = view.rgb + (1 - view.alpha)[..., None] * np.float32(GREY)
        drawn = judge.draw(judge.replay.at(judge.condition(int(i))), footage.camera(int(i)))
        box = mouth_box(footage.landmarks2d[i], footage.width, footage.height)
        columns.append([truth, drawn, enlarge_crop(truth, box, truth.shape[1]), enlarge_crop(drawn, box, truth.shape[1])])
    return [list(row) for row in zip(*columns)]


def main(arguments: list[str]) -> int:
    if len(arguments) not in (3, 4):
        print("usage: python -m talksplat.core.evaluation.clip_sheet HEAD FOOTAGE OUT.png [CLIP]", file=sys.stderr)
        return 2
    try:
        judge = Evaluator(read_head(arguments[0]), Footage.open(arguments[1]))
        names = [clip.name for clip in judge.footage.clips]
        if len(arguments) == 4 and arguments[3] not in names:
            raise UserError(f"{arguments[1]} has no clip {arguments[3]!r}; choose one of its test clips.")
        clip = names.index(arguments[3]) if len(arguments) == 4 else liveliest(judge.footage)
        write_picture_grid(Path(arguments[2]), speaking(judge, clip))
        print(f"{arguments[2]}: clip {names[clip]}")
    except UserError as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
