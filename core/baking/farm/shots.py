# SPDX-License-Identifier: GPL-3.0-or-later
"""The `Shots` job: many shots over many processes. Nothing is queued on a disk: what there is to do is what is not done
yet, so that whatever dies, the driver included, costs time alone, and a second run goes on.
"""

import time
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

from ...formats import UserError, atomic_write, to_pretty_json
from ...jobs import Event, Finished, Pace, Shots, Started, Warned, read_job_file
from ...performance import performance_file
from .engines import ENGINES, Engine
from .shot_table import find_job_files, read_table, write_job_files
from .shot_tasks import Task, TaskResult, tasks_of

LOOK = 1.0  # seconds between two looks at what is done
MOST_DEATHS = 5  # of the processes of one task, beyond which it is the shot's fault
REPORT = "shots.report.json"


@dataclass
class ShotProgress:
    """What is known of one shot."""

    path: Path
    work: Path  # NAME.work, beside the bake
    span: range  # empty: as long as its sound
    performances: list[Path]
    waiting: deque[Task] = field(default_factory=deque)
    running: int = 0
    deaths: dict[Task, int] = field(default_factory=dict)
    problem: str = ""
    frames: int = 0  # done by our processes
    seconds: float = 0.0  # of our processes
    devices: set[str] = field(default_factory=set)
    seen: int = 0  # frames that are done, whoever did them

    @staticmethod
    def of(path: Path) -> "ShotProgress":
        """Raises UserError."""
        bake = read_job_file(path, with_files=False).bake
        span = range(bake.frame_start, bake.frame_start + max(bake.frame_count, 0))
        performances = [Path(performance_file(bake.out, number)) for number in range(len(bake.sounds))]
        return ShotProgress(path, Path(bake.out).with_suffix(".work"), span, performances)

    @property
    def is_finished(self) -> bool:
        return (self.work / "finished").is_file()

    @property
    def has_heard(self) -> bool:
        """Whether further processes need not wait for the one that listens to the sound."""
        return all(path.is_file() for path in self.performances)

    @property
    def has_ended(self) -> bool:
        return not self.waiting and not self.running

    def look(self) -> int:
        """Frames that are done."""
        if self.is_finished:
            self.seen = len(self.span)
        elif self.running:
            done = sum(path.stem.lstrip("-").isdigit() for path in (self.work / "frames" / "done").glob("*.json"))
            self.seen = max(self.seen, min(done, len(self.span)))
        return self.seen

    def row(self) -> dict:
        """Of the report."""
        state = "failed" if self.problem else "done" if self.is_finished else "unfinished"
        return {
            "job": self.path.name,
            "state": state,
            "problem": self.problem,
            "frames": len(self.span),
            "frames_now": self.frames,
            "process_seconds": round(self.seconds, 3),
            "processes_lost": sum(self.deaths.values()),
            "devices": sorted(filter(None, self.devices)),
        }


def shots(job: Shots) -> Generator[Event, None, None]:
    """Do all shots. One that cannot be done is told and does not hold up the others. Closing the generator keeps the
    finished frames. Raises UserError."""
    if job.engine not in ENGINES:
        raise UserError(f"engine {job.engine!r} is unknown; use one of {', '.join(ENGINES)}.")
    if min(job.cores, 1 + job.workers, 1 + job.chunk) < 1:
        raise UserError("cores is at least 1, workers and chunk at least 0.")
    every, folder = _shots_of(job)
    if job.check:
        yield Finished({"shots": len(every), "frames": sum(len(shot.span) for shot in every)})
        return
    yield Started(f"Doing {len(every)} shots with engine {job.engine}", sum(len(shot.span) for shot in every))
    with ENGINES[job.engine](job) as engine:
        yield from _run(job, every, engine)
    rows = [shot.row() for shot in every]
    with atomic_write(folder / REPORT) as temporary:
        temporary.write_text(to_pretty_json({"format": "talksplat-shots", "shots": rows}), encoding="utf-8")
    failed = [shot for shot in every if shot.problem]
    if failed:
        raise UserError(
            f"{folder / REPORT}: {len(failed)} of {len(every)} shots failed, {failed[0].path.name} because: "
            f"{failed[0].problem.rstrip('.')}; mend that and run it again, the others are done."
        )
    yield Finished(
        {"shots": len(every), "frames": sum(row["frames_now"] for row in rows), "report": str(folder / REPORT)}
    )


