# SPDX-License-Identifier: GPL-3.0-or-later
"""The job's handler: footage in, events out, a head file at the end. Kill it at any time and run it again: it
continues.

In the work folder:
    checkpoint.safetensors   the run between two steps, and after each stage before pictures
    preview/000500.png       target | render | both mouths
    losses.csv               step, stage, loss, PSNR, Gaussians
    tensorboard/             the same for TensorBoard, where the job asks for it
    report.html              at the end: settings, curves, previews, results
    lock                     held while a process trains here

A kill in the stages audio net or motion loses that stage's work, a kill while pictures are learnt what came after the
last checkpoint, one while measuring the measuring; in each case the head is the same as without the kill, on the same
machine and build with as many threads.
"""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..evaluation import Evaluator, final_metrics, measure_face_opacity, opacity_warning
from ..formats import HeadCard, UserError, locked_folder, read_head, write_head
from ..jobs import RIG_BOUND, Event, Finished, Pace, Progress, Started, Train, Warned
from ..metrics import lip_gap
from ..rigging import with_measured_rig
from .device import choose_device
from .overrides import settings_from_job
from .pretraining import fit_audio, fit_motion
from .preview import preview_frames, write_preview
from .run_log import RunLog
from .trained_head_card import trained_head_card
from .training_report import write_report
from .training_run import TrainingRun
from .training_settings import TrainingSettings
from .training_step import picture_step

CHECKPOINT = "checkpoint.safetensors"
REPORT_EVERY = 20  # steps between two events
SMOOTH = 0.98  # of the PSNR that is reported


def train(job: Train) -> Generator[Event, None, None]:
    """Train `job.footage` into `job.out`. Raises UserError for bad footage, unknown presets, checkpoints of other
    settings, and a work folder in which another process trains."""
    yield from train_with(job, settings_from_job(job, read_head(job.resume_from) if job.resume_from else None))


def train_with(
    job: Train, settings: TrainingSettings, clock: Callable[[], float] = time.monotonic
) -> Generator[Event, None, None]:
    """`train` with given settings; of the job, only footage, out, work, resume_from and device are read. clock: s."""
    out = Path(job.out)
    work = Path(job.work) if job.work else out.with_suffix(".work")
    started_at = clock()
    yield Started(f"Training {out.stem} on {Path(job.footage).name}", 0)
    if job.device != "cpu":
        yield Progress(0, settings.total, -1.0, "looking for a GPU")
    with closing(TrainingRun(Path(job.footage), settings, choose_device(job.device))) as run, locked_folder(work):
        yield from _begin_or_continue(run, work / CHECKPOINT, job.resume_from)
        with closing(RunLog(work, run.t, job.tensorboard)) as log:
            if log.warning:
                yield Warned(log.warning)
            session = Session(run, log, work, clock, started_at)
            yield from session.before_pictures()
            yield from session.pictures()
        run.results["minutes"] = session.minutes()
        card = yield from _write_measured_head(run, out)
        report = write_report(work, job, settings, card)
        yield Finished(_result(run, job, work, report) | _face_alpha(card))


def _begin_or_continue(run: TrainingRun, checkpoint: Path, resume_from: str) -> Iterator[Event]:
    head = read_head(resume_from) if resume_from else None
    if not checkpoint.is_file():
        if head is None:
            run.begin()
        else:
            run.begin_from(head)
            yield Progress(run.t, run.total, -1.0, f"going on from {Path(resume_from).name}, full-size pictures")
        return
    if warning := run.load(checkpoint):
        yield Warned(warning)
    if run.results.get("resumed_from", "") != (head.card.content_hash if head else ""):
        raise UserError(f"{checkpoint} is of a training that began otherwise; name another folder with --work.")
    where = f"at the stage {run.pending_stages[0]}" if run.pending_stages else f"from step {run.t}"
    yield Progress(run.t, run.total, -1.0, f"continuing {where}")


def _write_measured_head(run: TrainingRun, out: Path) -> Generator[Event, None, HeadCard]:
    """Write the run's head with its metrics in the card, and say where it is not finished; returns the card."""
    run.average.apply(run.model)
    head = run.model.to_file(trained_head_card(run, out.stem))
    evaluator = Evaluator(head, run.footage)
    results = yield from final_metrics(evaluator)
    results["opacity"] = yield from measure_face_opacity(evaluator)
    head.card.training["results"] = results
    write_head(out, head)
    try:
        write_head(out, (yield from with_measured_rig(head, RIG_BOUND)))
    except UserError as error:  # such as a head that was trained for a few steps and does not move yet
        yield Warned(f"{out} has no rig: {error}")
    if sentence := opacity_warning(str(out), results["opacity"]):
        yield Warned(sentence)
    return head.card


