# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report says of a clip, as numbers.

Letters: T frames, L samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..audio import SOUND_RATE, load_sound
from ..metrics import MAX_SHIFT, LipOffset, jitter, lip_gap, lip_offset, pool_offsets
from ..tracking import FRONTAL_ROTATION, INNER_LANDMARKS
from .clips import SourceClip
from .extract import ExtractedClip
from .fit_clips import Fit
from .prepare_settings import LATE, TELLING
from .probe import ClipVoice

FLOOR = 1e-3  # amplitude below which a voice's loudness says nothing


@dataclass(frozen=True)
class ClipRow:
    """A clip that is kept."""

    name: str
    test: bool
    seconds: float
    frames: int
    pictures: int
    damaged: int  # frames
    off: float  # pixels between seen and fitted points, median
    off_share: float  # the same over the face's width
    residual: np.ndarray  # [T] pixels, of frames with a face
    tremble: float  # pixels, mean second difference in time of the landmarks on the face
    turns: np.ndarray  # [T,3] degrees: yaw, pitch, roll
    gap: np.ndarray  # [T] millimetres between the inner lips
    sync: LipOffset | None  # of the lips against the voice's loudness; None for a very short clip
    painted: ExtractedClip
    voice: ClipVoice


def row_of(
    clip: SourceClip,
    test: bool,
    fit: Fit,
    painted: ExtractedClip,
    voice: ClipVoice,
    pictures: int,
    damaged: int,
    audio: Path,
) -> ClipRow:
    gap = 1e3 * lip_gap(fit.landmarks)
    sync = lip_offset(gap, loudness(audio, len(gap), clip.rate), clip.rate) if len(gap) >= 3 * MAX_SHIFT + 8 else None
    return ClipRow(
        clip.name,
        test,
        clip.seconds,
        len(gap),
        pictures,
        damaged,
        fit.off,
        fit.off / max(fit.face_width, 1e-6),
        fit.residual[fit.seen],
        jitter(fit.landmarks2d[:, INNER_LANDMARKS]),
        turns_of(fit.viewmat).astype(np.float32),
        gap.astype(np.float32),
        sync,
        painted,
        voice,
    )


def loudness(path: Path, count: int, rate: Fraction) -> np.ndarray:
    """[T] decibels of the sound about each frame's time (the frame before to the frame after), quiet ones alike."""
    samples = load_sound(path).samples
    total = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    centre = np.round(np.arange(count) * float(SOUND_RATE / rate)).astype(np.int64)
    half = int(SOUND_RATE / rate)
    low, high = (np.clip(centre + side, 0, len(samples)) for side in (-half, half))
    mean = (total[high] - total[low]) / np.maximum(high - low, 1)
    return 20 * np.log10(np.maximum(np.sqrt(mean), FLOOR))


def turns_of(
    viewmat: np.ndarray,  # [T,4,4] head space -> OpenCV camera
) -> np.ndarray:
    """[T,3] degrees about 0: yaw (to the head's own left +), pitch (down +), roll (towards its own left shoulder +).

    0, 0, 0 looks into the camera: head space's +X to the picture's right, +Z up, -Y towards the lens.
    """
    turn = viewmat[:, :3, :3] @ FRONTAL_ROTATION.T
    yaw = np.arctan2(turn[:, 0, 2], turn[:, 2, 2])
    pitch = np.arcsin(np.clip(-turn[:, 1, 2], -1, 1))
    roll = np.arctan2(turn[:, 1, 0], turn[:, 1, 1])
    return np.degrees(np.stack([-yaw, pitch, roll], axis=1))


def summary(rows: Sequence[ClipRow]) -> dict:
    """Figures over all clips, as JSON values."""
    curves_of = [row.sync for row in rows if row.sync is not None]
    sync = pool_offsets(curves_of) if curves_of else None
    return {
        "damaged": sum(row.damaged for row in rows),
        "seconds": round(sum(row.seconds for row in rows), 2),
        "off_px": _figure(np.median([row.off for row in rows]), 3),
        "off_percent_of_face": _figure(100 * np.median([row.off_share for row in rows]), 3),
        "tremble_px": _figure(np.median([row.tremble for row in rows]), 3),
        "gap_mm_95": _figure(np.percentile(np.concatenate([row.gap for row in rows]), 95), 2),
        "backdrop_drift": _figure(np.median([row.painted.drift for row in rows]), 2),
        "backdrop_left": _figure(np.median([row.painted.left for row in rows]), 2),
        "lips_late_frames": None if sync is None or sync.fine is None else _figure(sync.fine, 2),
        "lips_r": None if sync is None else _figure(sync.r, 3),
    }


def lateness(whole: dict, rate: Fraction) -> str:
    """A sentence where the lips come clearly after or before the sound; else empty."""
    frames = whole["lips_late_frames"]
    if frames is None or whole["seconds"] < TELLING or whole["lips_r"] < LATE[1] or abs(frames) <= LATE[0]:
        return ""
    side = "late" if frames > 0 else "early"
    milliseconds = 1000 * abs(frames) / float(rate)
    return (
        f"the lips seem {abs(frames):.1f} frames ({milliseconds:.0f} ms) {side} against the voice's loudness; if "
        "that is so, shift the sound in the videos and prepare again."
    )


def _figure(value: float, digits: int) -> float:
    return round(float(value), digits)
