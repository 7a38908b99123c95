# SPDX-License-Identifier: GPL-3.0-or-later
"""What one picture step does: a view is drawn, compared, and everything that made it is corrected.

Both branches are drawn in ONE depth-sorted picture. Not in the paper (TalkingGaussian composes two pictures): chosen
because Blender draws one cloud, and what is trained must be what is drawn. Each branch is held to its own part of
the picture by the label channel.

Letters: N Gaussians, t global picture step.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..head import DeformedHead
from ..raster import DensityStats, Rendering
from .density import DensityChange, DensityInfo
from .losses import alpha_loss, mouth_weight, offset_loss, picture_loss
from .optimizers import GEOMETRY, exponential_decay, keep_in_bounds, set_rates
from .picture_sampler import PictureSample
from .training_run import TrainingRun
from .views import View, blend_target, draw


@dataclass(frozen=True)
class StepResult:
    """What one picture step reports."""

    t: int  # steps done, this one included
    stage: str
    loss: float
    psnr: float  # dB, of the view
    changes: dict[str, DensityChange]  # by branch, where density control changed the cloud


def picture_step(run: TrainingRun) -> StepResult:
    """Step `run.t` of a run, and on to the next."""
    s, stage = run.settings, run.stage(run.t)
    set_stage_rates(run, stage)
    sample, view = run.views.at(run.t)
    background = torch.from_numpy(sample.rng.random(3, dtype=np.float32)).to(run.device)
    moved = deform_head(run, sample, view.frame, stage)
    blend, antialiased = run.settings.blend, run.settings.antialiased
    rendering = draw(moved, view.camera, background, is_mouth(run), blend, antialiased)
    picture, target = rendering.display_color, blend_target(view, background, blend)
    loss = view_loss(run, view, rendering, picture, target)
    if stage != "static":
        loss = loss + motion_loss(run, moved)
    loss = loss + density_terms(run, rendering.density)
    descend(run, loss, stage)
    changes = control_density(run, rendering.density) if stage != "fuse" else {}
    keep_gaussians_in_bounds(run)
    run.t += 1
    if run.t > run.total - round(s.average * s.fuse_steps):
        run.average.add(run.model)
    error = float((picture.detach() - target).square().mean())
    return StepResult(run.t, stage, float(loss.detach()), float(-10 * np.log10(max(error, 1e-10))), changes)


def set_stage_rates(run: TrainingRun, stage: str) -> None:
    """The learning rates of step t."""
    s, fuse = run.settings, stage == "fuse"
    passed = run.t / max(run.total - s.fuse_steps, 1)
    geometry, appearance = (s.fuse_geometry, s.fuse_appearance) if fuse else (1.0, 1.0)
    factors = dict.fromkeys(GEOMETRY, geometry) | {"means": geometry * exponential_decay(passed, s.rate_means_end)}
    for name in run.model.clouds:
        set_rates(run.optimizers[name], factors, appearance)
    set_rates(run.optimizers["field"], {}, exponential_decay(run.t / max(run.total, 1), s.rate_field_end))


def deform_head(run: TrainingRun, sample: PictureSample, frame: int, stage: str) -> DeformedHead:
    """The head at a picture's moment; in static the networks work but do not learn."""
    learning = stage != "static"
    with torch.set_grad_enabled(learning):
        codes, expression = run.condition_at(frame, sample.rng if sample.silent else None)
    for parameter in run.model.field.parameters():
        parameter.requires_grad_(learning)
    return run.model(codes, expression)


def is_mouth(run: TrainingRun) -> Tensor:
    """[N,1]: 1 for Gaussians of the inside mouth."""
    counts = run.model.counts
    return torch.cat([torch.full((count, 1), float(name == "mouth")) for name, count in counts.items()]).to(run.device)


def view_loss(run: TrainingRun, view: View, rendering: Rendering, picture: Tensor, target: Tensor) -> Tensor:
    """Colour, silhouette, and which branch shows where. picture, target: [H,W,3] sRGB codes, as an eye compares them,
    whatever the splats are blended as."""
    s, (height, width) = run.settings, view.alpha.shape
    weight = mouth_weight(height, width, view.box, s.mouth_gain, view.torso, s.torso_gain).to(run.device)
    loss = picture_loss(picture, target, s.dssim, weight)
    loss = loss + s.alpha_weight * alpha_loss(rendering.alpha, torch.from_numpy(view.alpha).to(run.device))
    assert rendering.extra is not None, "`is_mouth` was drawn"
    label = (rendering.extra[..., 0] - torch.from_numpy(view.mouth).to(run.device)).abs()[..., None]
    return loss + s.label_weight * (label * weight).mean()


def motion_loss(run: TrainingRun, moved: DeformedHead) -> Tensor:
    """What holds the fields: small offsets, and now and then the landmarks."""
    s = run.settings
    loss = s.offset_weight * offset_loss(moved, run.model.canonical())
    if run.t % s.landmark_every == 0:
        loss = loss + s.landmark_weight * run.landmark_loss(s.landmark_batch)
    return loss


def density_terms(run: TrainingRun, stats: DensityStats) -> Tensor:
    """The terms of the branches' density rules, and the rules' first callback."""
    loss = torch.zeros((), device=run.device)
    for name, cloud in run.model.clouds.items():
        for term in run.rules[name].terms(cloud).values():
            loss = loss + term
        run.rules[name].step_pre_backward(cloud, run.optimizers[name], run.density_states[name], run.t, stats)
    return loss


def descend(run: TrainingRun, loss: Tensor, stage: str) -> None:
    """Backward, and a step of every optimiser; in static the fields rest."""
    for optimizer in run.optimizers.values():
        optimizer.zero_grad()
    loss.backward()
    for name, optimizer in run.optimizers.items():
        if name != "field" or stage != "static":
            optimizer.step()


def control_density(run: TrainingRun, stats: DensityStats) -> dict[str, DensityChange]:
    """The second callback of the branches' density rules."""
    needs_pixels = any(rule.reads_pixels(run.t) for rule in run.rules.values())
    pixels = stats.pixel_counts if needs_pixels else None
    changes, first = {}, 0
    for name, cloud in run.model.clouds.items():
        rows = slice(first, first + len(cloud))
        first = rows.stop
        info = density_info(stats, pixels, rows)
        change = run.rules[name].step_post_backward(cloud, run.optimizers[name], run.density_states[name], run.t, info)
        if change is not None:
            changes[name] = change
    return changes


def density_info(stats: DensityStats, pixels: Tensor | None, rows: slice) -> DensityInfo:
    """The rows of one branch, after backward."""
    assert stats.grad2d is not None, "backward comes first"
    assert stats.absgrad2d is not None, "backward comes first"
    return DensityInfo(
        stats.grad2d[rows].norm(dim=1),
        stats.absgrad2d[rows].norm(dim=1),
        None if pixels is None else pixels[rows],
        stats.depths[rows],
        stats.radii[rows] > 0,
    )


def keep_gaussians_in_bounds(run: TrainingRun) -> None:
    """Limits on scale, and on the distance from the first surface."""
    for cloud in run.model.clouds.values():
        keep_in_bounds(cloud, run.settings)
    if run.surface is not None:
        run.surface.clamp_depth(run.model.clouds["face"], run.settings.reach)
