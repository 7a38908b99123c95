# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage 0: each branch's audio net learns to predict the mouth's geometry from sound, before any picture.

Not in the paper: chosen because the 50,000 picture steps in which TalkingGaussian's audio net learns are out of a CPU's
reach, and because tracks exist for every clip, pictured or not, so it meets more speech than the pictures hold.
A linear read-out is trained on top and thrown away; the code keeps what it needed.

Letters: S moments, M of a batch, D geometry targets, A audio code, C feature channels.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from ..audio import WINDOW_OFFSETS
from ..deformation import AudioNet
from ..footage import ClipSpeech
from ..head import HeadModel
from ..metrics import correlation, lip_gap
from .silence_samples import LOWER_FACE, SilenceSamples
from .training_settings import AudioNetSettings

SHAPES = 8  # principal components of the mouth's and jaw's landmarks, besides the named distances
# Of a single clip. Not in the paper: chosen because r of less than 2 s is chance, and a net needs most of the sound.
MIN_HELD_BACK = 2.0  # seconds
MAX_HELD_BACK = 0.4  # of the clip, with the gap
WINDOW_SPAN = float(np.ptp(WINDOW_OFFSETS)) + 0.1  # seconds of sound that a window hears, and its jitter
GAP = 0  # the column of `mouth_geometry` that is the inner lip gap


def mouth_geometry(
    landmarks: np.ndarray,  # [S,68,3] metres
) -> np.ndarray:
    """[S,D] float32, unit variance: inner lip gap, outer height, outer and inner width, jaw drop, then shapes."""

    def distance(first: int, second: int) -> np.ndarray:
        return np.linalg.norm(landmarks[:, first] - landmarks[:, second], axis=1)

    distances = np.stack([lip_gap(landmarks), distance(51, 57), distance(48, 54), distance(60, 64), distance(30, 8)], 1)
    flat = landmarks[:, LOWER_FACE].reshape(len(landmarks), -1).astype(np.float64)
    flat = flat - flat.mean(axis=0)
    directions = np.linalg.svd(flat.T @ flat)[0][:, :SHAPES]
    targets = np.concatenate([distances, flat @ directions], axis=1)
    deviation = targets.std(axis=0)
    return ((targets - targets.mean(axis=0)) / np.where(deviation > 1e-7, deviation, 1.0)).astype(np.float32)


@dataclass(frozen=True)
class AudioNetFit:
    """How well the audio nets predict the geometry of sound that was held back from them.

    is_held_back: False where the footage is too short to hold any back; then the figures are of the sound that the nets
    were fitted to, choose no weights and must not be shown as anything else.
    """

    step: int
    lip_gap_r: dict[str, float]  # branch -> Pearson's r of the lip gap
    mean_r: float  # mean r over all targets and both branches
    is_held_back: bool = True


