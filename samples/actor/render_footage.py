# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the actor's footage: pictures, labels, depth, landmarks, sound and tracks of talksplat's format.

    python -m talksplat.samples.actor.render_footage --data ../shared/data --tracked ../footage/tracked --out ../footage/actor

It may be stopped at any time and started again: finished pictures are kept. `frames.npz` is renewed
after every ten pictures, so a training can begin while the rendering still runs.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from ...core.tracking import EXPRESSION_CHANNELS
from . import cameras
from .expression_rig import Rig, load_rig
from .motion import Tracked, expressions_of, read_tracked
from .plan import FRAMES_PER_CLIP, RATE, Shot, choose_clips, plan_shots
from .save_array import write_atomically
from .voice_tracks import read_sound, write_wav
from .zbuffer import label_and_depth, project

GRID_FOLDER = "grid_s1_train"
GROUP = 10  # pictures between two renewals of frames.npz
GAZE = [EXPRESSION_CHANNELS.index("gaze_x"), EXPRESSION_CHANNELS.index("gaze_y")]
LICENCE = (
    "Pictures: rendered from the ICT-FaceKit rig (MIT, (c) 2020 USC ICT) with a made-up identity. "
    "Sound and motion: GRID corpus, talker s1 (CC BY 4.0)."
)
PROVENANCE = (
    "talksplat samples/actor. Sound and the speech motion are derived from GRID (Cooke, Barker, Cunningham, "
    "Shao, JASA 120:2421, 2006), tracked with MediaPipe FaceLandmarker (Apache-2.0). No real person is depicted."
)


