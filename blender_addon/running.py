# SPDX-License-Identifier: GPL-3.0-or-later
"""The running job: one at a time, in the worker or step by step inside Blender; its progress and its end.

`pump` moves it on and is all there is: a timer calls it in the window, tests and scripts call it (or `wait`)
themselves, because timers never fire without a window.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import bpy

from ..core.dispatch import failures_as_events, sentence_of
from ..core.formats import UserError
from ..core.jobs import Cancelled, Event, Failed, Finished, Job, Progress, Started, Warned
from . import preferences
from .blender_types import current_context
from .link.blenders_python import package_folders
from .link.find_python import find_python
from .link.worker_process import WorkerProcess, own_log

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

ROOT = Path(__file__).resolve().parent.parent
TICK = 0.1  # seconds between two calls of the timer
SHOWN = 15.0  # seconds for which the status bar shows how a job ended
TIME_BUDGET = 0.03  # seconds that a job inside Blender may work at each call

# Takes Finished.result and, as "warnings", what was warned of; returns the sentence that says what was made.
OnFinished = Callable[[dict], str]
LocalJob = Generator[Event, None, None]


@dataclass
class Running:
    """One job as the panel shows it."""

    label: str  # of its button, "Bake"
    on_finished: OnFinished
    local_job: LocalJob | None = None  # None: the worker does it
    title: str = ""
    done: int = 0
    total: int = 0
    remaining: float = -1.0
    warnings: list[str] = field(default_factory=list)
    cancelling: bool = False
    following: tuple[Job, ...] = ()  # of the same button, for the worker when this one has finished

    @property
    def fraction(self) -> float:
        """How much is done, 0 to 1."""
        return self.done / self.total if self.total else 0.0

    @property
    def time_left(self) -> str:
        """ ", 1:15 left", or "" while that is unknown."""
        known = self.remaining >= 0 and self.done < self.total
        return f", {minutes_and_seconds(self.remaining)} left" if known else ""

    @property
    def short_text(self) -> str:
        """What fits into a progress bar in the sidebar."""
        if self.cancelling:
            return "Cancelling"
        if not self.total:
            return self.title or "Starting the worker"
        return f"{self.done} of {self.total}{self.time_left}"

    @property
    def text(self) -> str:
        """One line for the status bar."""
        if self.cancelling:
            return f"{self.label}: cancelling"
        title = self.title or f"{self.label}: starting the worker"
        return title + (f", {self.done} of {self.total}" if self.total else "") + self.time_left


@dataclass(frozen=True)
class Outcome:
    """How the last job ended."""

    label: str  # of its button
    level: Literal["INFO", "WARNING", "ERROR"]  # as `Operator.report` takes it
    sentence: str
    warnings: tuple[str, ...] = ()


ICONS: dict[str, IconItems] = {"INFO": "CHECKMARK", "WARNING": "INFO", "ERROR": "ERROR"}  # of an outcome's level

now: Running | None = None
last: Outcome | None = None
ended_at = 0.0  # of `last`, on the clock of time.monotonic
_worker: WorkerProcess | None = None


def minutes_and_seconds(seconds: float) -> str:
    """75 -> "1:15"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def core_python() -> Path | None:
    """The interpreter that the worker runs in, or None."""
    return find_python(bpy.path.abspath(preferences.preferred_python()), ROOT)


def log_file() -> Path:
    """Where the worker writes its log; it is there while a worker runs."""
    return own_log(preferences.own_folder())


def no_worker_reason() -> str:
    """Why no worker job can start now; "" when one can."""
    if core_python() is None:
        return (
            "The worker has no Python: install this system's zip, or choose or create one in the add-on's preferences"
        )
    return busy_reason()


def busy_reason() -> str:
    """Why no job at all can start now; "" when one can."""
    return f"{now.label} is running: wait for it or cancel it" if now else ""


def start_job(label: str, job: Job, on_finished: OnFinished, *following: Job) -> None:
    """Send a job to the worker, and those that follow it one by one; `on_finished` is asked after the last. Raises
    UserError when it cannot be sent."""
    global now, _worker
    python = core_python()
    if python is None:
        raise UserError(no_worker_reason() + ".")
    if _worker is None or _worker.python != str(python):
        stop_worker()
        _worker = WorkerProcess(python, ROOT, log_file(), package_folders(python))
    _worker.submit(job)
    now = Running(label, on_finished, following=following)
    _start_timer()


def stop_worker() -> None:
    """End the worker process; the next job starts one again."""
    global _worker
    if _worker is not None:
        _worker.stop()
        _worker = None


