# SPDX-License-Identifier: GPL-3.0-or-later
"""The job that runs: one at a time, in the worker or step by step in here; its progress and its end.

`pump` moves it on and is all there is: a timer calls it in the window, tests and scripts call it (or
`wait`) themselves, because timers never fire without a window.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import bpy

from ..core.formats import UserError
from ..core.jobs import Cancelled, Event, Failed, Finished, Job, Progress, Started, Warned
from . import preferences
from .link.find_python import find_python
from .link.worker_process import WorkerProcess

ROOT = Path(__file__).resolve().parent.parent
TICK = 0.1  # seconds between two looks of the timer
SHARE = 0.03  # seconds a job inside Blender may work at each look

End = Callable[[dict], str]  # takes Finished.result, gives the sentence that says what came of it


@dataclass
class Running:
    """One job as the panel shows it."""

    verb: str  # "Bake": what the button says
    then: End
    deed: Iterator[Event] | None = None  # None: the worker does it
    title: str = ""
    done: int = 0
    total: int = 0
    remaining: float = -1.0
    note: str = ""
    warnings: list[str] = field(default_factory=list)
    cancelling: bool = False

    @property
    def share(self) -> float:
        return self.done / self.total if self.total else 0.0

    @property
    def brief(self) -> str:
        """What fits into a progress bar in the sidebar."""
        if self.cancelling:
            return "Cancelling"
        if not self.total:
            return self.title or "Starting the worker"
        left = f", {clock(self.remaining)} left" if self.remaining >= 0 and self.done < self.total else ""
        return f"{self.done} of {self.total}{left}"

    @property
    def line(self) -> str:
        """One line for the status bar."""
        if self.cancelling:
            return f"{self.verb}: cancelling"
        parts = [self.title or f"{self.verb}: starting the worker"]
        if self.total:
            parts.append(f"{self.done} of {self.total}")
        if self.remaining >= 0 and self.done < self.total:
            parts.append(f"{clock(self.remaining)} left")
        return ", ".join(parts)


@dataclass(frozen=True)
class Outcome:
    """How the last job ended."""

    verb: str
    level: str  # INFO, WARNING or ERROR, as `Operator.report` takes it
    sentence: str
    warnings: tuple[str, ...] = ()


now: Running | None = None
last: Outcome | None = None
_worker: WorkerProcess | None = None


def clock(seconds: float) -> str:
    """75 -> "1:15"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def core_python() -> Path | None:
    """The core environment's interpreter, or None."""
    return find_python(bpy.path.abspath(preferences.get().python), ROOT)


def no_worker_reason() -> str:
    """Why no worker job can start now; "" when one can."""
    if core_python() is None:
        return "The core environment was not found: choose its Python in the add-on's preferences"
    return busy_reason()


def busy_reason() -> str:
    return f"{now.verb} is running: wait for it or cancel it" if now else ""


def start_job(verb: str, job: Job, then: End) -> None:
    """Ask the worker. Raises UserError when it cannot be asked."""
    global now, _worker
    python = core_python()
    if python is None:
        raise UserError(no_worker_reason() + ".")
    if _worker is None or _worker.python != str(python):
        if _worker is not None:
            _worker.stop()
        _worker = WorkerProcess(python, ROOT, preferences.own_folder() / "worker.log")
    _worker.submit(job)
    now = Running(verb, then)
    _watch()


def start_local_job(verb: str, deed: Iterator[Event], then: End) -> None:
    """Do a light job in here, a few steps at each look."""
    global now
    now = Running(verb, then, deed)
    _watch()


def cancel() -> None:
    """Ask the job to end; what is finished is kept."""
    if now is None:
        return
    now.cancelling = True
    if now.deed is None:
        _worker.cancel()
    else:
        now.deed.close()
        _end(Cancelled(f"{now.verb} was cancelled; what is finished is kept, start it again to go on."))


def pump() -> bool:
    """Move the job on; whether one still runs."""
    if now is not None:
        for event in _worker.poll() if now.deed is None else _steps(now.deed):
            _take(event)
        _redraw()
    return now is not None


def wait(timeout: float = 600.0) -> Outcome:
    """Pump until the job has ended: for scripts and tests, which have no timers. Raises TimeoutError."""
    until = time.monotonic() + timeout
    while pump():
        if time.monotonic() > until:
            raise TimeoutError(f"{now.line} after {timeout:.0f} seconds")
        time.sleep(0.01)
    return last


def _steps(deed: Iterator[Event]) -> Iterator[Event]:
    until = time.perf_counter() + SHARE
    while time.perf_counter() < until:
        try:
            yield next(deed)
        except StopIteration:
            return
        except UserError as refusal:
            yield Failed(str(refusal))
            return
        except OSError as error:
            yield Failed(f"{error.filename or 'A file'}: {error.strerror}; check the path and the disk.")
            return


def _take(event: Event) -> None:
    match event:
        case Started():
            now.title, now.total = event.title, event.total
        case Progress():
            now.done, now.total, now.remaining, now.note = event.done, event.total, event.remaining, event.note
        case Warned():
            now.warnings.append(event.sentence)
        case _ if now is not None:
            _end(event)


def _end(event: Finished | Failed | Cancelled) -> None:
    global now, last
    ended, now = now, None
    if isinstance(event, Finished):
        try:
            last = Outcome(ended.verb, "INFO", ended.then(event.result), tuple(ended.warnings))
        except UserError as refusal:
            last = Outcome(ended.verb, "ERROR", str(refusal), tuple(ended.warnings))
    else:
        level = "WARNING" if isinstance(event, Cancelled) else "ERROR"
        last = Outcome(ended.verb, level, event.sentence, tuple(ended.warnings))


def _watch() -> None:
    global last
    last = None
    if not bpy.app.background and not bpy.app.timers.is_registered(_look):
        bpy.app.timers.register(_look, first_interval=TICK)


def _look() -> float | None:
    return TICK if pump() else None


def _redraw() -> None:
    """The panels that show the progress."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("VIEW_3D", "PREFERENCES"):
                area.tag_redraw()


def register() -> None:
    pass


def unregister() -> None:
    global now, last, _worker
    now = last = None
    if bpy.app.timers.is_registered(_look):
        bpy.app.timers.unregister(_look)
    if _worker is not None:
        _worker.stop()
        _worker = None
