# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the ablation: a head of one fusion, one density rule and one seed, trained and measured into one JSON.

Ears and landmarks' motion come before any picture and ask no density rule; so runs of one fusion and one seed share
them through a checkpoint, and each goes on from it exactly as it would have alone. A run that was cut off goes on
from its own checkpoint; one whose JSON is there is not run again.

Knows no table. Letters: N Gaussians.
"""

import json
import platform
import time
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import torch

from benchmarks.ablation_look import look
from talksplat.core.audio.encoders import ENCODERS
from talksplat.core.audio.features import Features
from talksplat.core.audio.sound import Sound
from talksplat.core.formats.atomic_write import atomic_write
from talksplat.core.formats.head_file import read_head
from talksplat.core.formats.tensors import read_tensors, write_tensors
from talksplat.core.jobs.events import Progress
from talksplat.core.jobs.messages import Train
from talksplat.core.training.train import CHECKPOINT, train_with
from talksplat.core.training.trainer import Trainer
from talksplat.core.training.training_settings import TrainingSettings, preset


@dataclass(frozen=True)
class Scale:
    """What all runs of one table share."""

    preset: str = "cpu"  # what everything else is taken from
    steps: int = 600  # with pictures
    budget: int = 10_000  # Gaussians of both branches
    before: int = 200  # ear steps; as many with landmarks
    height: int = 128  # pixels, whole pictures
    window: int = 128  # pixels, parts of full-size pictures
    tau: float = 2e-4  # score above which a Gaussian may have children

    def settings(self, fusion: str, density: str, seed: int) -> TrainingSettings:
        """The preset, shortened in proportion; half of the budget is there at the start."""
        base = preset(self.preset, seed)
        still = final = self.steps // 12
        rule = replace(
            base.density,
            strategy=density,
            budget=self.budget,
            tau=self.tau,
            start=still,
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
            ear=replace(base.ear, steps=self.before),
            motion_steps=self.before,
            static_steps=still,
            move_steps=self.steps - still - final,
            fuse_steps=final,
            preview_every=1e9,
            checkpoint_every=max(self.steps // 4, 1),
        )


class Remembering:
    """An encoder that hears each sound once: all runs of a process listen to the same clips."""

    def __init__(self, encoder) -> None:
        self.name, self.channels = encoder.name, encoder.channels
        self._encoder, self._heard = encoder, {}

    def encode(self, sound: Sound) -> Features:
        if sound.content_hash not in self._heard:
            self._heard[sound.content_hash] = self._encoder.encode(sound)
        return self._heard[sound.content_hash]


def remember_sounds() -> None:
    ENCODERS.update({name: Remembering(encoder) for name, encoder in ENCODERS.items()})


def name_of(fusion: str, density: str, seed: int) -> str:
    return f"{fusion}-{density}-s{seed}"


def run(footage: Path, out: Path, scale: Scale, fusion: str, density: str, seed: int) -> dict:
    """Train, measure, write `out/NAME.json`; gives it back."""
    name = name_of(fusion, density, seed)
    record, head = out / f"{name}.json", out / "heads" / f"{name}.head"
    if record.is_file():
        return looked_at(json.loads(record.read_text(encoding="utf-8")), record, head, footage)
    settings, work = scale.settings(fusion, density, seed), out / "work" / name
    begun = time.monotonic()
    start = shared_start(footage, settings, out / "starts" / f"{fusion}-s{seed}.safetensors")
    before = time.monotonic() - begun
    if not (work / CHECKPOINT).is_file():
        go_on_from(start, settings, work / CHECKPOINT)
    head.parent.mkdir(parents=True, exist_ok=True)
    begun, trained = time.monotonic(), None
    for event in train_with(Train(str(footage), str(head), str(work)), settings):
        if isinstance(event, Progress):
            if event.note.startswith("measuring") and trained is None:
                trained = time.monotonic()
            print(f"\r{name} {event.done}/{event.total} {event.note:60}", end="", flush=True)
    print()
    card = read_head(head).card
    result = {
        "format": "talksplat ablation run",
        "footage": card.training["footage"],
        "fusion": fusion,
        "density": density,
        "seed": seed,
        "scale": asdict(scale),
        "gaussians": card.training["gaussians"],
        "picture_size": card.training["picture_size"],
        "pictures": card.training["pictures"],
        "minutes": round(((trained or time.monotonic()) - begun) / 60, 2),
        "minutes_before": round(before / 60, 2),
        "date": date.today().isoformat(),
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
        "results": card.training["results"],
        "settings": settings.to_dict(),
    }
    (work / CHECKPOINT).unlink()
    write_record(record, result)
    return looked_at(result, record, head, footage)


def looked_at(result: dict, record: Path, head: Path, footage: Path) -> dict:
    """The record with what is seen in its pictures, once."""
    if "st-lpips" not in result:
        result |= look(head, footage, head.with_suffix(".png"))
        write_record(record, result)
    return result


def write_record(path: Path, record: dict) -> None:
    with atomic_write(path) as beside:
        beside.write_text(json.dumps(record, indent=1), encoding="utf-8")


def shared_start(footage: Path, settings: TrainingSettings, path: Path) -> Path:
    """The checkpoint of a fusion and a seed before its first picture."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(Trainer(footage, settings)) as trainer:
            trainer.begin()
            for heard in trainer.ears():
                trainer.notes["heard"] = {"ear_mean_r": round(heard.mean, 4)}
            for _ in trainer.motion():
                pass
            trainer.save(path)
    return path


def go_on_from(start: Path, settings: TrainingSettings, path: Path) -> None:
    """The same checkpoint, as that of other settings. All rules begin with empty sums, so nothing else differs."""
    arrays, metadata = read_tensors(start)
    notes = json.loads(metadata["notes"])
    notes["settings"] = json.loads(json.dumps(settings.guard()))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(path, arrays, {**metadata, "notes": json.dumps(notes)})
