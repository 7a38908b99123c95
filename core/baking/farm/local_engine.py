# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks in processes of this machine, one each, so that a crash ends one task and nothing else."""

import json
import os
from contextlib import contextmanager, suppress
from dataclasses import asdict
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Any

from ...jobs import Shots
from .shot_tasks import Task, TaskResult, run_task

PATIENCE = 30.0  # seconds for a process that is asked to end, in which it ends its frame


class LocalEngine:
    """See engines.Engine."""

    def __init__(self, job: Shots) -> None:
        cores = max(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 1)
        self.slots = job.workers or max(cores // max(job.cores, 1), 1)
        self._threads = min(max(job.cores, 1), cores)
        self._running: dict[SpawnProcess, tuple[Task, Any]] = {}  # with the pipe that its result comes by

    def __enter__(self) -> "LocalEngine":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.join(PATIENCE)
            process.kill()

    def submit(self, task: Task) -> None:
        context = get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_child, args=(task, sender), daemon=True)
        with _environment(NUMBA_NUM_THREADS=str(self._threads)):
            process.start()
        sender.close()
        self._running[process] = task, receiver

    def ended(self, timeout: float) -> list[tuple[Task, TaskResult | None]]:
        sentinels = {process.sentinel: process for process in self._running}
        ends = []
        for sentinel in wait(list(sentinels), timeout):
            process = sentinels[sentinel]  # pyright: ignore[reportArgumentType]  (a handle on Windows)
            task, receiver = self._running.pop(process)
            process.join()
            ends.append((task, _received(receiver)))
        return ends


def _child(task: Task, sender: Any) -> None:
    with suppress(BrokenPipeError):  # who asked is gone; what was done is on the disk
        sender.send_bytes(json.dumps(asdict(run_task(task))).encode())


def _received(receiver: Any) -> TaskResult | None:
    with receiver:
        try:
            return TaskResult(**json.loads(receiver.recv_bytes()))
        except (EOFError, OSError):
            return None


@contextmanager
def _environment(**values: str):
    """The variables for the process that is started meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
