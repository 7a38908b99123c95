# SPDX-License-Identifier: GPL-3.0-or-later
"""The `Do` job: frames of an exported shot, beside any number of processes that do the same, on any machines that share
the folder. Each frame is done once; one that a dead process had is done by another; who finds all frames done puts them
together.

    NAME/                     the bake, the pictures, the movie
    NAME/NAME.work/frames     who does what (claims.py)
    NAME/NAME.work/shards     a bake for each process, until they are put together
    NAME/NAME.work/finished   all is done
"""

import shutil
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...formats import UserError, atomic_write, open_untrusted, sha256_of_file
from ...jobs import Bake, Do, Event, Finished, Pace, Render, Started, read_job_file
from ...performance import performance_file
from ..render_names import check_plain_name
from ..shot_evaluation import ShotEvaluation, evaluate_shot
from .claims import Claims
from .put_together import put_together
from .shot_worker import ShotWorker

MOST_WAIT = 1.0  # seconds between two looks at what the others do
LEAST_PATIENCE = 1.0  # seconds


@dataclass(frozen=True)
class Work:
    """The folders of one shot that several processes do."""

    bake: Bake
    render: Render
    folder: Path
    pause: float  # seconds between two looks

    @property
    def frames(self) -> Path:
        return self.folder / "frames"

    @property
    def shards(self) -> Path:
        return self.folder / "shards"

    @property
    def finished(self) -> Path:
        return self.folder / "finished"

    def finish(self) -> None:
        """All is put together: what only the workers needed goes. Others who wait see `finished` first."""
        self.finished.touch()
        # Beside them on Windows a file may be open in a worker that is about to see that: what stays is no harm.
        shutil.rmtree(self.shards, ignore_errors=True)
        shutil.rmtree(self.frames, ignore_errors=True)


def do(job: Do) -> Generator[Event, None, None]:
    """Do the frames of the range that nobody has done, wait for those that others are at, and put all together where
    the shot is complete. Closing the generator keeps the finished frames. Raises UserError."""
    work = _work_of(job)
    if work.finished.is_file():
        yield Finished(_result(work, None, {}))
        return
    _mark(work.folder / "job.sha256", job.job)
    result: dict = {}
    with Claims(work.frames, job.patience) as claims:
        evaluation = yield from _listen(work, claims)
        frames = _chosen(job, evaluation)
        with ShotWorker(evaluation, work.render, claims, work.shards) as worker:
            yield from _do_frames(work, claims, worker, evaluation, frames)
        units = set(map(str, evaluation.shot.span))
        while not work.finished.is_file() and units <= claims.done():
            if claims.take("all"):
                result = yield from put_together(evaluation, work.bake, work.render, claims, work.shards)
                work.finish()
            else:
                yield from _wait(work, "others put the frames together")
    yield Finished(_result(work, worker, result))


def _work_of(job: Do) -> Work:
    """Raises UserError."""
    if not job.patience >= LEAST_PATIENCE:
        raise UserError(f"patience {job.patience:g} is too short; give at least {LEAST_PATIENCE:g} second.")
    file = read_job_file(job.job)
    bake, render = file.bake, replace(file.render, device=job.device or file.render.device)
    check_plain_name(render)
    if job.out:
        place = Path(job.out).absolute() / Path(bake.out).name
        bake, render = replace(bake, out=str(place)), replace(render, bake=str(place), out=str(place.parent))
    folder = Path(bake.out).with_suffix(".work")
    return Work(bake, render, folder, min(MOST_WAIT, job.patience / 10))


def _mark(path: Path, job: str) -> None:
    """That this folder is of this job file. Raises UserError where it is of another."""
    digest = sha256_of_file(job)
    if not path.exists():
        with atomic_write(path) as temporary:
            temporary.write_text(digest, encoding="utf-8")
    with open_untrusted(path) as (file, _):
        if file.read(len(digest)) != digest.encode():
            raise UserError(f"{path.parent}: is of another job; give another folder, or delete it to begin anew.")


def _listen(work: Work, claims: Claims) -> Generator[Event, None, ShotEvaluation]:
    """One process lets the head listen to the sounds, the others wait for its performance."""
    places = [performance_file(work.bake.out, number) for number in range(len(work.bake.sounds))]
    while not all(place.is_file() for place in places) and "sound" not in claims.done():
        if claims.take("sound"):
            evaluation = yield from evaluate_shot(work.bake)
            claims.finish("sound", {})
            return evaluation
        yield from _wait(work, "another listens to the sound")
    return (yield from evaluate_shot(work.bake))


def _chosen(job: Do, evaluation: ShotEvaluation) -> Sequence[int]:
    span = evaluation.shot.span
    first, last = span[0] if job.first is None else job.first, span[-1] if job.last is None else job.last
    if not span[0] <= first <= last <= span[-1]:
        raise UserError(f"{job.job}: holds frames {span[0]} to {span[-1]}, not {first} to {last}; set first and last.")
    return range(first, last + 1)


def _do_frames(
    work: Work, claims: Claims, worker: ShotWorker, evaluation: ShotEvaluation, frames: Sequence[int]
) -> Generator[Event, None, None]:
    missing = [frame for frame in frames if str(frame) not in claims.done()]
    yield Started(f"Baking and rendering {len(frames)} frames of {evaluation.head}", len(frames))
    pace, has_begun = Pace(len(frames), len(frames) - len(missing)), False
    while missing and not work.finished.is_file():
        before = len(missing)
        for frame in missing:
            if not _taken(work, claims, frame):
                continue
            if not has_begun:
                yield from worker.start()
                has_begun = True
            yield from worker.do(frame)
            yield pace.at(min(pace.done + 1, len(frames)), f"frame {frame}")
        if has_begun:
            worker.drain()
        done = claims.done()
        missing = [frame for frame in missing if str(frame) not in done]
        yield pace.at(max(pace.done, len(frames) - len(missing)))
        if len(missing) == before:
            yield from _wait(work, "others do the rest")


def _taken(work: Work, claims: Claims, frame: int) -> bool:
    try:
        return claims.take(str(frame))
    except FileNotFoundError:  # another has just put all together and cleared the folder
        if work.finished.is_file():
            return False
        raise


def _wait(work: Work, note: str) -> Generator[Event, None, None]:
    yield Pace(0).at(0, note)
    time.sleep(work.pause)


def _result(work: Work, worker: ShotWorker | None, rendered: dict) -> dict:
    """rendered: what the render said that put all together, if this process did that."""
    is_complete = work.finished.is_file()
    return {
        "folder": str(Path(work.render.out).absolute()),
        "new": worker.count if worker else 0,
        "device": worker.device if worker else "",
        "complete": is_complete,
        **({"bake": work.bake.out} if is_complete else {}),
        **({"movie": rendered["movie"]} if "movie" in rendered else {}),
    }