def _shots_of(job: Shots) -> tuple[list[ShotProgress], Path]:
    """(the shots, the folder of their job files). Raises UserError before anything is written where a row is wrong."""
    path = Path(job.shots)
    if path.suffix.lower() == ".csv":
        rows = read_table(path)
        if job.check:
            return [_unwritten(row.bake.frame_start, row.bake.frame_count) for row in rows], path.parent
        folder = Path(job.out) if job.out else path.with_suffix("")
        return [ShotProgress.of(file) for file in write_job_files(rows, folder)], folder
    files = find_job_files(job.shots)
    if job.check:
        for file in files:
            read_job_file(file)
    return [ShotProgress.of(file) for file in files], files[0].parent


def _unwritten(start: int, count: int) -> ShotProgress:
    return ShotProgress(Path(), Path(), range(start, start + max(count, 0)), [])


def _run(job: Shots, every: list[ShotProgress], engine: Engine) -> Generator[Event, None, None]:
    by_job = {str(shot.path): shot for shot in every}
    for shot in every:
        if not shot.is_finished:
            tasks = tasks_of(str(shot.path), shot.span, job.chunk, engine.slots, job.device, job.patience)
            shot.waiting.extend(tasks)
    pace = Pace(sum(len(shot.span) for shot in every), sum(shot.look() for shot in every))
    yield pace.at(pace.done)
    looked = time.monotonic()
    while open_shots := [shot for shot in every if not shot.has_ended]:
        _start_what_can(open_shots, engine)
        for task, result in engine.ended(LOOK):
            shot = by_job[task.job]
            _take(shot, task, result)
            if shot.problem:
                yield Warned(shot.problem)
        if time.monotonic() - looked >= LOOK or all(shot.has_ended for shot in open_shots):
            looked = time.monotonic()
            finished = sum(shot.is_finished for shot in every)
            yield pace.at(max(pace.done, sum(shot.look() for shot in every)), f"{finished} of {len(every)} shots")


def _start_what_can(open_shots: list[ShotProgress], engine: Engine) -> None:
    """In the order of the table. The first process of a shot listens to its sound; the others start when it has."""
    free = engine.slots - sum(shot.running for shot in open_shots)
    for shot in open_shots:
        while free > 0 and shot.waiting and (not shot.running or shot.has_heard):
            engine.submit(shot.waiting.popleft())
            shot.running += 1
            free -= 1


def _take(shot: ShotProgress, task: Task, result: TaskResult | None) -> None:
    """What a task's end means for its shot."""
    shot.running -= 1
    if result is None:
        shot.deaths[task] = shot.deaths.get(task, 0) + 1
        if shot.deaths[task] < MOST_DEATHS:
            shot.waiting.appendleft(task)
        else:
            _give_up(shot, f"{shot.path}: its process died {MOST_DEATHS} times; look at the memory, or leave it out.")
        return
    shot.frames, shot.seconds = shot.frames + result.frames, shot.seconds + result.seconds
    shot.devices.add(result.device)
    if result.problem:
        _give_up(shot, result.problem)
    elif shot.has_ended and not shot.is_finished and not shot.problem:  # who put it together died
        shot.waiting.append(Task(task.job, device=task.device, patience=task.patience))


def _give_up(shot: ShotProgress, problem: str) -> None:
    shot.problem = shot.problem or problem
    shot.waiting.clear()
