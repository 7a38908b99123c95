# SPDX-License-Identifier: GPL-3.0-or-later
"""The two stages before pictures: the audio nets learn the mouth's geometry, then the face field follows landmarks.

A run's `pending_stages` says which are still to be done; each takes itself off the list at its end.
"""

from collections.abc import Iterator

from .fit_audio_net import AudioNetFit, fit_audio_nets
from .optimizers import exponential_decay, set_rates
from .training_run import TrainingRun

RATE = 4.0  # times the field's first learning rate, falling to RATE_END of itself: no picture holds it back; ours
RATE_END = 0.25
BATCHES = 4  # times the landmark batch of a picture step


def fit_audio(run: TrainingRun) -> Iterator[AudioNetFit]:
    """Stage "audio net"; yields how good the fit is."""
    s = run.settings
    yield from fit_audio_nets(run.model, run.speech, s.audio_net, run.rng, run.silence, s.silence_moments)
    run.pending_stages.remove("audio net")


def fit_motion(run: TrainingRun) -> Iterator[float]:
    """Stage "motion": the face field learns from landmarks alone; yields each step's loss in millimetres (Huber)."""
    optimizer, steps = run.optimizers["field"], run.settings.motion_steps
    for k in range(steps):
        set_rates(optimizer, {}, RATE * exponential_decay(k / steps, RATE_END))
        loss = run.landmark_loss(BATCHES * run.settings.landmark_batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield float(loss.detach())
    run.pending_stages.remove("motion")
