# SPDX-License-Identifier: GPL-3.0-or-later
"""What of many shots one process does in one go: frames of one job file, by the `Do` job. Whoever runs a task, and how
often, makes no difference: `do` does each frame once.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ...formats import UserError
from ...jobs import Do, Finished
from .do import do

LEAST, MOST = (
    10,
    240,
)  # frames of a task; not in the paper: chosen because a start takes seconds, and a lost one costs all
SHARE = 4  # tasks a process, so that they end together


@dataclass(frozen=True)
class Task:
    """Frames of one shot."""

    job: str  # the .job.json file
    first: int | None = None  # number of the first frame; None: all of the shot
    last: int | None = None
    device: str = ""
    patience: float = 60.0


@dataclass(frozen=True)
class TaskResult:
    """How a task ended."""

    problem: str = ""  # one sentence; "": it is done
    frames: int = 0  # that this process did
    device: str = ""
    seconds: float = 0.0


def run_task(task: Task) -> TaskResult:
    """Do it, in this process."""
    began, result = time.monotonic(), {}
    try:
        for event in do(Do(task.job, task.first, task.last, device=task.device, patience=task.patience)):
            if isinstance(event, Finished):
                result = event.result
    except UserError as error:
        return TaskResult(str(error), seconds=time.monotonic() - began)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return TaskResult(f"{what}; mend that and run it again.", seconds=time.monotonic() - began)
    except MemoryError:
        return TaskResult(f"{task.job}: the memory is used up; give fewer workers.", seconds=time.monotonic() - began)
    return TaskResult("", result.get("new", 0), result.get("device", ""), time.monotonic() - began)


def tasks_of(job: str, span: Sequence[int], chunk: int, slots: int, device: str, patience: float) -> list[Task]:
    """The shot in tasks of `chunk` frames, 0: by its length and the number of processes; of unknown length, one."""
    if not span:
        return [Task(job, device=device, patience=patience)]
    size = chunk or min(max(LEAST, -(-len(span) // (SHARE * max(slots, 1)))), MOST)
    begins = range(span[0], span[-1] + 1, size)
    return [Task(job, begin, min(begin + size - 1, span[-1]), device, patience) for begin in begins]
