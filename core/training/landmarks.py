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

JITTER = 0.0015  # metres, sigma around a landmark: skin beside it moves alike
LIPS = 2.0  # weight of the mouth's landmarks
MILLIMETRE = 1e3


def landmark_loss(
    model: HeadModel,
    canonical: Tensor,
    speech: ClipSpeech,
    rows: np.ndarray,
    jitter: float,
    quiet: SilenceSamples | None = None,
    still: np.ndarray | None = None,
    rng: np.random.Generator | None = None,
) -> Tensor:
    """Mean Huber distance in millimetres between moved and true landmarks at moments `rows`. canonical [68,3].
    Where `still` [M] bool says so, silence is heard (drawn by `rng`) and the mouth of `quiet` is the truth."""
    m, p = len(rows), len(canonical)
    windows = torch.from_numpy(speech.window_batch(rows))
    expression = torch.from_numpy(speech.stack_tracks("expression", rows)).to(canonical.device)
    marks = speech.stack_tracks("landmarks", rows)
    if quiet is not None and still.any():
        windows[torch.from_numpy(still)] = torch.from_numpy(quiet.windows(int(still.sum()), rng))
        marks[still] = quiet.at_rest(marks[still])
    truth = torch.from_numpy(marks).to(canonical.device)
    branch = model.field.face
    code = branch.audio(windows.to(canonical.device)).repeat_interleave(p, dim=0)
    places = canonical.repeat(m, 1)
    asked = places + jitter * torch.randn_like(places) if jitter else places
    asked = inside(asked, model.settings["face"])
    wanted = expression.repeat_interleave(p, dim=0) if model.settings["face"].expression else None
    moved = places + branch.field(asked, code, wanted).d_means
    weight = torch.ones(p, device=canonical.device)
    weight[48:] = LIPS
    error = torch.nn.functional.smooth_l1_loss(
        moved.reshape(m, p, 3) * MILLIMETRE, truth * MILLIMETRE, reduction="none"
    ).sum(2)
    return (error * weight).mean() / weight.mean()


def inside(points: Tensor, settings: BranchSettings) -> Tensor:  # [N,3] -> [N,3]
    """The nearest points within a branch's bounds, a thousandth of them away from the border; outside, nothing moves
    and nothing can be learnt."""
    centre = points.new_tensor(settings.centre)
    reach = 0.999 * settings.half_extent
    return torch.minimum(torch.maximum(points, centre - reach), centre + reach)
