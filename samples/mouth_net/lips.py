# SPDX-License-Identifier: GPL-3.0-or-later
"""What a GRID talker's lips do: landmarks of a clip's pictures, and the measures of them.

Letters: T pictures.
"""

from fractions import Fraction
from pathlib import Path

import numpy as np

from ...core.formats import atomic_write
from ...core.interchange import read_video
from ...core.tracking import IBUG68, Landmarker

RATE = Fraction(25)
PIXEL_ASPECT = Fraction(16, 15)  # PAL television stored as 360 x 288, which the files do not say


def track_landmarks(landmarker: Landmarker, clip: Path) -> tuple[np.ndarray, np.ndarray]:
    """([T] seconds, [T,68,3] pixels x right, y down, z away from us); nan where no face is found."""
    times, landmarks = [], []
    for frame in read_video(clip, RATE, pixel_aspect=PIXEL_ASPECT):
        found = landmarker.detect(np.ascontiguousarray(frame.rgb))
        times.append(float(frame.time))
        landmarks.append(np.full((68, 3), np.nan) if found is None else found.points[IBUG68])
    return np.array(times), np.array(landmarks, np.float32)


def load_tracks(clips: list[Path], cache: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Clip's name -> `track_landmarks`, kept in `cache`."""
    cache.mkdir(parents=True, exist_ok=True)
    landmarker, tracks = None, {}
    for clip in clips:
        file = cache / f"{clip.stem}.npz"
        if not file.exists():
            landmarker = landmarker or Landmarker()
            times, landmarks = track_landmarks(landmarker, clip)
            with atomic_write(file) as temporary, open(temporary, "wb") as out:
                np.savez_compressed(out, times=times, landmarks=landmarks)
        with np.load(file) as stored:
            tracks[clip.stem] = stored["times"], stored["landmarks"]
    return tracks