def start_local_job(label: str, events: LocalJob, on_finished: OnFinished) -> None:
    """Do a light job inside Blender, a few steps at each call of `pump`."""
    global now
    now = Running(label, on_finished, failures_as_events(events))
    _start_timer()


def cancel() -> None:
    """Ask the job to end; what is finished is kept."""
    if now is None:
        return
    now.cancelling = True
    if now.local_job is None:
        if _worker is not None:
            _worker.cancel()
    else:
        now.local_job.close()
        _end(now, Cancelled(f"{now.label} was cancelled; what is finished is kept. Start it again to continue."))


def pump() -> bool:
    """Move the job on; whether one still runs."""
    if now is not None:
        for event in _new_events(now):
            _take(event)
        redraw()
    return now is not None


def wait(timeout: float = 600.0) -> Outcome | None:
    """Pump until the job has ended: for scripts and tests, which have no timers. Raises TimeoutError."""
    until = time.monotonic() + timeout
    while pump():
        if time.monotonic() > until:
            raise TimeoutError(f"{now.text if now else 'a job'} after {timeout:.0f} seconds")
        time.sleep(0.01)
    return last


def _new_events(job: Running) -> Iterable[Event]:
    if job.local_job is not None:
        return _steps(job.local_job)
    return _worker.poll() if _worker is not None else ()


def _steps(local_job: LocalJob) -> Iterator[Event]:
    until = time.perf_counter() + TIME_BUDGET
    for event in local_job:
        yield event
        if time.perf_counter() >= until:
            return


def _take(event: Event) -> None:
    if now is None:
        return  # an event that came after the job's last one
    match event:
        case Started():
            now.title, now.done, now.total, now.remaining = event.title, 0, event.total, -1.0
        case Progress():
            now.done, now.total, now.remaining = event.done, event.total, event.remaining
        case Warned():
            now.warnings.append(event.sentence)
        case Finished() if now.following and not now.cancelling:
            job, *following = now.following
            start_job(now.label, job, now.on_finished, *following)
        case _:
            _end(now, event)


def _end(ended: Running, event: Finished | Failed | Cancelled) -> None:
    global now, last, ended_at
    now, warnings, ended_at = None, tuple(ended.warnings), time.monotonic()
    if isinstance(event, Finished):
        try:
            last = Outcome(
                ended.label, "INFO", ended.on_finished({**event.result, "warnings": list(warnings)}), warnings
            )
        except UserError as error:
            last = Outcome(ended.label, "ERROR", str(error), warnings)
        except OSError as error:
            last = Outcome(ended.label, "ERROR", sentence_of(error), warnings)
    else:
        level = "WARNING" if isinstance(event, Cancelled) else "ERROR"
        last = Outcome(ended.label, level, event.sentence, warnings)


def tell(label: str, sentence: str, level: Literal["INFO", "ERROR"] = "ERROR") -> None:
    """What went wrong before any job was started, or was done at once ("INFO"); it stands below the button of that
    label."""
    global last
    last = Outcome(label, level, sentence)


def forget_outcome(label: str = "") -> None:
    """The button was pressed again. Or, without a label, another .blend was opened: how a job of the one before ended
    says nothing about its heads."""
    global last
    if last and label in ("", last.label):
        last = None


def _start_timer() -> None:
    global last
    last = None
    if not bpy.app.background:
        if bpy.app.timers.is_registered(_on_timer):  # it waits to clear the status bar of the job before
            bpy.app.timers.unregister(_on_timer)
        # Persistent: a job goes on when another .blend is opened, and its end must be met.
        bpy.app.timers.register(_on_timer, first_interval=TICK, persistent=True)


def _on_timer() -> float | None:
    if pump():
        return TICK
    redraw()
    return SHOWN if time.monotonic() < ended_at + SHOWN else None  # once more, to clear the status bar


def redraw() -> None:
    """What shows the job: sidebars, not the 3D views beside them, the preferences, and the status bars."""
    for window in current_context().window_manager.windows:
        for area in window.screen.areas if window.screen else ():
            for region in area.regions if area.type in ("VIEW_3D", "PREFERENCES") else ():
                if area.type == "PREFERENCES" or region.type == "UI":
                    region.tag_redraw()
        # The only call that tags a status bar; an operator that shows its own keys there keeps them.
        if window.workspace and not window.modal_operators:
            window.workspace.status_text_set_internal(None)


def register() -> None:
    """Called by the add-on's own `register`."""


def unregister() -> None:
    """End what runs, and the worker; called by the add-on's own `unregister`."""
    global now, last
    if now is not None and now.local_job is not None:
        now.local_job.close()
    now = last = None
    if bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.unregister(_on_timer)
    stop_worker()
