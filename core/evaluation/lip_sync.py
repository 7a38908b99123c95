# SPDX-License-Identifier: GPL-3.0-or-later
"""Lips of held-back clips in time: do they move as the true ones, when they should, and rest when nobody speaks?

A lip is measured in two ways: carried by the Gaussians (metres in head space, always there), and detected on drawn
pictures (as a viewer sees it; over the distance of the eye corners). Each figure says which way it was measured.

Letters: T model frames of a clip, S spans.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from ..metrics import (
    MOUTH_LANDMARKS,
    LipClosure,
    LipOffset,
    SilenceMotion,
    Span,
    closed_gap_threshold,
    correlation,
    jitter,
    lip_closure,
    lip_gap,
    lip_offset,
    pool_offsets,
    share_within,
    silence_motion,
)
from .evaluator import Evaluator

MAX_LOST = 0.2  # share of a clip's frames in which the detector may lose the face


@dataclass
class SpokenClip:
    """A clip's lips: the head's from audio alone (predicted), and the true ones (target). Gaps are [T]."""

    name: str
    times: np.ndarray  # [T] seconds
    predicted: np.ndarray  # [T,20,3] metres, carried
    target: np.ndarray  # [T,20,3] metres, tracked
    predicted_gap: np.ndarray  # metres
    target_gap: np.ndarray  # metres
    detected_gap: np.ndarray | None = None  # on drawn pictures; None where the face was lost too often
    detected_target_gap: np.ndarray | None = None  # on true pictures; None where there is not one for each frame
    audio_gap: np.ndarray | None = None  # what the audio-to-lips regression expects
    bilabials: list[Span] = field(default_factory=list)
    silences: list[Span] = field(default_factory=list)

    def gap_pair(self) -> tuple[np.ndarray, np.ndarray]:
        """(predicted, target) measured in one way: on pictures where both have them, else carried and tracked."""
        return self.detected_pair() or (self.predicted_gap, self.target_gap)

    def detected_pair(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(predicted, target) on pictures; None where one of them is missing."""
        if self.detected_gap is None or self.detected_target_gap is None:
            return None
        return self.detected_gap, self.detected_target_gap


def speak_clip(evaluator: Evaluator, clip: int) -> SpokenClip:
    """A clip spoken from its audio alone (expression zero), next to its track."""
    track = evaluator.footage.track(clip)
    neutral = np.zeros_like(track.expression)
    conditions = evaluator.conditions_at(evaluator.audio_features(clip), track.time, neutral)
    predicted, target = evaluator.carrier.track(conditions), track.landmarks.astype(np.float64)
    return SpokenClip(
        evaluator.footage.clips[clip].name,
        track.time,
        predicted[:, MOUTH_LANDMARKS],
        target[:, MOUTH_LANDMARKS],
        lip_gap(predicted),
        lip_gap(target),
    )


def fill_lost_frames(gap: np.ndarray) -> np.ndarray | None:
    """[T] with lost frames (nan) interpolated from their neighbours; None where too many were lost."""
    lost = np.isnan(gap)
    if lost.mean() > MAX_LOST:
        return None
    frames = np.arange(len(gap))
    return np.interp(frames, frames[~lost], gap[~lost])


def lip_gap_metrics(clips: Sequence[SpokenClip]) -> dict:
    """How closely the carried lip gap follows the tracked one."""
    predicted = np.concatenate([clip.predicted_gap for clip in clips])
    target = np.concatenate([clip.target_gap for clip in clips])
    r = {clip.name: round(correlation(clip.predicted_gap, clip.target_gap), 4) for clip in clips}
    return {
        "clips": len(clips),
        "moments": len(predicted),
        "r all moments": round(correlation(predicted, target), 4),
        "r mean of clips": round(float(np.mean(list(r.values()))), 4),
        "r of each clip": r,
        "mean error mm": round(float(1e3 * np.abs(predicted - target).mean()), 3),
        "spread head over truth": round(float(predicted.std() / max(target.std(), 1e-12)), 3),
        "jitter mm": round(1e3 * float(np.mean([jitter(clip.predicted) for clip in clips])), 4),
        "true jitter mm": round(1e3 * float(np.mean([jitter(clip.target) for clip in clips])), 4),
    }


