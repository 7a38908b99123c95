# SPDX-License-Identifier: GPL-3.0-or-later
"""Worker processes that run one function over many tasks and can be stopped at any moment. It knows no video.

Not a concurrent.futures pool: that cannot be stopped in the middle of a task, and waits for ever for a process that
the system has killed. Processes are spawned, never forked, on every system; each one ends as soon as its parent is
gone, for whatever reason.
"""

import contextlib
import multiprocessing as mp
import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext

from ..formats import UserError
from .pool_worker import serve_tasks, task_name

TICK = 0.5  # seconds without a message after which TaskProgress(0) says that time passes
GRACE = 2.0  # seconds between asking a process to end and killing it
MAX_WORKERS = 60  # Windows waits for 63 handles at most
CRASHES = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")
WINDOWS_FAULT = 0xC0000000  # exit codes from here up are NTSTATUS errors, such as an access violation
THREAD_COUNTS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(frozen=True)
class TaskProgress:
    """Some steps of a task are done; 0 says only that time passes."""

    steps: int


@dataclass(frozen=True)
class TaskResult:
    """A task has ended."""

    index: int  # of the task
    outcome: object  # what the function returned, or the UserError it raised


class ProcessPool:
    """`with ProcessPool(4) as pool: for event in pool.run(function, tasks)`. Leaving the block ends the processes."""

    def __init__(self, size: int) -> None:
        """size: processes at most."""
        self.size = min(size, MAX_WORKERS)
        self._workers: list[_PoolProcess] = []

    def __enter__(self) -> "ProcessPool":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.connection.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(GRACE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.process.close()
        self._workers = []

    def run(
        self, function: Callable[..., object], tasks: Sequence[tuple]
    ) -> Generator[TaskProgress | TaskResult, None, None]:
        """`function(*task, report_steps)` for every task; results come in whatever order tasks end.

        `report_steps(3)` becomes TaskProgress(3). The function and its arguments are pickled, and found by the name
        of their module. A UserError is a task's outcome, whatever a task throws about a clip becomes one, and so does
        a crash of native code, whose process is replaced. Raises OSError or ModuleNotFoundError as the task did,
        RuntimeError with the traceback for our own mistakes, and UserError for a process that was killed from outside.
        """
        waiting = iter(enumerate(tasks))
        self._start_workers(min(self.size, len(tasks)))
        for worker in self._workers:
            worker.give(function, next(waiting, None))
        while busy := [worker for worker in self._workers if worker.task is not None]:
            ready = wait([worker.connection for worker in busy], TICK)
            if not ready:
                yield TaskProgress(0)
            for worker in busy:
                if worker.connection in ready:
                    event = worker.receive()
                    if isinstance(event, TaskResult):
                        successor = self._replace(worker) if worker.has_crashed else worker
                        successor.give(function, next(waiting, None))
                    yield event

    def _start_workers(self, count: int) -> None:
        threads = str(max(1, available_cores() // max(count, 1)))
        # PYTHONSAFEPATH: they begin with `python -c`, which would import what lies in the working folder.
        with _environment(dict.fromkeys(THREAD_COUNTS, threads) | {"PYTHONSAFEPATH": "1"}):
            while len(self._workers) < count:
                self._workers.append(_PoolProcess(mp.get_context("spawn")))

    def _replace(self, worker: "_PoolProcess") -> "_PoolProcess":
        """Start another process in the place of one that has crashed."""
        self._workers.remove(worker)
        worker.connection.close()
        worker.process.close()
        self._start_workers(len(self._workers) + 1)
        return self._workers[-1]


class _PoolProcess:
    """A worker process, our end of its pipe, and the task it works on."""

    def __init__(self, context: SpawnContext) -> None:
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve_tasks, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.task: tuple[int, tuple] | None = None
        self.has_crashed = False

    def give(self, function: Callable[..., object], task: tuple[int, tuple] | None) -> None:
        """Send a task, (index, arguments), or leave the process idle. Raises UserError where it has been killed."""
        self.task = task
        if task is not None:
            try:
                self.connection.send((function, task[1]))
            except OSError:
                raise self._lost(task[1]) from None

    def receive(self) -> TaskProgress | TaskResult:
        """The next message of the task, or its end by a crash. Raises what the task raised, and UserError where the
        process was killed."""
        if self.task is None:
            raise RuntimeError("a message from a process that has no task")
        index, arguments = self.task
        try:
            kind, value = self.connection.recv()
        except (EOFError, OSError):
            self.process.join(GRACE)
            signal_name, name = _crash(self.process.exitcode), task_name(arguments)
            if not signal_name or not name:
                raise self._lost(arguments) from None
            self.has_crashed, self.task = True, None
            words = f"the process that read it crashed ({signal_name}); export it again as MP4, or leave it out"
            return TaskResult(index, UserError(f"{name}: {words}."))
        if kind == "raised":
            raise value
        return TaskProgress(value) if kind == "steps" else TaskResult(index, value)

    def _lost(self, arguments: tuple) -> UserError:
        """The sentence for a killed process."""
        self.process.join(GRACE)
        return UserError(
            f"{task_name(arguments) or 'The work'}: a worker process ended unexpectedly (exit code "
            f"{self.process.exitcode}); run it again, with fewer --workers if the computer ran out of memory "
            "(everything finished is kept)."
        )


def _crash(exit_code: int | None) -> str:
    """The name of the fault by which native code ended its process; empty where somebody else ended it."""
    if exit_code is not None and exit_code >= WINDOWS_FAULT:
        return f"0x{exit_code:08X}"
    return next((name for name in CRASHES if exit_code == -getattr(signal, name, 0)), "") if exit_code else ""


def available_cores() -> int:
    """Cores of this machine that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Numeric libraries read their thread counts when they load, which in a new process is before any line of ours."""
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
