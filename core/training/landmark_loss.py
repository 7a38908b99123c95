# SPDX-License-Identifier: GPL-3.0-or-later
"""The face field follows the tracked landmarks: at a landmark's canonical place it must point to where it is now.

Not in the paper: chosen because it costs a hundredth of a picture step, reaches every clip (pictured or not), and so
teaches the field what speech does before and while pictures teach it what that looks like.

Letters: M moments, P landmarks, A audio code, E expression channels.
"""

import numpy as np
import torch
from torch import Tensor

from ..footage import ClipSpeech
from ..head import HeadModel
from ..performance import BranchSettings
from .silence_samples import SilenceSamples

JITTER = 0.0015  # metres, sigma around a landmark: the skin next to it moves alike
LIPS = 2.0  # weight of the mouth's landmarks
MILLIMETRE = 1e3


def landmark_loss(
    model: HeadModel,
    canonical: Tensor,  # [P,3] metres, the landmarks at rest
    speech: ClipSpeech,
    rows: np.ndarray,  # [M] moments
    silence: SilenceSamples,
    is_silent: np.ndarray,  # [M] bool: silence is heard there, and the mouth at rest is the target
    rng: np.random.Generator,
) -> Tensor:
    """Mean Huber distance in millimetres between moved and tracked landmarks at some moments."""
    m, p = len(rows), len(canonical)
    windows, expression, target = _moments(speech, rows, silence, is_silent, rng)
    branch = model.field.branch("face")
    code = branch.audio(windows.to(canonical.device)).repeat_interleave(p, dim=0)
    points = canonical.repeat(m, 1)
    queried = clamp_to_bounds(points + JITTER * torch.randn_like(points), model.settings["face"])
    channels = (
        expression.to(canonical.device).repeat_interleave(p, dim=0) if model.settings["face"].expression else None
    )
    moved = (points + branch.field(queried, code, channels).d_means).reshape(m, p, 3)
    weight = torch.ones(p, device=canonical.device)
    weight[48:] = LIPS
    target = target.to(canonical.device)
    error = torch.nn.functional.smooth_l1_loss(moved * MILLIMETRE, target * MILLIMETRE, reduction="none").sum(2)
    return (error * weight).mean() / weight.mean()


def _moments(
    speech: ClipSpeech, rows: np.ndarray, silence: SilenceSamples, is_silent: np.ndarray, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """(windows [M,8,C,2], expression [M,E], landmarks [M,P,3]) of the moments, on the CPU."""
    windows = torch.from_numpy(speech.window_batch(rows))
    landmarks = speech.stack_tracks("landmarks", rows)
    windows[torch.from_numpy(is_silent)] = torch.from_numpy(silence.windows(int(is_silent.sum()), rng))
    landmarks[is_silent] = silence.rest_mouth(landmarks[is_silent])
    return windows, torch.from_numpy(speech.stack_tracks("expression", rows)), torch.from_numpy(landmarks)


def clamp_to_bounds(points: Tensor, settings: BranchSettings) -> Tensor:  # [N,3] -> [N,3] metres
    """The nearest points within a branch's bounds, a thousandth of them away from the border; outside, nothing moves
    and nothing can be learnt."""
    centre = points.new_tensor(settings.centre)
    reach = 0.999 * settings.half_extent
    return torch.minimum(torch.maximum(points, centre - reach), centre + reach)