def _face_alpha(card: HeadCard) -> dict[str, float]:
    opacity = card.training["results"]["opacity"]
    return {"face_alpha": opacity["alpha inside the face"]} if opacity else {}


def _result(run: TrainingRun, job: Train, work: Path, report: Path) -> dict:
    return {
        "head": str(Path(job.out)),
        "work": str(work),
        "report": str(report),
        "minutes": round(run.results["minutes"], 1),
        "gaussians": sum(run.model.counts.values()),
        **run.results["before_pictures"],
    }


@dataclass
class Session:
    """A run's part in one process: what it logs, where its checkpoints go, and how long it has taken."""

    run: TrainingRun
    log: RunLog
    work: Path
    clock: Callable[[], float]  # seconds
    started_at: float  # on this clock

    def __post_init__(self) -> None:
        self._minutes_before = float(self.run.results["minutes"])

    def minutes(self) -> float:
        """Of all sessions together."""
        return self._minutes_before + (self.clock() - self.started_at) / 60

    def save(self) -> None:
        """Write the checkpoint."""
        self.run.results["minutes"] = self.minutes()
        self.run.save(self.work / CHECKPOINT)

    def before_pictures(self) -> Iterator[Event]:
        """The stages before pictures, a checkpoint after each."""
        if "audio net" in self.run.pending_stages:
            yield from self.audio_net()
            self.save()
        if "motion" in self.run.pending_stages:
            yield from self.motion()
            self.save()

    def audio_net(self) -> Iterator[Event]:
        """Fit the audio nets; the best fit is kept for the card."""
        pace, results = Pace(self.run.settings.audio_net.steps), self.run.results["before_pictures"]
        for fit in fit_audio(self.run):
            if fit.is_held_back and fit.mean_r >= results.get("audio_net_mean_r", -1.0):
                results["audio_net_mean_r"] = round(fit.mean_r, 4)
                results["audio_net_lip_gap_r"] = round(min(fit.lip_gap_r.values()), 4)
                results["audio_net_step"] = fit.step
            self.log.add_pretraining("audio net mean r", fit.mean_r, fit.step)
            r = ", ".join(f"{branch} {value:.2f}" for branch, value in fit.lip_gap_r.items())
            of = "held-back sound" if fit.is_held_back else "the training sound: too short to hold any back"
            yield pace.at(fit.step, f"audio net: lip gap predicted with r = {r}, of {of}")

    def motion(self) -> Iterator[Event]:
        """Fit the face field to the landmarks."""
        steps = self.run.settings.motion_steps
        pace, smoothed = Pace(steps), 0.0
        for k, loss in enumerate(fit_motion(self.run), start=1):
            smoothed = loss if k == 1 else SMOOTH * smoothed + (1 - SMOOTH) * loss
            if k % (5 * REPORT_EVERY) == 0 or k == steps:
                self.log.add_pretraining("landmarks mm", smoothed, k)
                yield pace.at(k, f"motion: landmarks off by {smoothed:.2f} mm (Huber)")
        self.run.results["before_pictures"]["landmarks_mm"] = round(smoothed, 3)

    def pictures(self) -> Iterator[Event]:
        """All picture steps that are left, with previews and checkpoints."""
        run, s, pace = self.run, self.run.settings, Pace(self.run.total, self.run.t, self.clock)
        last_preview, psnr = self.clock() - s.preview_every, run.results.get("psnr")
        facing = run.facing if run.facing.any() else slice(None)
        shown = preview_frames(run.frames[facing], lip_gap(run.landmarks[facing]))
        while run.t < run.total:
            step = picture_step(run)
            psnr = step.psnr if psnr is None else SMOOTH * psnr + (1 - SMOOTH) * step.psnr
            last = run.t == run.total
            if run.t % REPORT_EVERY == 0 or last:
                counts = run.model.counts
                self.log.add(step, psnr, counts)
                yield pace.at(run.t, f"{step.stage}: PSNR {psnr:.1f}, {sum(counts.values())} Gaussians")
            if self.clock() - last_preview >= s.preview_every or last:
                path = self.work / "preview" / f"{run.t:06d}.png"
                self.log.add_picture(write_preview(path, run, shown), run.t)
                last_preview = self.clock()
            if run.t % s.checkpoint_every == 0 or last:
                run.results["psnr"] = psnr
                self.save()
