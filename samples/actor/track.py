# SPDX-License-Identifier: GPL-3.0-or-later
"""Real speech from real video: what MediaPipe measures on a GRID clip, frame by frame.

One `.npz` per clip, as measured and not yet corrected (`motion.py` turns it into rig expressions):

    names       [52]         MediaPipe's (ARKit's) blendshape names
    blendshapes [T, 52]      0..1
    landmarks   [T, 478, 2]  pixels, x right, y down
    size        [2]          picture width, height in pixels

Needs an environment with `mediapipe==0.10.21`, `av`, `numpy` and this package (`pip install --no-deps -e .`):

    python -m talksplat.samples.actor.track --data ../shared/data --out ../footage/tracked
"""

import argparse
import sys
import time
from pathlib import Path

import av
import mediapipe
import numpy as np
from mediapipe.tasks import python as tasks
from mediapipe.tasks.python import vision

from ...core.formats import atomic_write

GRID_FOLDER = "grid_s1_train"
MOST_LOST_PICTURES = 15  # one stream (sbbh4p) begins with 12 grey pictures, in silence: those get the first face
LANDMARKER = "weights/mediapipe/face_landmarker.task"


def open_landmarker(model_file: Path) -> vision.FaceLandmarker:
    """A landmarker for independent pictures.

    Picture mode, not video mode: the video mode filters in time with a delay, and a lip that closes
    two frames late is exactly the fault this dataset must not have.
    """
    if not model_file.is_file():
        raise SystemExit(f"{model_file}: the MediaPipe face landmarker is missing; pass the data folder with --data.")
    options = vision.FaceLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_path=str(model_file)),
        running_mode=vision.RunningMode.IMAGE,
        output_face_blendshapes=True,
        num_faces=1,
    )
    return vision.FaceLandmarker.create_from_options(options)


def read_pictures(clip_file: Path) -> list[np.ndarray]:
    """All pictures of a clip, each [H, W, 3] uint8 RGB."""
    with av.open(str(clip_file)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def track_clip(landmarker: vision.FaceLandmarker, clip_file: Path) -> dict[str, np.ndarray]:
    """Blendshapes and landmarks of every picture of one clip (keys as in the module's docstring)."""
    pictures = read_pictures(clip_file)
    height, width = pictures[0].shape[:2]
    results = [
        landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture)))
        for picture in pictures
    ]
    with_face = [index for index, result in enumerate(results) if result.face_landmarks]
    if len(with_face) < len(pictures) - MOST_LOST_PICTURES:
        raise SystemExit(f"{clip_file}: only {len(with_face)} pictures show a face; leave this clip out.")
    nearest = [min(with_face, key=lambda other: abs(other - index)) for index in range(len(pictures))]
    names = [category.category_name for category in results[with_face[0]].face_blendshapes[0]]
    blendshapes = [[category.score for category in results[index].face_blendshapes[0]] for index in nearest]
    landmarks = [[(p.x * width, p.y * height) for p in results[index].face_landmarks[0]] for index in nearest]
    return {
        "names": np.array(names),
        "blendshapes": np.array(blendshapes, np.float32),
        "landmarks": np.array(landmarks, np.float32),
        "size": np.array([width, height], np.int32),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    clip_files = sorted((arguments.data / GRID_FOLDER).glob("*.mpg"))
    if not clip_files:
        raise SystemExit(f"{arguments.data / GRID_FOLDER}: has no .mpg clips; pass the data folder with --data.")
    arguments.out.mkdir(parents=True, exist_ok=True)
    landmarker = open_landmarker(arguments.data / LANDMARKER)
    start = time.monotonic()
    for number, clip_file in enumerate(clip_files, 1):
        out_file = arguments.out / f"{clip_file.stem}.npz"
        if not out_file.exists():
            with atomic_write(out_file) as temporary:
                np.savez_compressed(temporary, **track_clip(landmarker, clip_file))
        remaining = (time.monotonic() - start) / number * (len(clip_files) - number)
        print(f"\rtracked {number}/{len(clip_files)} clips, {remaining:.0f} s left", end="", file=sys.stderr)
    print(file=sys.stderr)


if __name__ == "__main__":
    main()
