# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks on a Ray cluster: this machine alone, or many that share the folders. Ray starts processes again where machines
are, notices dead ones, and keeps no state that we would miss: what is done is on the disk.

Ray pickles our own tasks between our own processes, so that a cluster's network must be trusted (Ray's own TLS:
RAY_USE_TLS). Its statistics and its dashboard are off: nothing leaves the machines.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ...formats import UserError
from ...jobs import Shots
from .shot_tasks import Task, TaskResult, run_task

RETRIES = 3  # of a task by Ray itself, where a process or a machine is lost
AHEAD = 2  # tasks that wait for each process, so that none is idle and few are lost with a machine


class RayEngine:
    """See engines.Engine. Raises UserError where Ray is not installed, or the cluster cannot be reached."""

    def __init__(self, job: Shots) -> None:
        if find_spec("ray") is None:
            raise UserError("engine ray needs Ray: pip install 'talksplat[ray]', or use engine local.")
        self._job, self._cores = job, max(job.cores, 1)
        self._running: dict[Any, Task] = {}

    def __enter__(self) -> "RayEngine":
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        ray = self._ray = import_module("ray")
        alone = {"include_dashboard": False, "num_cpus": max(os.cpu_count() or 1, self._cores)}
        where = {"address": self._job.address} if self._job.address else alone
        try:
            ray.init(log_to_driver=False, logging_level="error", **where)
        except (ConnectionError, RuntimeError, ValueError) as error:
            reason = (str(error) or "it gave no reason").splitlines()[0].rstrip(".")
            raise UserError(f"Ray at {self._job.address or 'this machine'} cannot be reached ({reason}).") from error
        gpus = 1 if self._job.device == "cuda" else 0
        # Ray gives numpy's sums as many threads as the task has cores, and their last digits depend on it: a bake has
        # the bytes of a desk only with as many as a desk has.
        sums = os.environ.get("OMP_NUM_THREADS") or str(os.cpu_count() or 1)
        threads = {"env_vars": {"NUMBA_NUM_THREADS": str(self._cores), "OMP_NUM_THREADS": sums}}
        options = {"num_cpus": self._cores, "num_gpus": gpus, "max_retries": RETRIES, "runtime_env": threads}
        self._remote = ray.remote(**options)(_run)
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()

    @property
    def slots(self) -> int:
        with self._told():
            cores = self._ray.cluster_resources().get("CPU", 0)
        return AHEAD * max(int(cores) // self._cores, 1)

    def submit(self, task: Task) -> None:
        self._running[self._remote.remote(json.dumps(asdict(task)))] = task

    def ended(self, timeout: float) -> list[tuple[Task, TaskResult | None]]:
        if not self._running:
            return []
        with self._told():
            ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=timeout)
        return [(self._running.pop(reference), self._result(reference)) for reference in ready]

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What Ray says where all of it is gone, as a sentence."""
        try:
            yield
        except (self._ray.exceptions.RayError, ConnectionError) as error:
            reason = (str(error) or "it gave no reason").splitlines()[0].rstrip(".")
            raise UserError(f"Ray is gone ({reason}); run it again, it goes on where it was.") from error

    def _result(self, reference: Any) -> TaskResult | None:
        try:
            return TaskResult(**json.loads(self._ray.get(reference)))
        except self._ray.exceptions.RayError:  # lost more often than Ray tries again
            return None


def _run(task: str) -> str:
    """In one of Ray's processes; JSON, so that only texts travel."""
    return json.dumps(asdict(run_task(Task(**json.loads(task)))))
