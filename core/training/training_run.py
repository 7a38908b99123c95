# SPDX-License-Identifier: GPL-3.0-or-later
"""The run itself: everything that a step changes, how it begins, and how it is saved and continued after a kill.

Stages, in steps of `TrainingSettings`:
    audio net  the audio codes learn the mouth's geometry (pretraining.py)
    motion     the face field follows the tracked landmarks (pretraining.py)
    static     pictures teach the Gaussians, the fields rest (training_step.py, from here on)
    move       pictures teach Gaussians and fields together; density control works in static and move
    fuse       pictures at full size; geometry all but rests

Letters: F train pictures, A audio code, E expression channels, t global picture step.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..footage import encode_clips
from ..formats import HeadFile, UserError
from ..head import Cloud, HeadModel, clouds_from_checkpoint, read_checkpoint, restore_checkpoint, save_checkpoint
from ..metrics import lip_gap
from ..performance import BranchSettings
from .checkpoint_0_1_0 import translate_arrays, translate_notes
from .density import STRATEGIES
from .front_surface import FrontSurface
from .initial_cloud import initial_cloud
from .landmark_loss import landmark_loss
from .optimizers import cloud_optimizer, field_optimizer
from .picture_sampler import PictureSample, PictureSampler, blink_values
from .picture_stream import ReadAhead, open_footage
from .reference import Reference, choose_reference, picture_landmarks, reference_of_head
from .silence_samples import collect_silence, rest_pictures
from .thread_count import fix_thread_count
from .training_settings import TrainingSettings
from .views import View, full_view, random_window, sees_face
from .weight_average import WeightAverage

CPU = torch.device("cpu")
STAGES_BEFORE_PICTURES = ("audio net", "motion")


class TrainingRun:
    """Holds everything that a step changes; `begin` or `load` comes first, `close` last.

    Gaussians, networks and what is computed from them are on `device`; pictures and sound come from the CPU.
    """

    model: HeadModel
    reference: Reference
    surface: FrontSurface | None

    def __init__(self, folder: Path, settings: TrainingSettings, device: torch.device = CPU) -> None:
        """Open the footage in `folder` and encode its sound. Raises UserError."""
        self.settings, self.device = settings, device
        fix_thread_count()
        self.footage, self.small_footage = open_footage(folder, settings)
        self.speech = encode_clips(self.footage, "train", settings.encoder)
        self.frames = self.footage.frames("train")  # [F]
        if len(self.frames) == 0:
            raise UserError(f"{folder}: no picture belongs to split train; prepare the footage again.")
        self.silence = collect_silence(self.footage, self.speech, settings.encoder)
        self.landmarks = picture_landmarks(self.footage, self.speech, self.frames)  # [F,68,3]
        self.facing = sees_face(self.footage, self.frames, self.landmarks)  # [F]
        blinks = blink_values(self.footage.expression[self.frames], self.footage.expression_names)
        self.sampler = PictureSampler(settings, lip_gap(self.landmarks), blinks, self.facing)
        self.sampler.rest_rows = rest_pictures(self.landmarks, self.silence)
        self.views = ReadAhead(self.view_at, settings.ahead, settings.total)
        self.rng = np.random.default_rng(settings.seed)
        torch.manual_seed(settings.seed)
        self.t = 0
        self.pending_stages = list(STAGES_BEFORE_PICTURES)
        self.average = WeightAverage()
        self.results: dict = {"before_pictures": {}, "minutes": 0.0}  # for the card

    def begin(self) -> None:
        """First Gaussians and untrained networks."""
        s = self.settings
        self.reference = choose_reference(self.footage, self.speech, self.frames, s.below_chin)
        counts = {"face": s.face_points, "mouth": s.mouth_points}
        clouds = {
            name: initial_cloud(self.footage, self.frames, self.reference, name, count, s.sh_degree, self.rng)
            for name, count in counts.items()
        }
        self.surface = FrontSurface.from_points(clouds["face"].means.detach().numpy()) if s.reach else None
        self._assemble(clouds)

    def begin_from(self, head: HeadFile) -> None:
        """The Gaussians and networks of a trained head, whose stages but the last are done. Raises UserError where it
        does not fit the footage or the settings."""
        trained = HeadModel.from_file(head)
        self.reference = reference_of_head(head, self.landmarks, self.frames)
        self.surface = None  # the Gaussians are where the training left them, and fuse hardly moves them
        self._require_same_networks(head, trained.settings)
        self._assemble(dict(trained.clouds.items()))
        self.model.field.load_state_dict(trained.field.state_dict())
        self.pending_stages, self.t = [], self.total - self.settings.fuse_steps
        before = head.card.training.get("before_pictures")
        self.results["before_pictures"] = before if isinstance(before, dict) else {}
        self.results["resumed_from"] = head.card.content_hash

    def _require_same_networks(self, head: HeadFile, trained: dict[str, BranchSettings]) -> None:
        for branch, settings in self.branch_settings().items():
            pairs = zip(trained[branch].to_dict().items(), settings.to_dict().values())
            if changed := [f"{name} was {was}, now {now}" for (name, was), now in pairs if was != now]:
                raise UserError(
                    f"{head.source} does not fit {self.footage.folder} and these settings ({branch}: {changed[0]}); "
                    "take the footage that it was trained on, and leave out what shapes its networks."
                )

    def _assemble(self, clouds: dict[str, Cloud]) -> None:
        s = self.settings
        self.sampler.reference_rows = np.flatnonzero(np.isin(self.frames, self.reference.frames))
        self.canonical_landmarks = torch.from_numpy(self.reference.landmarks).to(self.device)
        self.surface = self.surface and self.surface.to(self.device)
        self.model = HeadModel(self.branch_settings(), self.speech.channels, clouds).to(self.device)
        self.optimizers = {name: cloud_optimizer(cloud, s) for name, cloud in self.model.clouds.items()}
        self.optimizers["field"] = field_optimizer(self.model, s)
        shares = {"face": 1 - s.mouth_share, "mouth": s.mouth_share}
        self.rules = {
            name: STRATEGIES[s.density.strategy](replace(s.density, budget=round(s.density.budget * share)))
            for name, share in shares.items()
        }
        self.density_states = {
            name: rule.initialize_state(self.model.clouds[name]) for name, rule in self.rules.items()
        }

    def branch_settings(self) -> dict[str, BranchSettings]:
        """Where each branch moves, and how finely."""
        s, r = self.settings, self.reference
        return {
            "face": BranchSettings.face(
                finest=s.face_finest,
                centre=_xyz(r.centre),
                half_extent=r.half_extent,
                fusion=s.fusion,
                expression=len(self.footage.expression_names),
            ),
            "mouth": BranchSettings.mouth(
                finest=s.mouth_finest,
                base=s.mouth_base,
                centre=_xyz(r.mouth_centre),
                half_extent=r.mouth_half_extent,
                fusion=s.fusion,
                expression=0,
            ),
        }

    def close(self) -> None:
        """End the thread that reads ahead."""
        self.views.close()

    # What a step needs

    @property
    def total(self) -> int:
        """Picture steps."""
        return self.settings.total

    def stage(self, t: int) -> str:
        """static, move or fuse."""
        s = self.settings
        return "static" if t < s.static_steps else "move" if t < s.static_steps + s.move_steps else "fuse"

    def view_at(self, t: int) -> tuple[PictureSample, View]:
        """The picture of step t, or a window of one: a function of t alone, so that a thread can make it in time."""
        sample = self.sampler.at(t)
        frame, facing = int(self.frames[sample.row]), bool(self.facing[sample.row])
        if sample.cropped:
            return sample, random_window(self.footage, frame, self.settings.window, facing, sample.rng)
        return sample, full_view(self.footage if self.stage(t) == "fuse" else self.small_footage, frame)

    def condition_at(
        self, frame: int, silence_rng: np.random.Generator | None = None
    ) -> tuple[dict[str, Tensor], Tensor]:
        """({branch: code [A]}, expression [E]) of a picture; with `silence_rng`, silence drawn by it replaces the
        picture's sound."""
        clip, time = int(self.footage.clip[frame]), self.footage.time[frame : frame + 1]
        windows = self.silence.windows(1, silence_rng) if silence_rng else self.speech.windows(clip, time)
        codes = self.model.codes(torch.from_numpy(windows).to(self.device))
        expression = torch.from_numpy(self.footage.expression[frame]).to(self.device)
        return {name: code[0] for name, code in codes.items()}, expression

    def landmark_loss(self, count: int) -> Tensor:
        """The landmark term at `count` random moments, in millimetres (Huber)."""
        rows = self.rng.choice(len(self.speech.moments), count)
        is_silent = self.rng.random(count) < self.settings.silence_moments
        return landmark_loss(self.model, self.canonical_landmarks, self.speech, rows, self.silence, is_silent, self.rng)

    # Checkpoints

    def save(self, path: Path) -> None:
        """Write a checkpoint between two steps."""
        extra = self.reference.state_dict() | self.average.state_dict()
        if self.surface is not None:
            extra |= self.surface.state_dict()
        for branch, state in self.density_states.items():
            extra |= {f"{branch}.{name}": _as_array(value) for name, value in state.state_dict().items()}
        notes = {
            "t": self.t,
            "before": self.pending_stages,
            "settings": self.settings.fingerprint(),
            "pictures": len(self.footage),
            "results": self.results,
            "numpy": self.rng.bit_generator.state,
        }
        save_checkpoint(path, self.model, self.optimizers, extra, notes)

    def load(self, path: Path) -> str:
        """Continue from a checkpoint; returns a warning when the footage has grown since, else "".

        Raises UserError when it belongs to other settings, or is damaged.
        """
        arrays, notes = read_checkpoint(path)
        try:
            arrays, notes = translate_arrays(arrays, notes), translate_notes(notes)
            self._require_same_settings(path, notes["settings"])
            extra = {name.removeprefix("extra."): value for name, value in arrays.items()}
            self.reference = Reference.from_state_dict(extra)
            self.surface = FrontSurface.from_state_dict(extra)
            self.average = WeightAverage.from_state_dict(extra, self.device)
            self._assemble(clouds_from_checkpoint(arrays, path))
            restore_checkpoint(arrays, self.model, self.optimizers, path)
            for branch, state in self.density_states.items():
                state.load_state_dict(_with_prefix(f"{branch}.", extra))
            self.rng.bit_generator.state = notes["numpy"]
            self._continue_from(notes)
            added = len(self.footage) - int(notes["pictures"])
        except UserError:
            raise
        except KeyError as missing:
            raise UserError(f"{path}: {missing} is missing; remove the file to train from the start.") from None
        except Exception as error:  # torch and numpy throw anything at arrays and states that do not fit
            raise UserError(f"{path} is damaged; remove the file to train from the start.") from error
        return f"{self.footage.folder} has {added:+d} pictures since the last run; they count now." if added else ""

    def _continue_from(self, notes: dict) -> None:
        """Raises KeyError, TypeError or ValueError for notes of another kind."""
        stages, results = notes["before"], notes["results"]
        if not 0 <= int(notes["t"]) <= self.total or not set(stages) <= set(STAGES_BEFORE_PICTURES):
            raise ValueError("a step or stage that there is not")
        float(results["minutes"])
        dict(results["before_pictures"])
        self.t, self.pending_stages, self.results = int(notes["t"]), list(stages), results

    def _require_same_settings(self, path: Path, saved: dict) -> None:
        own = self.settings.fingerprint()
        if saved == own:
            return
        name = next((name for name in own if saved.get(name) != own[name]), "unknown ones")
        difference = f"{name} was {saved[name]}, now {own[name]}" if name in own and name in saved else name
        raise UserError(f"{path} belongs to other settings ({difference}); remove it to train from the start.")


def _xyz(point: np.ndarray) -> tuple[float, float, float]:
    x, y, z = point.tolist()
    return x, y, z


def _as_array(value: np.ndarray | Tensor) -> np.ndarray:
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else value


def _with_prefix(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
