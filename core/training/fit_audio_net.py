# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage 0: each branch's ear (AudioNet) learns to tell the mouth's geometry from sound, before any picture.

Not in the paper: chosen because the 50,000 picture steps in which TalkingGaussian's ear learns are out of a CPU's
reach, and because tracks exist for every clip, pictured or not, so the ear meets more speech than the pictures hold.
A linear read-out is trained on top and thrown away; the code keeps what it needed.

Letters: S moments, M of a batch, D geometry targets, A audio code.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ..footage import ClipSpeech
from ..head import HeadModel
from ..metrics import correlation, lip_gap
from .silence_samples import LOWER_FACE, SilenceSamples
from .training_settings import AudioNetSettings

SHAPES = 8  # principal components of the mouth's and jaw's landmarks, beside the named distances
GAP = 0  # the column of `mouth_geometry` that is the inner lip gap


def mouth_geometry(
    landmarks: np.ndarray,  # [S,68,3] metres
) -> np.ndarray:
    """[S,D] float32, unit variance: inner lip gap, outer height, outer and inner width, jaw drop, then shapes."""

    def distance(first: int, second: int) -> np.ndarray:
        return np.linalg.norm(landmarks[:, first] - landmarks[:, second], axis=1)

    named = np.stack([lip_gap(landmarks), distance(51, 57), distance(48, 54), distance(60, 64), distance(30, 8)], 1)
    flat = landmarks[:, LOWER_FACE].reshape(len(landmarks), -1).astype(np.float64)
    flat = flat - flat.mean(axis=0)
    directions = np.linalg.svd(flat.T @ flat)[0][:, :SHAPES]
    targets = np.concatenate([named, flat @ directions], axis=1)
    spread = targets.std(axis=0)
    return ((targets - targets.mean(axis=0)) / np.where(spread > 1e-7, spread, 1.0)).astype(np.float32)


@dataclass(frozen=True)
class AudioNetFit:
    """How well the ears tell the geometry of train clips that were held back from them."""

    step: int
    lip_gap: dict[str, float]  # branch -> Pearson's r of the lip gap
    mean: float  # mean r over all targets and both branches


def fit_audio_nets(
    model: HeadModel,
    speech: ClipSpeech,
    settings: AudioNetSettings,
    rng: np.random.Generator,
    quiet: SilenceSamples | None = None,
    hushed: float = 0.0,
) -> Iterator[AudioNetFit]:
    """Fit both ears in place; yields after every look at the held-back clips. Keeps the best of those moments.
    A share `hushed` of the moments is heard as silence, whose answer is the mouth at rest."""
    targets = mouth_geometry(speech.stack_tracks("landmarks"))
    rest = targets[quiet.moments].mean(axis=0) if quiet else None
    clips = rng.permutation(np.unique(speech.moments[:, 0]))
    held = clips[: max(1, round(settings.held_back * len(clips)))] if len(clips) > 1 else clips
    away = np.isin(speech.moments[:, 0], held)
    learn, look = np.flatnonzero(~away if len(clips) > 1 else away), np.flatnonzero(away)
    ears = {name: getattr(model.field, name).audio for name in model.clouds}
    everything = torch.from_numpy(speech.joined.values)
    for ear in ears.values():
        ear.normalise_to(everything)
    outs = {name: nn.Linear(model.settings[name].audio_code, targets.shape[1]).to(model.device) for name in ears}
    parameters = [p for name in ears for p in (*ears[name].parameters(), *outs[name].parameters())]
    optimizer = torch.optim.AdamW(parameters, lr=settings.rate, weight_decay=settings.weight_decay)
    spread = ears["face"].feature_std[:, None]
    best, kept = -np.inf, None
    for step in range(1, settings.steps + 1):
        rows = rng.choice(learn, settings.batch)
        windows = torch.from_numpy(speech.window_batch(rows, rng.normal(0.0, settings.jitter, len(rows))))
        truth = torch.from_numpy(targets[rows])
        if quiet and hushed:
            still = np.flatnonzero(rng.random(len(rows)) < hushed)
            windows[still], truth[still] = torch.from_numpy(quiet.windows(len(still), rng)), torch.from_numpy(rest)
        windows, truth = windows.to(model.device), truth.to(model.device)
        windows += settings.noise * spread * torch.randn_like(windows)
        loss = sum(nn.functional.smooth_l1_loss(outs[name](ears[name](windows)), truth) for name in ears)
        optimizer.param_groups[0]["lr"] = settings.rate * warm_and_cool(step / settings.steps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % settings.every == 0 or step == settings.steps:
            heard = _look(ears, outs, speech, look, targets, step)
            if heard.mean > best:
                best, kept = heard.mean, {name: _copy(ear) for name, ear in ears.items()}
            yield heard
    for name, ear in ears.items():
        ear.load_state_dict(kept[name])


def warm_and_cool(t: float) -> float:
    """Share of the learning rate at t in 0..1: a tenth of rising, then half a cosine to zero."""
    return min(t / 0.1, 0.5 * (1 + math.cos(math.pi * t)))


def _copy(ear: nn.Module) -> dict:
    return {name: value.clone() for name, value in ear.state_dict().items()}


@torch.no_grad()
def _look(ears: dict, outs: dict, speech: ClipSpeech, look: np.ndarray, targets: np.ndarray, step: int) -> AudioNetFit:
    device = next(outs["face"].parameters()).device
    windows = torch.from_numpy(speech.window_batch(look)).to(device)
    gaps, means = {}, []
    for name, ear in ears.items():
        told = outs[name](ear(windows)).cpu().numpy()
        likeness = [correlation(told[:, d], targets[look, d]) for d in range(targets.shape[1])]
        gaps[name] = likeness[GAP]
        means.append(float(np.mean(likeness)))
    return AudioNetFit(step, gaps, float(np.mean(means)))
