# SPDX-License-Identifier: GPL-3.0-or-later
"""A delayed voice must delay the mouth: a clip's audio is shifted by k model frames, and the mouth that the Gaussians
carry must move by k.

Letters: k shift in model frames.
"""

from collections.abc import Sequence

import numpy as np

from ..audio import ENCODERS, Features, Sound, load_sound
from ..metrics import MOUTH_LANDMARKS, shift_recovery
from .evaluator import Evaluator

SHIFTS = (-4, -3, -2, -1, 1, 2, 3, 4)


def delay_sound(sound: Sound, seconds: float) -> Sound:
    """The sound so much later (earlier where negative), of the same length, padded with silence."""
    shift = round(seconds * sound.rate)
    samples = np.zeros_like(sound.samples)
    if abs(shift) < len(samples):
        kept = sound.samples[max(-shift, 0) : len(samples) - max(shift, 0)]
        samples[max(shift, 0) : len(samples) + min(shift, 0)] = kept
    return Sound(samples)


def recover_shifts(evaluator: Evaluator, clip: int) -> dict[int, float | None]:
    """Shift k -> the shift of the mouth, with fractions of a frame; None where it does not move."""
    footage, track = evaluator.footage, evaluator.footage.track(clip)
    encoder, sound = ENCODERS[evaluator.head.card.audio_encoder], load_sound(footage.clips[clip].audio)
    neutral = np.zeros_like(track.expression)

    def mouth(features: Features) -> np.ndarray:
        conditions = evaluator.conditions_at(features, track.time, neutral)
        return evaluator.carrier.track(conditions)[:, MOUTH_LANDMARKS]

    original, period = mouth(evaluator.audio_features(clip)), 1 / float(footage.rate)
    return {k: shift_recovery(original, mouth(encoder.encode(delay_sound(sound, k * period)))).fine for k in SHIFTS}


def summarize_shifts(clips: Sequence[dict[int, float | None]]) -> dict:
    """Share of clips and shifts that are recovered to the frame, and the mean of what is recovered for each shift."""
    count = sum(len(clip) for clip in clips)
    moved = [(k, recovered) for clip in clips for k, recovered in clip.items() if recovered is not None]
    errors = [abs(recovered - k) for k, recovered in moved]
    by_shift = {shift: [recovered for k, recovered in moved if k == shift] for shift in SHIFTS}
    return {
        "clips": len(clips),
        "tried": count,
        "share recovered": round(sum(round(recovered) == k for k, recovered in moved) / max(count, 1), 4),
        "mean error frames": round(float(np.mean(errors)), 4) if moved else None,
        "mean of each shift": {str(k): round(float(np.mean(values)), 3) for k, values in by_shift.items() if values},
    }
