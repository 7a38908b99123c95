# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage `detect`: face landmarks and blendshapes of every frame of a clip, and how much its pictures change.

Letters: T frames of a clip, H W a picture's size.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache as cached
from pathlib import Path

import numpy as np
from PIL import Image

from ..formats import UserError
from ..tracking import BLENDSHAPES, LANDMARK_COUNT, LANDMARKER_MODEL, Landmarker
from .prepare_settings import MAX_LOST_SHARE, VERSION
from .source_clip import SourceClip, read_clip
from .stage_cache import Key, StageCache, fingerprint, model_fingerprint

STAGE = "detect"
SHAPES = {
    "faces": ("T",),
    "points": ("T", LANDMARK_COUNT, 3),
    "blendshapes": ("T", len(BLENDSHAPES)),
    "colour_change": ("T",),
    "damaged": ("T",),
    "sample": (None, None, 3),
}
SAMPLE_PLACE = 0.5  # of the clip: its sample picture, for the backdrop, is the middle one
MAX_PICTURE_SIDE = 1280  # pixels: a face is found in smaller pictures as well as in larger ones
COLOUR_LEVELS = 8  # of the histogram, each of red, green and blue
HISTOGRAM_SIDE = 64  # pixels of the picture whose colours are counted
REPORT_EVERY = 5  # frames
CHEEKS = (234, 454)  # MediaPipe's outermost points of the face


@dataclass(frozen=True)
class Detection:
    """What was detected in a clip."""

    faces: np.ndarray  # [T] uint8: number of faces; 0 in a damaged picture, where none is looked for
    points: np.ndarray  # [T,478,3] float32 square pixels of the video; 0 where there is no face
    blendshapes: np.ndarray  # [T,52] float32
    colour_change: np.ndarray  # [T] float32: share of the picture's colours that the frame before had not
    damaged: np.ndarray  # [T] bool: broken or missing in the file
    sample: np.ndarray  # [H,W,3] uint8: a picture of the clip, at most MAX_PICTURE_SIDE pixels a side

    @property
    def seen(self) -> np.ndarray:
        """[T] bool: frames with a face."""
        return self.faces > 0

    @property
    def face_width(self) -> float:
        """Pixels, the median over the frames with a face; 0 without."""
        if not self.seen.any():
            return 0.0
        left, right = (self.points[self.seen][:, cheek, :2] for cheek in CHEEKS)
        return float(np.median(np.linalg.norm(left - right, axis=1)))

    @staticmethod
    def empty(count: int, sample: np.ndarray) -> "Detection":
        """Of `count` frames without a face, to be filled in."""
        return Detection(
            np.zeros(count, np.uint8),
            np.zeros((count, LANDMARK_COUNT, 3), np.float32),
            np.zeros((count, len(BLENDSHAPES)), np.float32),
            np.zeros(count, np.float32),
            np.zeros(count, bool),
            sample,
        )


def cache_key(clip: SourceClip, probe_key: Key) -> Key:
    """The fingerprint of what this stage finds in a clip."""
    return fingerprint(
        VERSION, STAGE, model_fingerprint(LANDMARKER_MODEL), probe_key, clip.name, clip.span.first, clip.span.count
    )


def load_detection(cache: StageCache, clip: SourceClip, key: Key) -> Detection:
    """A clip's, from the cache. Raises RuntimeError where it is missing: our own mistake."""
    arrays = cache.get(STAGE, clip.name, key, SHAPES)
    if arrays is None:
        raise RuntimeError(f"the detection of {clip.name} is needed, but is not in the cache")
    return Detection(**arrays)


def detect(clip: SourceClip, key: Key, work: Path, report_steps: Callable[[int], None]) -> None:
    """Raises UserError when the video ends before the clip does."""
    count = clip.span.count
    detection = Detection.empty(count, np.zeros((0, 0, 3), np.uint8))
    sample, colours_before, frames_read = detection.sample, None, 0
    for k, rgb, damaged in read_clip(clip, _picture_size(clip)):
        detection.damaged[k] = damaged
        if not damaged:
            _detect_face(detection, k, rgb, clip.size[0] / rgb.shape[1])
        colours = _colour_histogram(rgb)
        if colours_before is not None:
            detection.colour_change[k] = np.abs(colours - colours_before).sum() / 2
        colours_before = colours
        if not sample.size or (k <= sample_frame(clip) and not damaged):
            sample = rgb
        if (k + 1) % REPORT_EVERY == 0:
            report_steps(REPORT_EVERY)
        frames_read = k + 1
    report_steps(count % REPORT_EVERY)
    if frames_read < count - MAX_LOST_SHARE * count:
        raise UserError(
            f"{clip.path}: its pictures end after {frames_read} of {count} frames of {clip.name}; the file is cut "
            "short, export it again."
        )
    StageCache(work).put(STAGE, clip.name, key, {**vars(detection), "sample": sample})


def sample_frame(clip: SourceClip) -> int:
    """The frame of the clip's sample picture."""
    return int(SAMPLE_PLACE * clip.span.count)


def _picture_size(clip: SourceClip) -> tuple[int, int] | None:
    """Width, height in which faces are looked for; None: as filmed."""
    scale = min(1.0, MAX_PICTURE_SIDE / max(clip.size))
    return None if scale == 1.0 else (round(clip.size[0] * scale), round(clip.size[1] * scale))


def _detect_face(detection: Detection, k: int, rgb: np.ndarray, scale: float) -> None:
    """Fill in frame k. scale: pixels of the video for one of `rgb`."""
    face = _landmarker().detect(rgb)
    if face is not None:
        detection.faces[k] = face.face_count
        detection.points[k] = face.points * scale
        detection.blendshapes[k] = face.blendshapes


@cached
def _landmarker() -> Landmarker:
    """One for each process: opening it takes longer than a short clip."""
    return Landmarker()


def _colour_histogram(rgb: np.ndarray) -> np.ndarray:
    """[512] shares of the picture that have each colour."""
    small = Image.fromarray(rgb).resize((HISTOGRAM_SIDE, HISTOGRAM_SIDE), Image.Resampling.BOX)
    levels = np.asarray(small).astype(np.int64) * COLOUR_LEVELS // 256
    code = (levels[..., 0] * COLOUR_LEVELS + levels[..., 1]) * COLOUR_LEVELS + levels[..., 2]
    return np.bincount(code.ravel(), minlength=COLOUR_LEVELS**3) / code.size
