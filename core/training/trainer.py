# SPDX-License-Identifier: GPL-3.0-or-later
"""The run itself: what one step does, stage by stage, and what it needs to go on after a kill.

Stages, in steps of `TrainingSettings`:
    ear      the audio codes learn the mouth's geometry (fit_audio_net.py)
    motion   the face field follows the tracked landmarks (landmarks.py)
    static   pictures teach the Gaussians, the fields rest
    move     pictures teach Gaussians and fields together; density control works in static and move
    fuse     pictures at full size; geometry all but rests
Both branches are drawn in ONE depth-sorted picture. Not in the paper (TalkingGaussian composes two pictures): chosen
because Blender draws one cloud, and what is trained must be what is drawn. Each branch is held to its own part of
the picture by the label channel.

Letters: N Gaussians, t global picture step.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ..footage import encode_clips
from ..formats import UserError
from ..head import HeadModel, clouds_from_checkpoint, read_checkpoint, restore_checkpoint, save_checkpoint
from ..metrics import lip_gap
from ..performance import BranchSettings
from .average import Average
from .density import STRATEGIES, Change, DensityInfo, DensityState
from .fit_audio_net import AudioNetFit, fit_audio_nets
from .front_surface import FrontSurface
from .initial_cloud import initial_cloud
from .landmarks import JITTER, landmark_loss
from .losses import alpha_loss, mouth_weight, offset_loss, picture_loss
from .optimizers import GEOMETRY, cloud_optimizer, falling, field_optimizer, keep_in_bounds, set_rates
from .picture_stream import ReadAhead, open_footage
from .reference import Reference, choose_reference, landmarks_of
from .sampling import Choice, Sampling, blinks_of
from .silence_samples import collect_silence, resting_pictures
from .threads import settle_threads
from .training_settings import TrainingSettings
from .views import View, draw, faces, over, random_window, whole

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Step:
    """What one picture step says."""

    t: int
    stage: str
    loss: float
    psnr: float
    changed: dict[str, Change]


class Trainer:
    """Holds everything that a step changes; `begin` or `load` comes first, `close` last.

    Gaussians, networks and what is computed from them lie on `device`; pictures and sound come from the CPU.
    """

    def __init__(self, folder: Path, settings: TrainingSettings, device: torch.device = CPU) -> None:
        self.settings, self.device = settings, device
        settle_threads()
        self.fine, self.coarse = open_footage(folder, settings)
        self.speech = encode_clips(self.fine, "train", settings.encoder)
        self.frames = self.fine.frames("train")
        if len(self.frames) == 0:
            raise UserError(f"{folder}: no picture belongs to split train; prepare the footage again.")
        self.quiet = collect_silence(self.fine, self.speech, settings.encoder)
        self.marks = landmarks_of(self.fine, self.speech, self.frames)
        self.facing = faces(self.fine, self.frames, self.marks)
        blinks = blinks_of(self.fine.expression[self.frames], self.fine.expression_names)
        self.sampling = Sampling(settings, lip_gap(self.marks), blinks, self.facing)
        self.sampling.resting = resting_pictures(self.marks, self.quiet)
        self.ahead = ReadAhead(self.look, settings.ahead, settings.total)
        self.rng = np.random.default_rng(settings.seed)
        torch.manual_seed(settings.seed)
        self.t = 0
        self.before = ["ears", "motion"]  # stages before pictures that are still to be done
        self.average = Average()
        self.notes: dict = {"heard": {}, "minutes": 0.0}  # results for the card

    # building

    def branch_settings(self) -> dict[str, BranchSettings]:
        s, r = self.settings, self.reference
        shared = {"fusion": s.fusion, "expression": len(self.fine.expression_names)}
        return {
            "face": BranchSettings.face(
                finest=s.face_finest, centre=tuple(map(float, r.centre)), half_extent=r.half_extent, **shared
            ),
            "mouth": BranchSettings.mouth(
                finest=s.mouth_finest,
                base=s.mouth_base,
                centre=tuple(map(float, r.mouth_centre)),
                half_extent=r.mouth_half_extent,
                **{**shared, "expression": 0},
            ),
        }

    def begin(self) -> None:
        """First Gaussians and untrained networks."""
        s = self.settings
        self.reference = choose_reference(self.fine, self.speech, self.frames, s.below_chin)
        counts = {"face": s.face_points, "mouth": s.mouth_points}
        clouds = {
            name: initial_cloud(self.fine, self.frames, self.reference, name, count, s.sh_degree, self.rng)
            for name, count in counts.items()
        }
        self.surface = FrontSurface.of(clouds["face"].means.detach().numpy()) if s.reach else None
        self._assemble(clouds)

    def _assemble(self, clouds: dict) -> None:
        s = self.settings
        self.sampling.alike = np.flatnonzero(np.isin(self.frames, self.reference.frames))
        self.places = torch.from_numpy(self.reference.landmarks).to(self.device)
        self.surface = self.surface and self.surface.to(self.device)
        self.model = HeadModel(self.branch_settings(), self.speech.channels, clouds).to(self.device)
        self.optimizers = {name: cloud_optimizer(cloud, s) for name, cloud in self.model.clouds.items()}
        self.optimizers["field"] = field_optimizer(self.model, s)
        rules = {"face": 1 - s.mouth_share, "mouth": s.mouth_share}
        self.rules = {
            name: STRATEGIES[s.density.strategy](replace(s.density, budget=round(s.density.budget * share)))
            for name, share in rules.items()
        }
        self.density = {name: self.rules[name].initialize_state(self.model.clouds[name]) for name in rules}

    def close(self) -> None:
        """End the thread that reads ahead."""
        self.ahead.close()

    # stages before pictures

    def ears(self) -> Iterator[AudioNetFit]:
        yield from fit_audio_nets(
            self.model, self.speech, self.settings.ear, self.rng, self.quiet, self.settings.quiet_moments
        )
        self.before = ["motion"]

    def motion(self) -> Iterator[float]:
        """The face field learns from landmarks alone; yields the loss in millimetres (Huber)."""
        optimizer, steps = self.optimizers["field"], self.settings.motion_steps
        for k in range(steps):
            set_rates(optimizer, {}, 4.0 * falling(k / steps, 0.25))
            loss = self.landmarks(4 * self.settings.landmark_batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield float(loss.detach())
        self.before = []

    def landmarks(self, moments: int) -> torch.Tensor:
        rows = self.rng.choice(len(self.speech.moments), moments)
        still = self.rng.random(moments) < self.settings.quiet_moments
        return landmark_loss(self.model, self.places, self.speech, rows, JITTER, self.quiet, still, self.rng)

    # pictures

    @property
    def total(self) -> int:
        return self.settings.total

    def stage(self, t: int) -> str:
        s = self.settings
        return "static" if t < s.static_steps else "move" if t < s.static_steps + s.move_steps else "fuse"

    def look(self, t: int) -> tuple[Choice, View]:
        """The picture of step t, or a part of one: a function of t alone, so that a thread can make it in time."""
        choice, fuse = self.sampling.at(t), self.stage(t) == "fuse"
        frame = int(self.frames[choice.place])
        if choice.part:
            return choice, random_window(
                self.fine, frame, self.settings.window, bool(self.facing[choice.place]), choice.rng
            )
        return choice, whole(self.fine if fuse else self.coarse, frame)

    def codes_at(
        self, frame: int, hushed: np.random.Generator | None = None
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """({branch: [A]}, expression [E]) of a picture; `hushed` hears silence instead of the picture's sound."""
        clip, time = int(self.fine.clip[frame]), self.fine.time[frame : frame + 1]
        windows = self.speech.windows(clip, time) if hushed is None else self.quiet.windows(1, hushed)
        codes = self.model.codes(torch.from_numpy(windows).to(self.device))
        expression = torch.from_numpy(self.fine.expression[frame]).to(self.device)
        return {name: code[0] for name, code in codes.items()}, expression

    def step(self) -> Step:
        s, stage = self.settings, self.stage(self.t)
        self._set_rates(stage)
        choice, view = self.ahead.at(self.t)
        background = torch.from_numpy(choice.rng.random(3, dtype=np.float32)).to(self.device)
        with torch.set_grad_enabled(stage != "static"):
            codes, expression = self.codes_at(view.frame, choice.rng if choice.quiet else None)
        for parameter in self.model.field.parameters():
            parameter.requires_grad_(stage != "static")
        moved = self.model(codes, expression)
        members = torch.zeros(len(moved.means), 1, device=self.device)
        members[len(self.model.clouds["face"]) :] = 1.0
        picture = draw(moved, view.camera, background, members)
        truth = over(view, background)
        weight = mouth_weight(*truth.shape[:2], view.box, s.mouth_gain, view.torso, s.torso_gain).to(self.device)
        loss = picture_loss(picture.color, truth, s.dssim, weight)
        loss = loss + s.alpha_weight * alpha_loss(picture.alpha, torch.from_numpy(view.alpha).to(self.device))
        label = (picture.extra[..., 0] - torch.from_numpy(view.mouth).to(self.device)).abs()[..., None]
        loss = loss + s.label_weight * (label * weight).mean()
        if stage != "static":
            loss = loss + s.offset_weight * offset_loss(moved, self.model.canonical())
            if self.t % s.landmark_every == 0:
                loss = loss + s.landmark_weight * self.landmarks(s.landmark_batch)
        for name, cloud in self.model.clouds.items():
            loss = loss + sum(self.rules[name].terms(cloud).values())
            self.rules[name].step_pre_backward(
                cloud, self.optimizers[name], self.density[name], self.t, picture.density
            )
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()
        loss.backward()
        for name, optimizer in self.optimizers.items():
            if name != "field" or stage != "static":
                optimizer.step()
        changed = self._control_density(picture.density, stage)
        for cloud in self.model.clouds.values():
            keep_in_bounds(cloud, s)
        if self.surface is not None:
            self.surface.hold(self.model.clouds["face"], s.reach)
        self.t += 1
        if self.t > self.total - round(s.average * s.fuse_steps):
            self.average.add(self.model)
        error = float((picture.color.detach() - truth).square().mean())
        return Step(self.t, stage, float(loss.detach()), -10 * np.log10(max(error, 1e-10)), changed)

    def _set_rates(self, stage: str) -> None:
        s = self.settings
        passed = self.t / max(self.total - s.fuse_steps, 1)
        slow = s.fuse_geometry if stage == "fuse" else 1.0
        factors = {name: slow for name in GEOMETRY} | {"means": slow * falling(passed, s.rate_means_end)}
        settled = s.fuse_appearance if stage == "fuse" else 1.0
        for name in self.model.clouds:
            set_rates(self.optimizers[name], factors, settled)
        set_rates(self.optimizers["field"], {}, falling(self.t / max(self.total, 1), s.rate_field_end))

    def _control_density(self, stats, stage: str) -> dict[str, Change]:
        if stage == "fuse":
            return {}
        counted = any(rule.reads_pixels(self.t) for rule in self.rules.values())
        pixels = stats.pixel_counts if counted else None
        changed, first = {}, 0
        for name, cloud in self.model.clouds.items():
            rows = slice(first, first + len(cloud))
            first = rows.stop
            info = DensityInfo(
                stats.grad2d[rows].norm(dim=1),
                stats.absgrad2d[rows].norm(dim=1),
                None if pixels is None else pixels[rows],
                stats.depths[rows],
                stats.radii[rows] > 0,
            )
            change = self.rules[name].step_post_backward(cloud, self.optimizers[name], self.density[name], self.t, info)
            if change is not None:
                changed[name] = change
        return changed

    # checkpoints

    def save(self, path: Path) -> None:
        extra = {
            f"{name}.{column}": getattr(state, column).cpu().numpy()
            for name, state in self.density.items()
            for column in ("total", "weight")
        }
        extra |= {f"reference.{name}": np.asarray(value) for name, value in vars(self.reference).items()}
        if self.surface is not None:
            extra |= self.surface.to_keep()
        extra |= self.average.to_keep()
        notes = {
            "t": self.t,
            "before": self.before,
            "settings": self.settings.guard(),
            "pictures": len(self.fine),
            "results": self.notes,
            "numpy": self.rng.bit_generator.state,
            "density": {name: [state.begun_with, state.pressure] for name, state in self.density.items()},
        }
        save_checkpoint(path, self.model, self.optimizers, extra, notes)

    def load(self, path: Path) -> str:
        """Go on from a checkpoint; gives back a warning when the footage has grown since, else "".

        Raises UserError when it belongs to other settings.
        """
        arrays, notes = read_checkpoint(path)
        try:
            if notes["settings"] != (own := _plain(self.settings.guard())):
                raise UserError(
                    f"{path} belongs to other settings ({_other(notes['settings'], own)}); remove it to "
                    "train from the start."
                )
            reference = {name: arrays[f"extra.reference.{name}"] for name in Reference.__dataclass_fields__}
            scalars = {name: float(value) for name, value in reference.items() if value.ndim == 0}
            self.reference = Reference(**reference | scalars)
            kept = {name.removeprefix("extra."): value for name, value in arrays.items()}
            self.surface, self.average = FrontSurface.kept(kept), Average.kept(kept, self.device)
            self._assemble(clouds_from_checkpoint(arrays, path))
            extra = restore_checkpoint(arrays, self.model, self.optimizers, path)
            for name, remembered in notes["density"].items():
                self.density[name] = DensityState(
                    *(torch.from_numpy(extra[f"{name}.{column}"]).to(self.device) for column in ("total", "weight")),
                    *remembered,
                )
            self.rng.bit_generator.state = notes["numpy"]
            self.t, self.before, self.notes = notes["t"], notes["before"], notes["results"]
        except KeyError as missing:
            raise UserError(f"{path}: {missing} is missing; remove the file to train from the start.") from None
        grown = len(self.fine) - notes["pictures"]
        return f"{self.fine.folder} holds {grown:+d} pictures since the last run; they count now." if grown else ""


def _plain(values: dict) -> dict:
    """As JSON gives it back."""
    return json.loads(json.dumps(values))


def _other(theirs: dict, own: dict) -> str:
    """The first setting that differs."""
    name = next((name for name in own if theirs.get(name) != own[name]), "unknown ones")
    return f"{name} was {theirs[name]}, now {own[name]}" if name in own and name in theirs else name
