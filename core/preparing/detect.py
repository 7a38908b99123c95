# SPDX-License-Identifier: GPL-3.0-or-later
"""Every frame of a clip, looked at once: face landmarks and blendshapes, sharpness, how much the picture changes.

Letters: T frames of a clip, H W a picture's size.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from ..formats import UserError
from ..tracking import BLENDSHAPES, LANDMARK_COUNT, LANDMARKER_MODEL, Landmarker
from .clips import SourceClip, pictures
from .prepare_settings import CUT, LEAP, MOST_CROWDED, MOST_LOST, OTHER_FRAMING, SHORTEST, SMALLEST, VERSION
from .stage_cache import Key, StageCache, fingerprint, model_print

STAGE = "look"
WANTED = {
    "faces": ("T",),
    "points": ("T", LANDMARK_COUNT, 3),
    "blendshapes": ("T", len(BLENDSHAPES)),
    "jump": ("T",),
    "sharpness": ("T",),
    "damaged": ("T",),
    "sample": (None, None, 3),
}
SAMPLE = 0.5  # place of the clip's sample picture, for the backdrop: the middle
LARGEST = 1280  # pixels: a face is found in smaller pictures as well as in larger ones
LEVELS = 8  # a colour of the histogram, each of red, green and blue
SMALL = 64  # pixels of the picture whose colours are counted
TOLD = 5  # frames between two words
CHEEKS = (234, 454)  # MediaPipe's outermost points of the face
NOSE = 1  # its tip
STAYS = 3  # frames that a face is at its new place after a cut; a wrong sighting is gone sooner


@dataclass(frozen=True)
class Detection:
    """What was seen of a clip."""

    faces: np.ndarray  # [T] uint8: how many faces; none is looked for in a damaged picture
    points: np.ndarray  # [T,478,3] float32 pixels of the video, square ones; 0 where no face is
    blendshapes: np.ndarray  # [T,52] float32
    jump: np.ndarray  # [T] float32: share of the colours that are others than a frame before
    sharpness: np.ndarray  # [T] float32: standard deviation of the Laplacian of the face, grey levels
    damaged: np.ndarray  # [T] bool: broken or missing in the file
    sample: np.ndarray  # [H,W,3] uint8: a picture of the clip, at most LARGEST pixels a side

    @property
    def seen(self) -> np.ndarray:
        """[T] bool."""
        return self.faces > 0

    @property
    def face_width(self) -> float:
        """Pixels, the median over the frames with a face; 0 without."""
        if not self.seen.any():
            return 0.0
        left, right = (self.points[self.seen][:, cheek, :2] for cheek in CHEEKS)
        return float(np.median(np.linalg.norm(left - right, axis=1)))


def key_of(clip: SourceClip, survey_key: Key) -> Key:
    return fingerprint(
        VERSION, STAGE, model_print(LANDMARKER_MODEL), survey_key, clip.name, clip.span.first, clip.span.count
    )


def detected(store: StageCache, clip: SourceClip, key: Key) -> Detection | None:
    found = store.get(STAGE, clip.name, key, WANTED)
    return None if found is None else Detection(**{name: found[name] for name in WANTED})


def detect(clip: SourceClip, key: Key, work: Path, tell: Callable[[int], None]) -> None:
    """Raises UserError when the video ends before the clip does."""
    count, shrink = clip.span.count, min(1.0, LARGEST / max(clip.size))
    size = None if shrink == 1.0 else (round(clip.size[0] * shrink), round(clip.size[1] * shrink))
    found = {
        "faces": np.zeros(count, np.uint8),
        "points": np.zeros((count, LANDMARK_COUNT, 3), np.float32),
        "blendshapes": np.zeros((count, len(BLENDSHAPES)), np.float32),
        "jump": np.zeros(count, np.float32),
        "sharpness": np.zeros(count, np.float32),
        "damaged": np.zeros(count, bool),
    }
    before = sample = None
    ended = 0
    for k, rgb, damaged in pictures(clip, size):
        found["damaged"][k] = damaged
        seen, colours = None if damaged else _landmarker().detect(rgb), _histogram(rgb)
        if seen is not None:
            found["faces"][k], found["blendshapes"][k] = seen.face_count, seen.blendshapes
            found["points"][k] = seen.points * (clip.size[0] / rgb.shape[1])
            found["sharpness"][k] = _sharpness(rgb, seen.points)
        if before is not None:
            found["jump"][k] = np.abs(colours - before).sum() / 2
        before = colours
        if sample is None or (k <= sample_index(clip) and not damaged):
            sample = rgb
        if (k + 1) % TOLD == 0:
            tell(TOLD)
        ended = k + 1
    tell(count % TOLD)
    if ended < count - MOST_LOST * count:
        raise UserError(
            f"{clip.path}: its pictures end after {ended} of {count} frames of {clip.name}; the file is cut "
            "short, export it again."
        )
    StageCache(work).put(STAGE, clip.name, key, {**found, "sample": sample})


def sample_index(clip: SourceClip) -> int:
    """The frame of the clip's sample picture."""
    return int(SAMPLE * clip.span.count)


