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
from ..metrics import (
    LipOffset,
    is_certain,
    is_unrelated,
    jitter,
    lip_gap,
    offset_stretches,
    pool_offsets,
    speech_share,
)
from ..tracking import FRONTAL_ROTATION, INNER_LANDMARKS
from .backdrop_leak import total_leak
from .extract import ExtractedClip
from .prepared_clips import PreparedClips
from .probe import ClipVoice
from .source_clip import SourceClip

MIN_AMPLITUDE = 1e-3  # below it a voice's loudness says nothing


@dataclass(frozen=True)
class ClipRow:
    """A clip of the footage."""

    name: str
    split: str  # "test" or "train"
    seconds: float
    frame_count: int
    picture_count: int
    damaged_count: int  # frames
    error: float  # pixels between detected and fitted points, median
    error_share: float  # the same over the face's width
    residual: np.ndarray  # [T] pixels, of frames with a face
    jitter: float  # pixels, mean second difference in time of the landmarks on the face
    angles: np.ndarray  # [T,3] degrees: yaw, pitch, roll
    lip_gap: np.ndarray  # [T] millimetres
    sync: Sequence[LipOffset]  # of the lips against the voice's loudness, in stretches; none in a very short clip
    speech: float  # share 0..1 of the sound
    extracted: ExtractedClip
    voice: ClipVoice

    @property
    def certain_sync(self) -> LipOffset | None:
        """Of the whole clip; None where it is too short to tell."""
        return pool_offsets(self.sync) if is_certain(self.sync) else None


def make_row(clip: SourceClip, prepared: PreparedClips, sound_file: Path) -> ClipRow:
    """The row of a clip; reads its fit and its sound."""
    fit = prepared.fit_of(clip.name)
    gap, sound = 1e3 * lip_gap(fit.landmarks), load_sound(sound_file)
    return ClipRow(
        clip.name,
        prepared.split_of(clip.name),
        clip.seconds,
        len(gap),
        len(prepared.selections[clip.name].frames),
        prepared.damaged[clip.name],
        fit.error,
        fit.error / max(fit.face_width, 1e-6),
        fit.residual[fit.seen],
        jitter(fit.landmarks2d[:, INNER_LANDMARKS]),
        head_angles(fit.viewmat).astype(np.float32),
        gap.astype(np.float32),
        offset_stretches(gap, frame_loudness(sound.samples, len(gap), clip.rate), clip.rate),
        speech_share(sound.samples, sound.rate),
        prepared.extracted[clip.name],
        prepared.voices[clip.name],
    )


def frame_loudness(samples: np.ndarray, count: int, rate: Fraction) -> np.ndarray:
    """[T] dB of a sound [L] about each frame's time (from the frame before to the frame after), silence at a floor."""
    total = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    centre = np.round(np.arange(count) * float(SOUND_RATE / rate)).astype(np.int64)
    half = int(SOUND_RATE / rate)
    low, high = (np.clip(centre + side, 0, len(samples)) for side in (-half, half))
    mean = (total[high] - total[low]) / np.maximum(high - low, 1)
    return 20 * np.log10(np.maximum(np.sqrt(mean), MIN_AMPLITUDE))


def head_angles(
    viewmat: np.ndarray,  # [T,4,4] head space -> OpenCV camera
) -> np.ndarray:
    """[T,3] degrees: yaw (to the head's own left +), pitch (down +), roll (towards its own left shoulder +).

    0, 0, 0 looks into the camera: head space's +X to the picture's right, +Z up, -Y towards the lens.
    """
    rotation = viewmat[:, :3, :3] @ FRONTAL_ROTATION.T
    yaw = np.arctan2(rotation[:, 0, 2], rotation[:, 2, 2])
    pitch = np.arcsin(np.clip(-rotation[:, 1, 2], -1, 1))
    roll = np.arctan2(rotation[:, 1, 0], rotation[:, 1, 1])
    return np.degrees(np.stack([-yaw, pitch, roll], axis=1))


def summarize(rows: Sequence[ClipRow]) -> dict:
    """Figures over all clips, as JSON values; the keys of 0.1.0's result keep their names.

    lips_late_frames and lips_r: None where the clips are too short to tell. lips_follow_sound: None there too, False
    where they are long enough and the lips do not follow."""
    stretches = [stretch for row in rows for stretch in row.sync]
    sync = pool_offsets(stretches) if is_certain(stretches) else None
    seconds = sum(row.seconds for row in rows)
    return {
        "damaged": sum(row.damaged_count for row in rows),
        "seconds": round(seconds, 2),
        "speech_percent": round(100 * sum(row.speech * row.seconds for row in rows) / seconds, 1),
        "off_px": _median([row.error for row in rows], 3),
        "off_percent_of_face": round(100 * float(np.median([row.error_share for row in rows])), 3),
        "tremble_px": _median([row.jitter for row in rows], 3),
        "gap_mm_95": round(float(np.percentile(np.concatenate([row.lip_gap for row in rows]), 95)), 2),
        "backdrop_drift": _median([row.extracted.drift for row in rows], 2),
        "backdrop_left": _median([row.extracted.residual_drift for row in rows], 2),
        "leak_percent": round(100 * total_leak({row.name: row.extracted for row in rows}), 2),
        "lips_late_frames": None if sync is None or sync.fine is None else round(sync.fine, 2),
        "lips_r": None if sync is None else round(sync.r, 3),
        "lips_follow_sound": True if sync is not None else False if is_unrelated(stretches) else None,
    }


def _median(values: Sequence[float], digits: int) -> float:
    return round(float(np.median(values)), digits)
