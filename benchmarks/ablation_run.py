# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the ablation: a head of one fusion, one density rule and one seed, trained and measured into one JSON.

The audio nets' fit and the landmarks' motion come before any picture and need no density rule; so runs of one fusion
and one seed share them through a checkpoint, and each continues from it exactly as it would have alone. A run that was
interrupted continues from its own checkpoint; one whose JSON is there is not run again.

Knows no table.
"""

import json
import platform
import time
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import torch

from benchmarks.ablation_measure import measure_pictures
from talksplat.core.audio import ENCODERS, Features, Sound
from talksplat.core.formats import atomic_write, read_head, read_tensors, write_tensors
from talksplat.core.head import clouds_from_checkpoint
from talksplat.core.jobs import Progress, Train
from talksplat.core.training.density import STRATEGIES
from talksplat.core.training.pretraining import fit_audio, fit_motion
from talksplat.core.training.train import CHECKPOINT, train_with
from talksplat.core.training.training_run import TrainingRun
from talksplat.core.training.training_settings import TrainingSettings, preset

FORMAT = "talksplat ablation run"


@dataclass(frozen=True)
class Scale:
    """What all runs of one table share."""

    preset: str = "cpu"  # what everything else is taken from
    steps: int = 600  # with pictures
    budget: int = 10_000  # Gaussians of both branches
    before: int = 200  # steps of the audio nets; as many with landmarks
    height: int = 128  # pixels, full pictures
    window: int = 128  # pixels, windows of full-size pictures
    tau: float = 2e-4  # score above which a Gaussian may have children

    def settings(self, fusion: str, density: str, seed: int) -> TrainingSettings:
        """The preset, shortened in proportion; half of the budget is there at the start."""
        base = preset(self.preset, seed)
        static = fuse = self.steps // 12
        rule = replace(
            base.density,
            strategy=density,
            budget=self.budget,
            tau=self.tau,
            start=static,
            stop=int(0.8 * self.steps),
            every=max(self.steps // 24, 1),
        )
        return replace(
            base,
            fusion=fusion,
            density=rule,
            height=self.height,
            window=self.window,
            face_points=round(0.4 * self.budget),
            mouth_points=round(0.1 * self.budget),
            audio_net=replace(base.audio_net, steps=self.before),
            motion_steps=self.before,
            static_steps=static,
            move_steps=self.steps - static - fuse,
            fuse_steps=fuse,
            preview_every=1e9,
            checkpoint_every=max(self.steps // 4, 1),
        )


class CachedEncoder:
    """An encoder that encodes each sound once a process: all runs train on the same clips."""

    def __init__(self, encoder) -> None:
        self.name, self.channels = encoder.name, encoder.channels
        self._encoder, self._features = encoder, {}

    def encode(self, sound: Sound) -> Features:
        if sound.content_hash not in self._features:
            self._features[sound.content_hash] = self._encoder.encode(sound)
        return self._features[sound.content_hash]


def cache_encoders() -> None:
    ENCODERS.update({name: CachedEncoder(encoder) for name, encoder in ENCODERS.items()})


def run_name(fusion: str, density: str, seed: int) -> str:
    return f"{fusion}-{density}-s{seed}"


def run(footage: Path, out: Path, scale: Scale, fusion: str, density: str, seed: int) -> dict:
    """Train, measure, write `out/NAME.json`; returns its record."""
    name = run_name(fusion, density, seed)
    path, head = out / f"{name}.json", out / "heads" / f"{name}.head"
    if path.is_file():
        return with_picture_metrics(json.loads(path.read_text(encoding="utf-8")), path, head, footage)
    settings, work = scale.settings(fusion, density, seed), out / "work" / name
    started_at = time.monotonic()
    shared = shared_start(footage, settings, out / "starts" / f"{fusion}-s{seed}.safetensors")
    minutes_before = (time.monotonic() - started_at) / 60
    if not (work / CHECKPOINT).is_file():
        copy_checkpoint(shared, settings, work / CHECKPOINT)
    head.parent.mkdir(parents=True, exist_ok=True)
    minutes = train_head(Train(str(footage), str(head), str(work)), settings, name)
    training = read_head(head).card.training
    record = {
        "format": FORMAT,
        "fusion": fusion,
        "density": density,
        "seed": seed,
        "scale": asdict(scale),
        **{key: training[key] for key in ("footage", "gaussians", "picture_size", "pictures", "results")},
        "minutes": round(minutes, 2),
        "minutes_before": round(minutes_before, 2),
        "date": date.today().isoformat(),
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
        "settings": settings.to_dict(),
    }
    (work / CHECKPOINT).unlink()
    write_record(path, record)
    return with_picture_metrics(record, path, head, footage)


def train_head(job: Train, settings: TrainingSettings, name: str) -> float:
    """Train with a line of progress; returns the minutes without the measuring at the end."""
    started_at, trained_at = time.monotonic(), None
    for event in train_with(job, settings):
        if isinstance(event, Progress):
            if event.note.startswith("measuring") and trained_at is None:
                trained_at = time.monotonic()
            print(f"\r{name} {event.done}/{event.total} {event.note:60}", end="", flush=True)
    print()
    return ((trained_at or time.monotonic()) - started_at) / 60


def with_picture_metrics(record: dict, path: Path, head: Path, footage: Path) -> dict:
    """The record with what is measured on its pictures, which is done once."""
    if "st-lpips" not in record:
        record |= measure_pictures(head, footage, head.with_suffix(".png"))
        write_record(path, record)
    return record


def write_record(path: Path, record: dict) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")


def shared_start(footage: Path, settings: TrainingSettings, path: Path) -> Path:
    """The checkpoint of a fusion and a seed before its first picture."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(TrainingRun(footage, settings)) as start:
            start.begin()
            for fit in fit_audio(start):
                start.results["before_pictures"] = {"audio_net_mean_r": round(fit.mean_r, 4)}
            for _ in fit_motion(start):
                pass
            start.save(path)
    return path


def copy_checkpoint(start: Path, settings: TrainingSettings, path: Path) -> None:
    """The same checkpoint, as that of other settings: their density rule begins with its own empty state."""
    arrays, metadata = read_tensors(start)
    rule = STRATEGIES[settings.density.strategy](settings.density)
    for branch, cloud in clouds_from_checkpoint(arrays, start).items():
        values = rule.initialize_state(cloud).state_dict()
        arrays |= {f"extra.{branch}.{name}": np.asarray(value) for name, value in values.items()}
    notes = json.loads(metadata["notes"])
    notes["settings"] = settings.fingerprint()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(path, arrays, {**metadata, "notes": json.dumps(notes)})