def misfits(clips: Sequence[SourceClip], widths: dict[str, float]) -> dict[str, str]:
    """Clips that are filmed otherwise than most: name -> words that follow it. widths: pixels of the face."""
    sizes = Counter(clip.size for clip in clips)
    usual = max(sizes, key=lambda size: (sizes[size], size)) if sizes else (0, 0)
    middle = float(np.median([widths[clip.name] for clip in clips if clip.size == usual])) if sizes else 0.0
    out = {}
    for clip in clips:
        if clip.size != usual:
            out[clip.name] = (
                f"is {clip.size[0]}x{clip.size[1]} pixels, the other clips {usual[0]}x{usual[1]}; "
                "scale it, or prepare it by itself"
            )
        elif not 1 / OTHER_FRAMING < widths[clip.name] / middle < OTHER_FRAMING:
            out[clip.name] = (
                f"shows the face {widths[clip.name]:.0f} pixels wide, the other clips {middle:.0f}; "
                "prepare takes of another framing by themselves"
            )
    return out


def fault(clip: SourceClip, seen: Detection) -> str:
    """Why this clip cannot be used, in words that follow its name; empty where it can."""
    count, with_face, damaged = len(seen.faces), int(seen.seen.sum()), int(seen.damaged.sum())
    if damaged > MOST_LOST * count:
        return f"is damaged: {damaged} of its {count} frames are broken or missing; copy or export it again"
    if with_face < (1 - MOST_LOST) * count or with_face < SHORTEST * clip.rate / 2:
        return f"shows a face in only {with_face} of {count} frames; film the face from the front, well lit"
    if (seen.faces > 1).mean() > MOST_CROWDED:
        return f"shows several faces in {int((seen.faces > 1).sum())} of {count} frames; crop the video to one person"
    cuts = cuts_of(seen)
    if len(cuts):
        moments = ", ".join(f"{float(k / clip.rate):.2f} s" for k in cuts[:3])
        return f"is cut at {moments}{' and more' if len(cuts) > 3 else ''}; give every take as a file of its own"
    if seen.face_width < SMALLEST:
        return (
            f"shows a face only {seen.face_width:.0f} pixels wide, at least {SMALLEST:.0f} are needed; "
            "film closer or give the video at full size"
        )
    return ""


def cuts_of(seen: Detection) -> np.ndarray:
    """Frames that begin another take: the picture's colours change at once, or the face leaps and stays there.

    A stream that begins with grey pictures is not cut: no face is there before.
    """
    both = np.flatnonzero(seen.seen[1:] & seen.seen[:-1]) + 1
    nose, far = seen.points[:, NOSE, :2], LEAP * max(seen.face_width, 1.0)
    cuts = []
    for k in both:
        before, after = (nose[part][seen.seen[part]] for part in (slice(max(k - STAYS, 0), k), slice(k, k + STAYS)))
        stays = np.linalg.norm(np.median(after, axis=0) - np.median(before, axis=0)) > far
        if seen.jump[k] > CUT or (stays and np.linalg.norm(nose[k] - nose[k - 1]) > far):
            cuts.append(k)
    return np.array(cuts, np.int64)


@cache
def _landmarker() -> Landmarker:
    """One a process: opening costs more than looking at a short clip."""
    return Landmarker()


def _histogram(rgb: np.ndarray) -> np.ndarray:
    """[512] shares of the picture that have each colour."""
    small = np.asarray(Image.fromarray(rgb).resize((SMALL, SMALL), Image.Resampling.BOX)).astype(np.int64)
    steps = small * LEVELS // 256
    code = (steps[..., 0] * LEVELS + steps[..., 1]) * LEVELS + steps[..., 2]
    return np.bincount(code.ravel(), minlength=LEVELS**3) / code.size


def _sharpness(rgb: np.ndarray, points: np.ndarray) -> float:
    low = np.maximum(points[:, :2].min(axis=0).astype(int), 0)
    high = points[:, :2].max(axis=0).astype(int)
    grey = rgb[low[1] : high[1], low[0] : high[0]].astype(np.float32).mean(axis=2)
    if min(grey.shape) < 3:
        return 0.0
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    return float(laplacian.std())
