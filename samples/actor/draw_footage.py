# SPDX-License-Identifier: GPL-3.0-or-later
"""More footage of the actor, drawn by a head that was trained on it and not by Cycles: in a fraction of the time. For
what wants many pictures and no new truth, such as a change of the head's blend.

    python -m talksplat.samples.actor.draw_footage --head samples/sample.head --held-back HELD --out FOOTAGE

HELD is a folder of `render_footage --held-back`. Its pictures stay what they are, Cycles' own, so that a training's
results are measured on the truth; training pictures of the same plan are drawn. Label and alpha are the head's, too;
there is no depth.
"""

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np

from ...core.evaluation import Evaluator
from ...core.footage import (
    LABEL_BACKGROUND,
    LABEL_FACE,
    LABEL_MOUTH,
    Footage,
    write_footage_card,
    write_footage_picture,
    write_frame_table,
)
from ...core.formats import linear_to_srgb, read_head
from ...core.raster import Rendering, rasterize
from . import cameras
from .plan import RATE, TRAIN, PlannedPicture, plan_pictures
from .zbuffer import project_to_pixels

MOUTH = 1  # branch of a replay: the inside of the mouth
SEEN = 0.5  # alpha from which a pixel is of the head, and the share from which it is of the inside mouth


def draw_picture(evaluator: Evaluator, i: int) -> Rendering:
    """Picture i of the footage as the head shows it, premultiplied; `extra` is the share of the inside mouth."""
    moved, g = evaluator.replay.at(evaluator.condition(i)), evaluator.replay.canonical
    mouth = np.zeros((len(g.means), 1), np.float32)
    mouth[evaluator.replay.branch == MOUTH] = 1
    return rasterize(
        moved.means,
        moved.quats,
        moved.scales,
        g.opacities,
        g.sh0,
        g.shN,
        evaluator.footage.camera(i),
        extra=mouth,
        blend=evaluator.head.card.blend,
    )


def stored(picture: Rendering) -> tuple[np.ndarray, np.ndarray]:
    """([H,W,4] uint8 sRGB with straight alpha, [H,W] uint8 label)."""
    alpha = picture.alpha[..., None]
    straight = picture.color / np.maximum(alpha, 1e-6)
    codes = linear_to_srgb(straight) if picture.blend == "linear" else straight
    rgba = np.concatenate([codes, alpha], axis=-1)
    assert picture.extra is not None
    inside = np.where(picture.extra[..., 0] > SEEN * picture.alpha, LABEL_MOUTH, LABEL_FACE)
    label = np.where(picture.alpha > SEEN, inside, LABEL_BACKGROUND)
    return np.rint(255 * rgba.clip(0, 1)).astype(np.uint8), label.astype(np.uint8)


def table_rows(footage: Footage, pictures: list[PlannedPicture]) -> dict[str, np.ndarray]:
    """Columns of frames.npz for planned pictures, from the tracks of the footage's clips."""
    numbers = {clip.name: number for number, clip in enumerate(footage.clips)}
    tracks = {name: footage.track(numbers[name]) for name in {picture.clip for picture in pictures}}
    intrinsics = cameras.intrinsics(footage.width, footage.height)
    viewmats = [cameras.viewmat(picture.camera) for picture in pictures]
    landmarks = [tracks[picture.clip].landmarks[picture.frame].astype(np.float64) for picture in pictures]
    return {
        "clip": np.array([numbers[picture.clip] for picture in pictures]),
        "time": np.array([picture.frame / RATE for picture in pictures]),
        "split": np.array([picture.split for picture in pictures]),
        "viewmat": np.stack(viewmats),
        "K": np.tile(intrinsics, (len(pictures), 1, 1)),
        "landmarks2d": np.stack([project_to_pixels(p, view, intrinsics)[0] for p, view in zip(landmarks, viewmats)]),
        "expression": np.stack([tracks[picture.clip].expression[picture.frame] for picture in pictures]),
    }


def begin_folder(held_back: Path, out: Path, most: int | None) -> Footage:
    """The folder with the clips that are filmed and the held-back pictures; its table has those that are to be drawn,
    too."""
    for folder in ("audio", "tracks", "image", "label", "depth"):
        shutil.copytree(held_back / folder, out / folder)
    held = Footage.open(held_back)
    plan = [picture for picture in plan_pictures([clip.name for clip in held.clips]) if picture.split == TRAIN][:most]
    with np.load(held_back / "frames.npz", allow_pickle=False) as stored_table:
        columns = {name: np.concatenate([stored_table[name], rows]) for name, rows in table_rows(held, plan).items()}
    filmed, columns["clip"] = np.unique(columns["clip"], return_inverse=True)
    write_frame_table(out, **columns)
    card, clips = held.card, [(held.clips[k].name, held.clips[k].split) for k in filmed]
    size, texts = (card.width, card.height), (card.licence, card.provenance)
    write_footage_card(out, card.name, card.rate, size, card.expression_names, clips, *texts)
    return Footage.open(out)


def main() -> None:
    """Draw the footage that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--head", type=Path, required=True, help="trained on the actor")
    parser.add_argument("--held-back", type=Path, required=True, help="folder that render_footage --held-back wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--most", type=int, default=None, help="training pictures at most")
    arguments = parser.parse_args()
    if arguments.out.exists():
        raise SystemExit(f"{arguments.out}: is there already; choose another --out or delete the folder.")
    footage = begin_folder(arguments.held_back, arguments.out, arguments.most)
    evaluator = Evaluator(read_head(arguments.head), footage)
    rows = [int(i) for i in footage.frames("train")]
    for count, i in enumerate(rows, start=1):
        write_footage_picture(arguments.out, i, *stored(draw_picture(evaluator, i)))
        print(f"\rdrawn {count}/{len(rows)} pictures", end="", file=sys.stderr)
    print(file=sys.stderr)


if __name__ == "__main__":
    main()
