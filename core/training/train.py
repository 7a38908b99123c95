# SPDX-License-Identifier: GPL-3.0-or-later
"""The deed: footage in, events out, a head file at the end. Kill it at any time and call it again: it goes on.

In the work folder:
    checkpoint.safetensors   the run between two steps, and after each stage before pictures
    preview/000500.png       truth | render | both mouths
    losses.csv               step, stage, loss, PSNR, Gaussians
    tensorboard/             the same for TensorBoard, where the job asks for it
    report.html              at the end: settings, curves, previews, results
    lock                     held while a process trains here

A kill in ear or motion loses that stage's work, a kill while pictures are learnt what came after the last checkpoint,
one while measuring the measuring; in each case the head is the same as without the kill, on the same machine and
build with as many threads.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from ..evaluation import Evaluator, final_metrics
from ..formats import locked_folder, write_head
from ..jobs import Event, Finished, Pace, Progress, Started, Train, Warned
from ..metrics import lip_gap
from .card import card_of
from .device import choose_device
from .overrides import settings_from_job
from .preview import moments, preview
from .run_log import RunLog
from .trainer import Trainer
from .training_report import write_report
from .training_settings import TrainingSettings

CHECKPOINT = "checkpoint.safetensors"
REPORT_EVERY = 20  # steps between two events
SMOOTH = 0.98  # of the PSNR that is told


def train(job: Train) -> Iterator[Event]:
    """Train `job.footage` into `job.out`. Raises Refusal for bad footage, unknown presets, foreign checkpoints, and a
    work folder in which another process trains."""
    yield from train_with(job, settings_from_job(job))


def train_with(job: Train, settings: TrainingSettings, clock: Callable[[], float] = time.monotonic) -> Iterator[Event]:
    """`train` with settings of one's own; of the job, only footage, out, work and device are read."""
    out = Path(job.out)
    work = Path(job.work) if job.work else out.with_suffix(".work")
    begun = clock()
    yield Started(f"Training {out.stem} on {Path(job.footage).name}", 0)
    if job.device != "cpu":
        yield Progress(0, settings.total, -1.0, "looking for a GPU")
    with closing(Trainer(Path(job.footage), settings, choose_device(job.device))) as trainer, locked_folder(work):
        checkpoint = work / CHECKPOINT
        if checkpoint.is_file():
            if warning := trainer.load(checkpoint):
                yield Warned(warning)
            yield Progress(
                trainer.t,
                trainer.total,
                -1.0,
                f"goes on from step {trainer.t}" if not trainer.before else f"goes on before {trainer.before[0]}",
            )
        else:
            trainer.begin()
        spent = float(trainer.notes["minutes"]) * 60 - begun

        def minutes() -> float:
            return (clock() + spent) / 60

        with closing(RunLog(work, trainer.t, job.tensorboard)) as journal:
            if journal.warning:
                yield Warned(journal.warning)
            yield from _before_pictures(trainer, journal, checkpoint, minutes)
            yield from _pictures(trainer, journal, work, clock, minutes)
        trainer.notes["minutes"] = minutes()
        trainer.average.settle(trainer.model)
        head = trainer.model.to_file(card_of(trainer, out.stem))
        head.card.training["results"] = yield from final_metrics(Evaluator(head, trainer.fine))
        write_head(out, head)
        report = write_report(work, job, settings, head.card)
        yield Finished(
            {
                "head": str(out),
                "work": str(work),
                "report": str(report),
                "minutes": round(trainer.notes["minutes"], 1),
                "gaussians": sum(trainer.model.counts.values()),
                **trainer.notes["heard"],
            }
        )


def _before_pictures(
    trainer: Trainer, journal: RunLog, checkpoint: Path, minutes: Callable[[], float]
) -> Iterator[Event]:
    """Ears, then the landmarks' motion, a checkpoint after each; their results go into the notes for the card."""
    for stage, deed in (("ears", _ears), ("motion", _motion)):
        if stage in trainer.before:
            yield from deed(trainer, journal)
            trainer.notes["minutes"] = minutes()
            trainer.save(checkpoint)


def _ears(trainer: Trainer, journal: RunLog) -> Iterator[Event]:
    ear = Pace(trainer.settings.ear.steps)
    for heard in trainer.ears():
        told = ", ".join(f"{name} {r:.2f}" for name, r in heard.lip_gap.items())
        if heard.mean >= trainer.notes["heard"].get("ear_mean_r", -1.0):
            trainer.notes["heard"] = {
                "ear_mean_r": round(heard.mean, 4),
                "ear_lip_gap_r": round(min(heard.lip_gap.values()), 4),
                "ear_step": heard.step,
            }
        journal.told("ear mean r", heard.mean, heard.step)
        yield ear.at(heard.step, f"ear: lip gap heard with r = {told}")


def _motion(trainer: Trainer, journal: RunLog) -> Iterator[Event]:
    motion, recent = Pace(trainer.settings.motion_steps), 0.0
    for k, loss in enumerate(trainer.motion(), start=1):
        recent = loss if k == 1 else SMOOTH * recent + (1 - SMOOTH) * loss
        if k % (5 * REPORT_EVERY) == 0 or k == trainer.settings.motion_steps:
            journal.told("landmarks mm", recent, k)
            yield motion.at(k, f"motion: landmarks off by {recent:.2f} mm (Huber)")
    trainer.notes["heard"]["landmarks_mm"] = round(recent, 3)


def _pictures(
    trainer: Trainer, journal: RunLog, work: Path, clock: Callable[[], float], minutes: Callable[[], float]
) -> Iterator[Event]:
    settings, pace = trainer.settings, Pace(trainer.total, trainer.t, clock)
    shown, psnr = clock() - settings.preview_every, trainer.notes.get("psnr")
    facing = trainer.facing if trainer.facing.any() else slice(None)
    rows = moments(trainer.frames[facing], lip_gap(trainer.marks[facing]))
    while trainer.t < trainer.total:
        step = trainer.step()
        psnr = step.psnr if psnr is None else SMOOTH * psnr + (1 - SMOOTH) * step.psnr
        last = trainer.t == trainer.total
        if trainer.t % REPORT_EVERY == 0 or last:
            counts = trainer.model.counts
            journal.add(step, psnr, counts)
            yield pace.at(trainer.t, f"{step.stage}: PSNR {psnr:.1f}, {sum(counts.values())} Gaussians")
        if clock() - shown >= settings.preview_every or last:
            journal.show(preview(work / "preview" / f"{trainer.t:06d}.png", trainer, rows), trainer.t)
            shown = clock()
        if trainer.t % settings.checkpoint_every == 0 or last:
            trainer.notes |= {"minutes": minutes(), "psnr": psnr}
            trainer.save(work / CHECKPOINT)