def write_clips(rig: Rig, data: Path, tracked: Path, out: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Sound and track of every tracked clip; returns name -> ([T, E] weights, [T, C] channels)."""
    motions = {}
    (out / "audio").mkdir(parents=True, exist_ok=True)
    (out / "tracks").mkdir(parents=True, exist_ok=True)
    for tracked_file in sorted(tracked.glob("*.npz")):
        clip: Tracked = read_tracked(tracked_file)
        weights, channels = motions[tracked_file.stem] = expressions_of(rig, clip)
        if len(weights) != FRAMES_PER_CLIP:
            raise ValueError(
                f"{tracked_file}: {len(weights)} frames instead of {FRAMES_PER_CLIP}; track this clip again."
            )
        track = {
            "time": np.arange(FRAMES_PER_CLIP) / RATE,
            "landmarks": rig.landmarks(weights).astype(np.float32),
            "expression": channels,
            "blendshapes": weights,
        }
        track_file = out / "tracks" / tracked_file.name
        write_atomically(track_file, lambda stream, track=track: np.savez_compressed(stream, **track))
        wav_file = out / "audio" / f"{tracked_file.stem}.wav"
        if not wav_file.exists():
            write_wav(wav_file, read_sound(data / GRID_FOLDER / f"{tracked_file.stem}.mpg"))
    if not motions:
        raise SystemExit(f"{tracked}: holds no tracked clips; run samples.actor.track first.")
    return motions


def write_card(out: Path, names: list[str], width: int, height: int) -> None:
    """footage.json; refuses to continue a folder that was begun with other settings."""
    test, _ = choose_clips(names)
    card = {
        "format": "talksplat footage",
        "version": 1,
        "name": "actor",
        "rate": f"{RATE}/1",
        "width": width,
        "height": height,
        "colour_space": "srgb_rec709_display",
        "expression_names": list(EXPRESSION_CHANNELS),
        "clips": [{"name": n, "audio": f"audio/{n}.wav", "split": "test" if n in test else "train"} for n in names],
        "licence": LICENCE,
        "provenance": PROVENANCE,
    }
    card_file = out / "footage.json"
    if card_file.exists() and json.loads(card_file.read_text()) != card:
        raise SystemExit(f"{card_file}: was begun with other settings; choose another --out or delete the folder.")
    text = json.dumps(card, indent=1).encode()
    write_atomically(card_file, lambda stream: stream.write(text))


class Table:
    """The rows of frames.npz so far; row i is picture i."""

    def __init__(self, out: Path, rig: Rig, names: list[str], motions: dict, width: int, height: int) -> None:
        self.file, self.rig, self.names, self.motions = out / "frames.npz", rig, names, motions
        self.intrinsics = cameras.intrinsics(width, height)

    def write(self, shots: list[Shot]) -> None:
        weights = np.stack([self.motions[shot.clip][0][shot.frame] for shot in shots])
        viewmats = np.stack([cameras.viewmat(shot.camera) for shot in shots])
        landmarks = self.rig.landmarks(weights).astype(np.float64)
        pixels = [project(points, viewmat, self.intrinsics)[0] for points, viewmat in zip(landmarks, viewmats)]
        columns = {
            "clip": np.array([self.names.index(shot.clip) for shot in shots], np.int32),
            "time": np.array([shot.frame / RATE for shot in shots], np.float64),
            "split": np.array([shot.split for shot in shots], np.uint8),
            "viewmat": viewmats.astype(np.float64),
            "K": np.tile(self.intrinsics, (len(shots), 1, 1)),
            "landmarks2d": np.array(pixels, np.float32),
            "expression": np.stack([self.motions[shot.clip][1][shot.frame] for shot in shots]).astype(np.float32),
        }
        write_atomically(self.file, lambda stream: np.savez_compressed(stream, **columns))

    def rows(self) -> int:
        if not self.file.exists():
            return 0
        with np.load(self.file, allow_pickle=False) as stored:
            return len(stored["clip"])


def render_shots(studio, table: Table, shots: list[Shot], out: Path, width: int, height: int) -> None:
    """Render what is missing, in the plan's order, with progress and expected end on stderr."""
    for folder in ("image", "label", "depth"):
        (out / folder).mkdir(exist_ok=True)
    done = table.rows()
    begun = time.monotonic()
    for index in range(done, len(shots)):
        shot = shots[index]
        weights, channels = table.motions[shot.clip]
        studio.pose(weights[shot.frame], channels[shot.frame, GAZE])
        viewmat = cameras.viewmat(shot.camera)
        studio.shoot(viewmat, cameras.focal(height), out / "image" / f"{index:06d}.png", seed=index)
        labels, depth = label_and_depth(studio.parts(), viewmat, table.intrinsics, width, height)
        Image.fromarray(labels).save(out / "label" / f"{index:06d}.png")
        Image.fromarray(depth).save(out / "depth" / f"{index:06d}.png")
        if (index + 1) % GROUP == 0 or index + 1 == len(shots):
            table.write(shots[: index + 1])
        each = (time.monotonic() - begun) / (index + 1 - done)
        end = time.strftime("%H:%M", time.localtime(time.time() + each * (len(shots) - index - 1)))
        print(f"picture {index + 1}/{len(shots)}, {each:.2f} s each, ends {end}", file=sys.stderr, flush=True)


def main() -> None:
    from .scene import Studio  # bpy takes a second to load: not for --help

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--tracked", type=Path, required=True, help="folder that samples.actor.track wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=512, help="width and height in pixels")
    parser.add_argument("--samples", type=int, default=8, help="paths per pixel before denoising")
    parser.add_argument("--most", type=int, default=None, help="stop after this many pictures of the plan")
    arguments = parser.parse_args()
    size, out = arguments.size, arguments.out.resolve()
    rig = load_rig(arguments.data)
    out.mkdir(parents=True, exist_ok=True)
    motions = write_clips(rig, arguments.data, arguments.tracked, out)
    names = sorted(motions)
    write_card(out, names, size, size)
    table = Table(out, rig, names, motions, size, size)
    shots = plan_shots(names)[: arguments.most]
    render_shots(Studio(rig, size, size, arguments.samples), table, shots, out, size, size)


if __name__ == "__main__":
    main()
