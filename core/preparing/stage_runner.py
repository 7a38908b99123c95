# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tasks of a stage in the process pool and turns their steps into the job's progress. It knows no stage."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from ..formats import UserError
from ..jobs import Event, Pace
from .process_pool import ProcessPool, TaskResult


@dataclass(frozen=True)
class StageTask:
    """One call of a stage's function."""

    name: str  # the clip or video it is about
    arguments: tuple
    cost: int = 0  # units of the job's progress


class StageRunner:
    """The job's progress over its stages: `done` of `total` units."""

    def __init__(self, pool: ProcessPool) -> None:
        self.pool, self.total, self.done = pool, 0, 0

    def run(
        self, note: str, function: Callable[..., None], tasks: Sequence[StageTask], cost_per_step: int = 0
    ) -> Generator[Event, None, dict[str, UserError]]:
        """Run the tasks; returns the UserErrors that tasks ended in, by their names.

        note: what the progress says. cost_per_step: units for a step that a task reports; 0: a task counts when it
        has ended.
        """
        pace, ended, end = Pace(self.total, self.done), 0, self.done + sum(task.cost for task in tasks)
        errors: dict[str, UserError] = {}
        yield pace.at(self.done, note)
        for event in self.pool.run(function, [task.arguments for task in tasks]):
            if isinstance(event, TaskResult):
                ended += 1
                task = tasks[event.index]
                if isinstance(event.outcome, UserError):
                    errors[task.name] = event.outcome
                if not cost_per_step:
                    self.done += task.cost
            else:
                self.done = min(self.done + cost_per_step * event.steps, end)
            yield pace.at(self.done, f"{note}, {ended} of {len(tasks)}" if len(tasks) > 1 else note)
        self.done = end
        return errors
