# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the actor's footage: pictures, labels, depth, landmarks, sound and tracks of talksplat's format.

    python -m talksplat.samples.actor.render_footage --data DATA --tracked TRACKED --out FOOTAGE

It may be stopped at any time and started again: finished pictures are kept. `frames.npz` is renewed
after every ten pictures, so a training can begin while the rendering still runs.
"""

import argparse
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ...core.footage import picture_paths, read_footage_card, write_clip_track, write_footage_card, write_frame_table
from ...core.tracking import EXPRESSION_CHANNELS
from . import cameras
from .expression_rig import Rig, load_rig
from .motion import read_tracked_clip, solve_expressions
from .plan import FRAMES_PER_CLIP, RATE, TRAIN, PlannedPicture, choose_clips, plan_pictures
from .voice_tracks import read_sound, write_wav
from .zbuffer import label_and_depth, project_to_pixels

if TYPE_CHECKING:
    from .scene import Studio

GRID_FOLDER = "grid_s1_train"
TABLE_EVERY = 10  # pictures between two renewals of frames.npz
GAZE = [EXPRESSION_CHANNELS.index("gaze_x"), EXPRESSION_CHANNELS.index("gaze_y")]
LICENCE = (
    "Pictures: rendered from the ICT-FaceKit rig (MIT, (c) 2020 USC ICT) with a made-up identity. "
    "Sound and motion: GRID corpus, talker s1 (CC BY 4.0)."
)
PROVENANCE = (
    "talksplat samples/actor. Sound and the speech motion are derived from GRID (Cooke, Barker, Cunningham, "
    "Shao, JASA 120:2421, 2006), tracked with MediaPipe FaceLandmarker (Apache-2.0). No real person is depicted."
)

Motions = dict[str, tuple[np.ndarray, np.ndarray]]  # clip -> ([T, E] weights, [T, C] channels)


def write_clips(rig: Rig, data: Path, tracked: Path, out: Path) -> Motions:
    """Write sound and track of every tracked clip."""
    motions = {}
    for tracked_file in sorted(tracked.glob("*.npz")):
        name = tracked_file.stem
        weights, channels = motions[name] = solve_expressions(rig, read_tracked_clip(tracked_file))
        if len(weights) != FRAMES_PER_CLIP:
            raise SystemExit(
                f"{tracked_file}: {len(weights)} frames instead of {FRAMES_PER_CLIP}; track this clip again."
            )
        seconds = np.arange(FRAMES_PER_CLIP) / RATE
        write_clip_track(out, name, seconds, rig.landmarks(weights), channels, blendshapes=weights)
        wav_file = out / "audio" / f"{name}.wav"
        if not wav_file.exists():
            write_wav(wav_file, read_sound(data / GRID_FOLDER / f"{name}.mpg"))
    if not motions:
        raise SystemExit(f"{tracked}: has no tracked clips; run samples.actor.track first.")
    return motions


def write_card(out: Path, names: list[str], size: int) -> None:
    """Write footage.json; ends for a folder that was started with another size or other clips."""
    if (out / "footage.json").exists():
        card = read_footage_card(out)
        if (card.width, card.height, [clip.name for clip in card.clips]) != (size, size, names):
            raise SystemExit(f"{out}: was started with other settings; choose another --out or delete the folder.")
    test, _ = choose_clips(names)
    clips = [(name, "test" if name in test else "train") for name in names]
    write_footage_card(out, "actor", Fraction(RATE), (size, size), EXPRESSION_CHANNELS, clips, LICENCE, PROVENANCE)


class FrameTable:
    """The rows of frames.npz so far; row i is picture i."""

    def __init__(self, out: Path, rig: Rig, motions: Motions, size: int) -> None:
        self.out, self.rig, self.motions = out, rig, motions
        self.clip_numbers = {name: number for number, name in enumerate(sorted(motions))}
        self.intrinsics = cameras.intrinsics(size, size)

    def write(self, pictures: list[PlannedPicture]) -> None:
        """Replace the table by the rows of these pictures."""
        weights = np.stack([self.motions[picture.clip][0][picture.frame] for picture in pictures])
        viewmats = np.stack([cameras.viewmat(picture.camera) for picture in pictures])
        landmarks = self.rig.landmarks(weights).astype(np.float64)
        pixels = [
            project_to_pixels(points, viewmat, self.intrinsics)[0] for points, viewmat in zip(landmarks, viewmats)
        ]
        write_frame_table(
            self.out,
            clip=np.array([self.clip_numbers[picture.clip] for picture in pictures]),
            time=np.array([picture.frame / RATE for picture in pictures]),
            split=np.array([picture.split for picture in pictures]),
            viewmat=viewmats,
            K=np.tile(self.intrinsics, (len(pictures), 1, 1)),
            landmarks2d=np.array(pixels),
            expression=np.stack([self.motions[picture.clip][1][picture.frame] for picture in pictures]),
        )

    def row_count(self) -> int:
        """How many pictures an earlier run has finished."""
        table_file = self.out / "frames.npz"
        if not table_file.exists():
            return 0
        with np.load(table_file, allow_pickle=False) as stored:
            return len(stored["clip"])


def render_pictures(studio: "Studio", table: FrameTable, pictures: list[PlannedPicture], size: int) -> None:
    """Render what is missing, in the plan's order, with progress and expected end on stderr."""
    for path in picture_paths(table.out, 0).values():
        path.parent.mkdir(exist_ok=True)
    done = table.row_count()
    start = time.monotonic()
    for index in range(done, len(pictures)):
        picture, paths = pictures[index], picture_paths(table.out, index)
        weights, channels = table.motions[picture.clip]
        studio.pose(weights[picture.frame], channels[picture.frame, GAZE])
        viewmat = cameras.viewmat(picture.camera)
        studio.render(viewmat, cameras.focal(size), paths["image"], seed=index)
        labels, depth = label_and_depth(studio.labelled_meshes(), viewmat, table.intrinsics, size, size)
        Image.fromarray(labels).save(paths["label"])
        Image.fromarray(depth).save(paths["depth"])
        if (index + 1) % TABLE_EVERY == 0 or index + 1 == len(pictures):
            table.write(pictures[: index + 1])
        each = (time.monotonic() - start) / (index + 1 - done)
        end = time.strftime("%H:%M", time.localtime(time.time() + each * (len(pictures) - index - 1)))
        print(f"picture {index + 1}/{len(pictures)}, {each:.2f} s each, ends {end}", file=sys.stderr, flush=True)


def main() -> None:
    """Render the footage that the command line asks for."""
    from .scene import Studio  # bpy takes a second to load: not for --help

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--tracked", type=Path, required=True, help="folder that samples.actor.track wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=512, help="width and height in pixels")
    parser.add_argument("--samples", type=int, default=8, help="paths per pixel before denoising")
    parser.add_argument("--most", type=int, default=None, help="stop after this many pictures of the plan")
    parser.add_argument("--held-back", action="store_true", help="only the pictures that no training sees")
    arguments = parser.parse_args()
    size, out = arguments.size, arguments.out.resolve()
    rig = load_rig(arguments.data)
    out.mkdir(parents=True, exist_ok=True)
    motions = write_clips(rig, arguments.data, arguments.tracked, out)
    write_card(out, sorted(motions), size)
    plan = plan_pictures(sorted(motions))
    pictures = [picture for picture in plan if picture.split != TRAIN or not arguments.held_back][: arguments.most]
    render_pictures(Studio(rig, size, size, arguments.samples), FrameTable(out, rig, motions, size), pictures, size)


if __name__ == "__main__":
    main()
