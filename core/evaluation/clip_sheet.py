# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet of a head that speaks a held-back clip: truth above, head below, and both mouths enlarged.

    python -m talksplat.core.evaluation.clip_sheet HEAD FOOTAGE OUT.png [CLIP]

The mouth is driven by the audio alone; blinks, brows and gaze are the footage's own.
"""

import sys
from pathlib import Path

import numpy as np

from ..footage import Footage
from ..formats import UserError, read_head
from ..metrics import lip_gap, mouth_box
from ..reports import enlarge_crop, write_picture_grid
from .evaluator import Evaluator
from .samples import held_back_pictures, main_camera_pictures

COLUMNS = 8
OPEN = 0.004  # metres: the sheet starts just before the lips open so far


def pictures_in_time(footage: Footage, clip: int) -> np.ndarray:
    """[F] the pictures of a held-back clip from the camera that most of them share, in the order of time. Raises
    UserError for a clip without any."""
    rows = main_camera_pictures(footage, held_back_pictures(footage, clip))
    if len(rows) == 0:
        raise UserError(
            f"{footage.folder}: the clip {footage.clips[clip].name!r} has no held-back pictures; choose another one."
        )
    return rows[np.argsort(footage.time[rows], kind="stable")]


def liveliest_clip(footage: Footage) -> int:
    """The test clip with most pictures from one camera; among equals the one whose lips move most. Raises UserError
    where no clip is held back."""
    clips = [clip for clip in footage.clips_of("test") if len(held_back_pictures(footage, clip))]
    if not clips:
        raise UserError(f"{footage.folder} holds no clip back; prepare it again with a test share.")
    return max(clips, key=lambda c: (len(pictures_in_time(footage, c)), lip_gap(footage.track(c).landmarks).std()))


def sheet_rows(evaluator: Evaluator, clip: int) -> list[list[np.ndarray]]:
    """Rows of [H,W,3] pictures: truth, head, the truth's mouths, the head's mouths; a column per moment."""
    footage, columns = evaluator.footage, []
    rows, opens = pictures_in_time(footage, clip), lip_gap(footage.track(clip).landmarks) > OPEN
    first = max(int(np.argmax(opens) / len(opens) * len(rows)) - 1, 0)
    for i in rows[min(first, max(len(rows) - COLUMNS, 0)) :][:COLUMNS]:
        truth = evaluator.truth(int(i))
        drawn = evaluator.draw(evaluator.replay.at(evaluator.condition(int(i))), footage.camera(int(i)))
        box, side = mouth_box(footage.landmarks2d[i], footage.width, footage.height), truth.shape[1]
        columns.append([truth, drawn, enlarge_crop(truth, box, side), enlarge_crop(drawn, box, side)])
    return [list(row) for row in zip(*columns)]


def main(arguments: list[str]) -> int:
    """The command line; returns the exit status."""
    if len(arguments) not in (3, 4):
        print("usage: python -m talksplat.core.evaluation.clip_sheet HEAD FOOTAGE OUT.png [CLIP]", file=sys.stderr)
        return 2
    try:
        evaluator = Evaluator(read_head(arguments[0]), Footage.open(arguments[1]))
        names = [clip.name for clip in evaluator.footage.clips]
        if len(arguments) == 4 and arguments[3] not in names:
            raise UserError(f"{arguments[1]} has no clip {arguments[3]!r}; choose one of its test clips.")
        clip = names.index(arguments[3]) if len(arguments) == 4 else liveliest_clip(evaluator.footage)
        write_picture_grid(Path(arguments[2]), sheet_rows(evaluator, clip))
        print(f"{arguments[2]}: clip {names[clip]}")
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