@dataclass(frozen=True)
class GeometryBatches:
    """Batches of feature windows and the geometry that belongs to them, some of them silence."""

    speech: ClipSpeech
    targets: np.ndarray  # [S,D] float32
    jitter: float  # seconds, sigma of a shift common to a window
    silence: SilenceSamples
    silence_share: float  # of the moments whose sound is replaced by silence, whose target is the mouth at rest

    def draw(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(windows [M,8,C,2], targets [M,D]) of the moments `rows` [M]."""
        windows = torch.from_numpy(self.speech.window_batch(rows, rng.normal(0.0, self.jitter, len(rows))))
        targets = torch.from_numpy(self.targets[rows])
        if self.silence_share:
            silent = np.flatnonzero(rng.random(len(rows)) < self.silence_share)
            windows[silent] = torch.from_numpy(self.silence.windows(len(silent), rng))
            targets[silent] = torch.from_numpy(self.targets[self.silence.rest_rows].mean(axis=0))
        return windows, targets


class GeometryPredictor:
    """The audio nets of both branches, and a linear read-out of the geometry on each."""

    def __init__(self, model: HeadModel, width: int) -> None:
        self.nets: dict[str, AudioNet] = {name: model.field.branch(name).audio for name in model.clouds}
        self.readouts = {name: nn.Linear(model.settings[name].audio_code, width).to(model.device) for name in self.nets}

    def parameters(self) -> list[nn.Parameter]:
        """The parameters of nets and read-outs."""
        return [p for name, net in self.nets.items() for p in (*net.parameters(), *self.readouts[name].parameters())]

    def predict(self, windows: Tensor) -> dict[str, Tensor]:
        """[M,8,C,2] -> the predicted geometry by branch, [M,D]."""
        return {name: self.readouts[name](net(windows)) for name, net in self.nets.items()}

    def weights(self) -> dict[str, dict[str, Tensor]]:
        """A copy of the nets' weights."""
        return {
            name: {key: value.clone() for key, value in net.state_dict().items()} for name, net in self.nets.items()
        }


def fit_audio_nets(
    model: HeadModel,
    speech: ClipSpeech,
    settings: AudioNetSettings,
    rng: np.random.Generator,
    silence: SilenceSamples,
    silence_share: float,
) -> Iterator[AudioNetFit]:
    """Fit both audio nets in place; yields after every measurement on the held-back clips and keeps the best weights.

    `silence_share`: 0..1, of the moments that hear silence, whose target is the mouth at rest.
    """
    targets = mouth_geometry(speech.stack_tracks("landmarks"))
    times = np.concatenate([track.time for track in speech.tracks.values()])
    train_rows, held_back = split_moments(speech.moments[:, 0], times, settings.held_back, rng)
    measured = held_back if len(held_back) else train_rows
    batches = GeometryBatches(speech, targets, settings.jitter, silence, silence_share)
    predictor = GeometryPredictor(model, targets.shape[1])
    for net in predictor.nets.values():
        net.normalise_to(torch.from_numpy(speech.joined.values))
    noise = settings.noise * predictor.nets["face"].feature_std[:, None]
    optimizer = torch.optim.AdamW(predictor.parameters(), lr=settings.rate, weight_decay=settings.weight_decay)
    best_r, best_weights = -np.inf, predictor.weights()
    for step in range(1, settings.steps + 1):
        windows, target = (part.to(model.device) for part in batches.draw(rng.choice(train_rows, settings.batch), rng))
        windows += noise * torch.randn_like(windows)
        losses = [nn.functional.smooth_l1_loss(predicted, target) for predicted in predictor.predict(windows).values()]
        optimizer.param_groups[0]["lr"] = settings.rate * warm_up_and_decay(step / settings.steps)
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        optimizer.step()
        if step % settings.every == 0 or step == settings.steps:
            fit = replace(measure_fit(predictor, speech, measured, targets, step), is_held_back=len(held_back) > 0)
            if fit.mean_r > best_r or not fit.is_held_back:
                best_r, best_weights = fit.mean_r, predictor.weights()
            yield fit
    for name, net in predictor.nets.items():
        net.load_state_dict(best_weights[name])


def split_moments(
    clips: np.ndarray,  # [S] the clip of each moment, in order
    times: np.ndarray,  # [S] seconds on the clip's sound, rising within a clip
    share: float,  # 0..1
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """(rows to train on, rows held back) of moments: whole clips, `share` of them and at least one.

    Of a single clip its end, and the moments before it whose windows reach into it are in neither; nothing where that
    would be under MIN_HELD_BACK. Not in the paper: chosen because moments next to each other share most of their sound,
    so that a random tenth of a clip is not held back at all (r 0.97 was told where it was 0.70).
    """
    shuffled = rng.permutation(np.unique(clips))
    if len(shuffled) == 1:
        return _split_in_time(times, share)
    held_back = np.isin(clips, shuffled[: max(1, round(share * len(shuffled)))])
    return np.flatnonzero(~held_back), np.flatnonzero(held_back)


def _split_in_time(times: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """(the first moments, the last moments): no window of the first hears what one of the last does."""
    length = float(np.ptp(times))
    held = max(share * length, MIN_HELD_BACK)
    if held + WINDOW_SPAN > MAX_HELD_BACK * length:
        return np.arange(len(times)), np.zeros(0, np.int64)
    return np.flatnonzero(times < times[-1] - held - WINDOW_SPAN), np.flatnonzero(times > times[-1] - held)


def warm_up_and_decay(t: float) -> float:
    """Share of the learning rate at t in 0..1: a tenth of warm-up, then half a cosine to zero."""
    return min(t / 0.1, 0.5 * (1 + math.cos(math.pi * t)))


@torch.no_grad()
def measure_fit(
    predictor: GeometryPredictor, speech: ClipSpeech, rows: np.ndarray, targets: np.ndarray, step: int
) -> AudioNetFit:
    """Pearson's r of every target at the moments `rows`."""
    device = next(predictor.nets["face"].parameters()).device
    predictions = predictor.predict(torch.from_numpy(speech.window_batch(rows)).to(device))
    r = {
        name: [correlation(column, target) for column, target in zip(predicted.cpu().numpy().T, targets[rows].T)]
        for name, predicted in predictions.items()
    }
    means = [float(np.mean(of_targets)) for of_targets in r.values()]
    return AudioNetFit(step, {name: of_targets[GAP] for name, of_targets in r.items()}, float(np.mean(means)))
