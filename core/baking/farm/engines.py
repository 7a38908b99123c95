# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs the tasks of many shots: processes of this machine, or a Ray cluster. An engine knows no shots; it starts
tasks and says how they ended.
"""

from collections.abc import Callable
from typing import Protocol

from ...jobs import Shots
from .local_engine import LocalEngine
from .ray_engine import RayEngine
from .shot_tasks import Task, TaskResult


class Engine(Protocol):
    """A context manager; leaving it ends what still runs."""

    @property
    def slots(self) -> int:
        """How many tasks are worth being started at once; may change while machines come and go."""
        ...

    def __enter__(self) -> "Engine": ...

    def __exit__(self, *_: object) -> None: ...

    def submit(self, task: Task) -> None:
        """Start it, or let it wait for a place."""
        ...

    def ended(self, timeout: float) -> list[tuple[Task, TaskResult | None]]:
        """The tasks that have ended, at the latest after `timeout` seconds; None: its process died."""
        ...


# The name that `Shots.engine` takes -> a function of the job to an engine.
ENGINES: dict[str, Callable[[Shots], Engine]] = {"local": LocalEngine, "ray": RayEngine}
