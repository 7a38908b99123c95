# SPDX-License-Identifier: GPL-3.0-or-later
"""Several processes that do one function over many tasks, and can be dismissed at any moment. It knows no video.

Not a concurrent.futures pool: that cannot be stopped in the middle of a task and waits for ever for a process that the
system has killed. Every process ends at once when its parent is gone, however that came.
"""

import contextlib
import multiprocessing as mp
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from ..formats import UserError

TICK = 0.5  # seconds after which something is said although nothing has ended
PATIENCE = 2.0  # seconds between the polite and the other end
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class TaskProgress:
    """Some steps of a task are done; 0 says only that time passes."""

    steps: int


@dataclass(frozen=True)
class TaskResult:
    """A task is done: its answer, or the UserError it ended in."""

    task: int
    answer: Any


def cores() -> int:
    """Of this machine that we may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class ProcessPool:
    """`with ProcessPool(4) as crew: for event in crew.over(function, tasks)`. Leaving the block ends the processes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._context = mp.get_context("spawn")
        self._hands: list[tuple[Any, Connection]] = []

    def __enter__(self) -> "ProcessPool":
        return self

    def __exit__(self, *_: object) -> None:
        for hand, line in self._hands:
            line.close()
            hand.terminate()
        for hand, _ in self._hands:
            hand.join(PATIENCE)
            if hand.is_alive():
                hand.kill()
                hand.join()
            hand.close()
        self._hands = []

    def over(self, function: Callable[..., Any], tasks: Sequence[tuple]) -> Iterator[TaskProgress | TaskResult]:
        """`function(*task, tell)` for every task, in whatever order they end; `tell(steps)` becomes TaskProgress.

        A UserError is an answer. Raises OSError as the task did, RuntimeError with the traceback for our own mistakes,
        UserError when a process was killed from outside.
        """
        waiting = list(range(len(tasks)))[::-1]
        self._hire(min(self.size, len(tasks)))
        at: dict[Connection, int] = {}
        for hand, line in self._hands:
            self._give(line, function, tasks, waiting, at, hand)
        hands = {line: hand for hand, line in self._hands}
        while at:
            ready = wait(list(at), TICK)
            if not ready:
                yield TaskProgress(0)
            for line in ready:
                try:
                    kind, value = line.recv()
                except (EOFError, OSError):
                    raise self._lost(hands[line], tasks[at[line]]) from None
                if kind == "steps":
                    yield TaskProgress(value)
                    continue
                if kind == "raised":
                    raise value
                task = at.pop(line)
                self._give(line, function, tasks, waiting, at, hands[line])
                yield TaskResult(task, value)

    def _give(self, line: Connection, function: Callable, tasks: Sequence, waiting: list, at: dict, hand: Any) -> None:
        if not waiting:
            return
        task = waiting.pop()
        try:
            line.send((function, tasks[task]))
        except OSError:
            raise self._lost(hand, tasks[task]) from None
        at[line] = task

    def _hire(self, count: int) -> None:
        share = str(max(1, cores() // max(count, 1)))
        with _environment(dict.fromkeys(THREADS, share)):
            while len(self._hands) < count:
                here, there = self._context.Pipe()
                hand = self._context.Process(target=_serve, args=(there,), daemon=True)
                hand.start()
                there.close()
                self._hands.append((hand, here))

    def _lost(self, hand: Any, task: tuple) -> UserError:
        hand.join(PATIENCE)
        first = task[0] if task else ""
        name = getattr(first, "name", None) or (first if isinstance(first, str) and first else "The work")
        return UserError(
            f"{name}: a process ended while working on it (exit code {hand.exitcode}); if memory was short, "
            "start it again with fewer --workers, what is finished is kept."
        )


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


def _serve(line: Connection) -> None:
    """The life of a process: tasks come down the line until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def tell(steps: int) -> None:
        line.send(("steps", steps))

    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            function, task = line.recv()
            line.send(_outcome(function, task, tell))


def _outcome(function: Callable, task: tuple, tell: Callable[[int], None]) -> tuple[str, Any]:
    try:
        return "ended", function(*task, tell)
    except UserError as refusal:
        return "ended", refusal
    except (OSError, MemoryError, ModuleNotFoundError) as error:
        return "raised", error
    except Exception:
        return "raised", RuntimeError(traceback.format_exc())


def _leave(number: int, _frame: object) -> None:
    """By the front door, so that a half-written file is removed."""
    raise SystemExit(128 + number)


def _end_with_parent() -> None:
    parent = mp.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