def lip_offset_metrics(clips: Sequence[SpokenClip], rate: Fraction) -> dict:
    """The lip-offset score: the head's lips against what the regression expects from its audio; the true lips against
    the same, which shows what the regression is worth; and the head's lips against the true ones."""
    with_audio = [(clip, clip.audio_gap) for clip in clips if clip.audio_gap is not None]
    head, truth = [], []
    for clip, expected in with_audio:
        shown, true = clip.detected_gap, clip.detected_target_gap
        head.append(lip_offset(clip.predicted_gap if shown is None else shown, expected, rate))
        truth.append(lip_offset(clip.target_gap if true is None else true, expected, rate))
    names = [clip.name for clip, _ in with_audio]
    return {
        "measured on pictures": sum(clip.detected_gap is not None for clip, _ in with_audio),
        "head to sound": _offset_summary(head, names),
        "truth to sound": _offset_summary(truth, names),
        "head to truth": _offset_summary(
            [lip_offset(*clip.gap_pair(), rate) for clip in clips], [clip.name for clip in clips]
        ),
    }


def _offset_summary(offsets: list[LipOffset], names: list[str]) -> dict:
    if not offsets:
        return {"clips": 0}
    poolable = len({(offset.rate, len(offset.curve)) for offset in offsets}) == 1
    pooled = pool_offsets(offsets).fine if poolable else None
    return {
        "clips": len(offsets),
        "share within 1 frame": round(share_within(offsets), 4),
        "share at 0 frames": round(share_within(offsets, 0), 4),
        "pooled frames": None if pooled is None else round(pooled, 3),
        "mean r": round(float(np.mean([offset.r for offset in offsets])), 4),
        "mean r unmoved": round(float(np.mean([offset.r_unmoved for offset in offsets])), 4),
        "frames of each clip": {name: offset.frames for name, offset in zip(names, offsets)},
    }


def closure_metrics(clips: Sequence[SpokenClip]) -> dict:
    """At p, b and m: the share of spans in which the head's lips close, and the true ones by the same measure. On the
    pictures of the clips that have them, if most do: one clip without must not take them from the others."""
    detected = [(clip, pair) for clip in clips if (pair := clip.detected_pair()) is not None]
    on_pictures = 2 * len(detected) > len(clips)
    measured = detected if on_pictures else [(clip, (clip.predicted_gap, clip.target_gap)) for clip in clips]
    threshold = closed_gap_threshold(np.concatenate([target for _, (_, target) in measured]))
    head, truth = (
        [lip_closure(pair[k], clip.times, clip.bilabials, threshold) for clip, pair in measured] for k in (0, 1)
    )
    return {
        "measured on": "pictures" if on_pictures else "carried landmarks",
        "head": _closure_summary(head),
        "truth": _closure_summary(truth),
    }


def _closure_summary(closures: list[LipClosure]) -> dict:
    smallest, threshold = np.concatenate([closure.smallest for closure in closures]), closures[0].threshold
    if not len(smallest):
        return {"spans": 0}
    return {
        "spans": len(smallest),
        "share closed": round(float(np.mean(smallest < threshold)), 4),
        "mean smallest gap over threshold": round(float(smallest.mean() / threshold), 3),
    }


def silence_metrics(clips: Sequence[SpokenClip]) -> dict:
    """Movement of the mouth in silence over that in speech, of all clips together."""
    head = [silence_motion(clip.predicted, clip.times, clip.silences) for clip in clips]
    truth = [silence_motion(clip.target, clip.times, clip.silences) for clip in clips]
    return {
        "head": _silence_ratio(head),
        "silent steps": sum(motion.silent_steps for motion in truth),
        "spoken steps": sum(motion.spoken_steps for motion in truth),
        "truth": _silence_ratio(truth),
    }


def _silence_ratio(motions: list[SilenceMotion]) -> float | None:
    """Silent over spoken motion, each clip weighted by its steps; None where the mouth never moves in speech."""
    silent = _weighted_mean([motion.silent for motion in motions], [motion.silent_steps for motion in motions])
    spoken = _weighted_mean([motion.spoken for motion in motions], [motion.spoken_steps for motion in motions])
    return round(silent / spoken, 4) if spoken > 0 else None


def _weighted_mean(values: Sequence[float], counts: Sequence[int]) -> float:
    """nan, the value of a clip without such steps, weighs nothing."""
    weights = np.array(counts, float)
    return float((np.nan_to_num(values) * weights).sum() / weights.sum()) if weights.sum() else float("nan")
