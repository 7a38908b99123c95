# SPDX-License-Identifier: GPL-3.0-or-later
"""The rig fitted to a clip's frames: where the head is, what the face does, the channels that a head is conditioned on.

Letters: T frames, E = 53 rig expressions, C channels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..tracking import EXPRESSION_CHANNELS, expression_channels, fit_clip, load_rig
from .clips import SourceClip
from .detect import detected
from .identity import PersonIdentity, known
from .prepare_settings import VERSION, WORST_FIT, WORST_FRAME
from .stage_cache import Key, StageCache, fingerprint

STAGE = "fit"
WANTED = {
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
class Fit:
    """A clip's track. Pixels are the video's."""

    viewmat: np.ndarray  # [T,4,4] float64 head space -> OpenCV camera
    weights: np.ndarray  # [T,E] float32 0..1
    landmarks: np.ndarray  # [T,68,3] float32 metres, head space
    landmarks2d: np.ndarray  # [T,68,2] float32 pixels
    residual: np.ndarray  # [T] float32 pixels between seen and fitted points, the median of a frame; 0 where not seen
    seen: np.ndarray  # [T] bool
    channels: np.ndarray  # [T,C] float32
    face_width: float  # pixels, the clip's median

    @property
    def off(self) -> float:
        """Median over the frames, pixels."""
        return float(np.median(self.residual[self.seen])) if self.seen.any() else 0.0

    @property
    def good(self) -> np.ndarray:
        """[T] bool: frames whose picture shows what the track says."""
        return self.seen & (self.residual < WORST_FRAME * self.face_width)

    def fault(self) -> str:
        """Why this clip cannot be used, in words that follow its name; empty where it can."""
        if self.off > WORST_FIT * self.face_width:
            share = 100 * self.off / self.face_width
            return (
                f"could not be followed ({self.off:.1f} pixels off in the median, {share:.0f} % of the face's "
                "width); is it another person, or a face turned away?"
            )
        if not self.good.any():
            return "has no frame whose face could be followed; film the face from the front, well lit"
        return ""


def key_of(look_key: Key, facts: PersonIdentity, clip: SourceClip) -> Key:
    return fingerprint(VERSION, STAGE, look_key, facts.key, clip.rate)


def fitted(store: StageCache, name: str, key: Key) -> Fit | None:
    found = store.get(STAGE, name, key, WANTED)
    if found is None:
        return None
    return Fit(**{**found, "seen": found["seen"].astype(bool), "face_width": float(found["face_width"])})


def fit(clip: SourceClip, look_key: Key, person_key: Key, key: Key, work: Path, tell: Callable[[int], None]) -> None:
    store = StageCache(work)
    seen, facts = detected(store, clip, look_key), known(store, person_key)
    if seen is None or facts is None:
        raise RuntimeError(f"{clip.name} is to be fitted, but what it needs is not stored")
    rate = float(clip.rate)
    track = fit_clip(seen.points, seen.seen, facts.K, load_rig(), facts.identity, rate)
    channels = expression_channels(seen.blendshapes, facts.rest, rate, seen.seen)
    store.put(
        STAGE,
        clip.name,
        key,
        {
            "viewmat": track.viewmat,
            "weights": track.expression,
            "landmarks": track.landmarks,
            "landmarks2d": track.landmarks2d,
            "residual": np.where(seen.seen, track.residual, 0).astype(np.float32),
            "seen": seen.seen,
            "channels": channels,
            "face_width": np.array(seen.face_width),
        },
    )
    tell(clip.span.count)
