# SPDX-License-Identifier: GPL-3.0-or-later
"""A delayed voice must delay the mouth: the sound of a clip is fed k model frames late or early, and the mouth that the
Gaussians carry must move by k.

Letters: k shift in model frames, T moments, L samples.
"""

from collections.abc import Sequence

import numpy as np

from ..audio import ENCODERS, Sound, load_sound
from ..metrics import MOUTH_LANDMARKS, shift_recovery
from .evaluator import Evaluator

SHIFTS = (-4, -3, -2, -1, 1, 2, 3, 4)


def delayed(sound: Sound, seconds: float) -> Sound:
    """The sound so much later (earlier where negative), of the same length; silence where nothing is left to hear."""
    late = round(seconds * sound.rate)
    samples = np.zeros_like(sound.samples)
    if abs(late) < len(samples):
        samples[max(late, 0) : len(samples) + min(late, 0)] = sound.samples[max(-late, 0) : len(samples) - max(late, 0)]
    return Sound(samples)


def recovered_shifts(judge: Evaluator, clip: int) -> dict[int, float | None]:
    """Shift k -> the shift that the mouth makes, frames between frames; None where it stands still."""
    footage, track = judge.footage, judge.footage.track(clip)
    encoder, sound = ENCODERS[judge.head.card.audio_encoder], load_sound(footage.clips[clip].audio)
    still = np.zeros_like(track.expression)

    def mouth(features) -> np.ndarray:
        return judge.carrier.carried(judge.spoken(features, track.time, still))[:, MOUTH_LANDMARKS]

    plain, period = mouth(judge.features(clip)), 1 / float(footage.rate)
    return {k: shift_recovery(plain, mouth(encoder.encode(delayed(sound, k * period)))).fine for k in SHIFTS}


def shift_summary(clips: Sequence[dict[int, float | None]]) -> dict:
    """Share of clips and shifts that come back to the frame, and the mean of what comes back for each shift."""
    pairs = [(k, found) for clip in clips for k, found in clip.items()]
    moved = [(k, found) for k, found in pairs if found is not None]
    mean = {
        str(k): round(float(np.mean([found for q, found in moved if q == k])), 3)
        for k in SHIFTS
        if any(q == k for q, _ in moved)
    }
    return {
        "clips": len(clips),
        "tried": len(pairs),
        "share recovered": round(sum(round(found) == k for k, found in moved) / max(len(pairs), 1), 4),
        "mean error frames": round(float(np.mean([abs(found - k) for k, found in moved])), 4) if moved else None,
        "mean of each shift": mean,
    }
