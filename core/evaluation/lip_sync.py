# SPDX-License-Identifier: GPL-3.0-or-later
"""Lips of unheard clips in time: do they move as the truth's, when they should, and rest when nobody speaks?

Two ways to see a lip: carried by the Gaussians (metres in head space, always there), and found by the detector on drawn
pictures (as a viewer sees it; over the distance of the eye corners). Each figure says which way it was measured.

Letters: T model frames of a clip, P = 20 landmarks of the mouth, S spans.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..metrics import (
    MOUTH_LANDMARKS,
    Closure,
    LipOffset,
    Span,
    closed_below,
    closure,
    correlation,
    jitter,
    lip_gap,
    lip_offset,
    pool_offsets,
    share_within,
    silence_motion,
)
from .evaluator import Evaluator

MOST_LOST = 0.2  # share of a clip's frames in which the detector may lose the face


@dataclass
class SpokenClip:
    """A clip: the head's lips from sound alone, and the true ones. Gaps are [T]."""

    name: str
    times: np.ndarray  # [T] seconds
    told: np.ndarray  # [T,20,3] metres, carried
    true: np.ndarray  # [T,20,3] metres, tracked
    told_gap: np.ndarray  # metres
    true_gap: np.ndarray  # metres
    seen_gap: np.ndarray | None = None  # detected on drawn pictures; None where the face was lost too often
    seen_true_gap: np.ndarray | None = None  # detected on true pictures; None where there is not one for each frame
    heard_gap: np.ndarray | None = None  # what the listener expects
    bilabials: list[Span] = field(default_factory=list)
    silences: list[Span] = field(default_factory=list)

    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """(told, true) gaps measured in one way: on pictures where both sides have them, else carried and tracked."""
        on_pictures = self.seen_gap is not None and self.seen_true_gap is not None
        return (self.seen_gap, self.seen_true_gap) if on_pictures else (self.told_gap, self.true_gap)


def speak_clip(judge: Evaluator, clip: int) -> SpokenClip:
    """A clip spoken from its sound alone (expression zero), against its track."""
    track = judge.footage.track(clip)
    still = np.zeros_like(track.expression)
    told = judge.carrier.carried(judge.spoken(judge.features(clip), track.time, still))
    true = track.landmarks.astype(np.float64)
    return SpokenClip(
        judge.footage.clips[clip].name,
        track.time,
        told[:, MOUTH_LANDMARKS],
        true[:, MOUTH_LANDMARKS],
        lip_gap(told),
        lip_gap(true),
    )


def filled(gap: np.ndarray) -> np.ndarray | None:
    """[T] with lost frames (nan) filled in from their neighbours; None where too many were lost."""
    lost = np.isnan(gap)
    if lost.mean() > MOST_LOST:
        return None
    where = np.arange(len(gap))
    return np.interp(where, where[~lost], gap[~lost])


def likeness(clips: Sequence[SpokenClip]) -> dict:
    """How the carried lip gap follows the tracked one."""
    told, true = (np.concatenate([getattr(clip, name) for clip in clips]) for name in ("told_gap", "true_gap"))
    each = {clip.name: round(correlation(clip.told_gap, clip.true_gap), 4) for clip in clips}
    return {
        "clips": len(clips),
        "moments": len(told),
        "r all moments": round(correlation(told, true), 4),
        "r mean of clips": round(float(np.mean(list(each.values()))), 4),
        "r of each clip": each,
        "mean error mm": round(float(1e3 * np.abs(told - true).mean()), 3),
        "spread told over true": round(float(told.std() / max(true.std(), 1e-12)), 3),
        "jitter mm": round(1e3 * float(np.mean([jitter(clip.told) for clip in clips])), 4),
        "true jitter mm": round(1e3 * float(np.mean([jitter(clip.true) for clip in clips])), 4),
    }


