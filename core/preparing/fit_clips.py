# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage `fit`: the rig fitted to a clip's frames; where the head is, what the face does, and the expression
channels that a head is conditioned on.

Letters: T frames, E = 53 rig expressions, C channels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..tracking import EXPRESSION_CHANNELS, expression_channels, fit_clip, load_rig
from .detect import load_detection
from .identity import PersonIdentity, load_identity
from .prepare_settings import MAX_FIT_ERROR, MAX_FRAME_ERROR, VERSION
from .source_clip import SourceClip
from .stage_cache import Key, StageCache, fingerprint

STAGE = "fit"
SHAPES = {
    "viewmat": ("T", 4, 4),
    "weights": ("T", None),
    "landmarks": ("T", 68, 3),
    "landmarks2d": ("T", 68, 2),
    "residual": ("T",),
    "seen": ("T",),
    "channels": ("T", len(EXPRESSION_CHANNELS)),
    "face_width": (),
}


@dataclass(frozen=True)
class ClipFit:
    """Pose and expression of every frame of a clip. Pixels are the video's."""

    viewmat: np.ndarray  # [T,4,4] float64 head space -> OpenCV camera
    weights: np.ndarray  # [T,E] float32 0..1
    landmarks: np.ndarray  # [T,68,3] float32 metres, head space
    landmarks2d: np.ndarray  # [T,68,2] float32 pixels
    residual: np.ndarray  # [T] float32 pixels between detected and fitted points, a frame's median; 0 where not seen
    seen: np.ndarray  # [T] bool
    channels: np.ndarray  # [T,C] float32
    face_width: float  # pixels, the clip's median

    @property
    def error(self) -> float:
        """Pixels between detected and fitted points, the median over the frames."""
        return float(np.median(self.residual[self.seen])) if self.seen.any() else 0.0

    @property
    def usable(self) -> np.ndarray:
        """[T] bool: frames whose picture shows what the fit says."""
        return self.seen & (self.residual < MAX_FRAME_ERROR * self.face_width)

    def fault(self) -> str:
        """Why this clip cannot be used, as words that follow its name; empty where it can."""
        if self.error > MAX_FIT_ERROR * self.face_width:
            share = 100 * self.error / self.face_width
            return (
                f"could not be tracked (the median error is {self.error:.1f} pixels, {share:.0f} % of the face's "
                "width); does it show another person, or a face turned away?"
            )
        if not self.usable.any():
            return "has no frame whose face could be tracked; film the face from the front, well lit"
        return ""


def cache_key(detect_key: Key, identity: PersonIdentity, clip: SourceClip) -> Key:
    """The fingerprint of a clip's fit."""
    return fingerprint(VERSION, STAGE, detect_key, identity.key, clip.rate)


def load_fit(cache: StageCache, name: str, key: Key) -> ClipFit:
    """A clip's, from the cache. Raises RuntimeError where it is missing: our own mistake."""
    arrays = cache.get(STAGE, name, key, SHAPES)
    if arrays is None:
        raise RuntimeError(f"the fit of {name} is needed, but is not in the cache")
    seen, face_width = arrays.pop("seen").astype(bool), float(arrays.pop("face_width"))
    return ClipFit(seen=seen, face_width=face_width, **arrays)


def fit(
    clip: SourceClip, detect_key: Key, identity_key: Key, key: Key, work: Path, report_steps: Callable[[int], None]
) -> None:
    """Fit the rig to a clip."""
    cache = StageCache(work)
    detection, identity = load_detection(cache, clip, detect_key), load_identity(cache, identity_key)
    seen, rate = detection.seen, float(clip.rate)
    track = fit_clip(detection.points, seen, identity.K, load_rig(), identity.face, rate)
    clip_fit = ClipFit(
        track.viewmat,
        track.expression,
        track.landmarks,
        track.landmarks2d,
        np.where(seen, track.residual, 0).astype(np.float32),
        seen,
        expression_channels(detection.blendshapes, identity.rest_levels, rate, seen),
        detection.face_width,
    )
    cache.put(STAGE, clip.name, key, {name: np.asarray(value) for name, value in vars(clip_fit).items()})
    report_steps(clip.span.count)