def offsets(clips: Sequence[SpokenClip], rate) -> dict:
    """The lip-offset score: the head's lips against its sound by the listener's ear; beside it the true lips, which say
    what the ear itself is worth; and the head's lips against the true ones."""
    heard = [clip for clip in clips if clip.heard_gap is not None]
    shown = [clip.told_gap if clip.seen_gap is None else clip.seen_gap for clip in heard]
    real = [clip.true_gap if clip.seen_true_gap is None else clip.seen_true_gap for clip in heard]
    against_sound = [lip_offset(gap, clip.heard_gap, rate) for gap, clip in zip(shown, heard)]
    true_against_sound = [lip_offset(gap, clip.heard_gap, rate) for gap, clip in zip(real, heard)]
    return {
        "measured on pictures": sum(clip.seen_gap is not None for clip in heard),
        "head to sound": _offset(against_sound, heard),
        "truth to sound": _offset(true_against_sound, heard),
        "head to truth": _offset([lip_offset(*clip.pair(), rate) for clip in clips], clips),
    }


def _offset(found: list[LipOffset], clips: Sequence[SpokenClip]) -> dict:
    if not found:
        return {"clips": 0}
    together = {(one.rate, len(one.curve)) for one in found}
    mean = pool_offsets(found) if len(together) == 1 else None
    return {
        "clips": len(found),
        "share within 1 frame": round(share_within(found), 4),
        "share at 0 frames": round(share_within(found, 0), 4),
        "pooled frames": None if mean is None or mean.fine is None else round(mean.fine, 3),
        "mean r": round(float(np.mean([one.r for one in found])), 4),
        "mean r unmoved": round(float(np.mean([one.r_unmoved for one in found])), 4),
        "frames of each clip": {clip.name: one.frames for clip, one in zip(clips, found)},
    }


def closures(clips: Sequence[SpokenClip]) -> dict:
    """At p, b and m: the share of spans in which the head's lips close, and the true ones by the same measure. On
    pictures, of the clips that have them, where most do: one clip without shall not take the others' from them."""
    seen = [clip for clip in clips if clip.seen_gap is not None and clip.seen_true_gap is not None]
    on_pictures = 2 * len(seen) > len(clips)
    clips = seen if on_pictures else clips
    pairs = [clip.pair() if on_pictures else (clip.told_gap, clip.true_gap) for clip in clips]
    threshold = closed_below(np.concatenate([true for _, true in pairs]))
    told, real = (
        [closure(pair[k], clip.times, clip.bilabials, threshold) for pair, clip in zip(pairs, clips)] for k in (0, 1)
    )
    return {
        "measured on": "pictures" if on_pictures else "carried landmarks",
        "head": _closed(told),
        "truth": _closed(real),
    }


def _closed(found: list[Closure]) -> dict:
    smallest = np.concatenate([one.smallest for one in found])
    threshold = found[0].threshold
    if not len(smallest):
        return {"spans": 0}
    return {
        "spans": len(smallest),
        "share closed": round(float(np.mean(smallest < threshold)), 4),
        "mean smallest gap over threshold": round(float(smallest.mean() / threshold), 3),
    }


def silence(clips: Sequence[SpokenClip]) -> dict:
    """Movement of the mouth in silence over that in speech, of all clips together."""
    result = {}
    for who in ("told", "true"):
        found = [silence_motion(getattr(clip, who), clip.times, clip.silences) for clip in clips]
        quiet, loud = (_mean(found, kind) for kind in ("silent", "spoken"))
        result["head" if who == "told" else "truth"] = round(quiet / loud, 4) if loud > 0 else None
        result["silent steps"] = sum(one.silent_steps for one in found)
        result["spoken steps"] = sum(one.spoken_steps for one in found)
    return result


def _mean(found: list, kind: str) -> float:
    steps = np.array([getattr(one, f"{kind}_steps") for one in found], float)
    values = np.nan_to_num([getattr(one, kind) for one in found])
    return float((values * steps).sum() / steps.sum()) if steps.sum() else float("nan")
