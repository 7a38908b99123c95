# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell's face: `talksplat perform | bake | render | prepare | train | evaluate | convert | info | demo | version`.

Every flag is a field of a job (core/jobs/messages.py); here stands only what a shell adds: what is
positional, what is hidden, how an event looks in a terminal and as a line of JSON. Results go to
stdout, one `name: value` a line; progress and sentences go to stderr.
Exit codes: 0 done, 1 one sentence says why not, 2 wrong usage, 130 interrupted.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Annotated

import tyro
from tyro.conf import Fixed, FlagCreatePairsOff, Positional, Suppress, arg, subcommand

from .deeds import cancelled, do, version
from .formats.camera import Camera
from .jobs.events import Event, Failed, Finished, Progress, Started
from .jobs.messages import Bake, Convert, Evaluate, Info, Job, Perform, Prepare, Render, Train
from .jobs.wire import to_bytes
from .performance.controls import Controls

EVERY = 5.0  # seconds between two lines of progress in a log
Json = Annotated[FlagCreatePairsOff[bool], arg(help="write events as lines of JSON to stdout")]


@dataclass(frozen=True)
class PerformVerb(Perform):
    json: Json = False


@dataclass(frozen=True)
class BakeVerb(Bake):
    controls_per_frame: Suppress[Fixed[tuple[Controls, ...]]] = ()
    json: Json = False


@dataclass(frozen=True)
class RenderVerb(Render):
    bake: Positional[str]
    cameras: Suppress[Fixed[tuple[Camera, ...]]] = ()
    json: Json = False


@dataclass(frozen=True)
class PrepareVerb(Prepare):
    videos: Positional[tuple[str, ...]]
    json: Json = False


@dataclass(frozen=True)
class TrainVerb(Train):
    footage: Positional[str]
    json: Json = False


@dataclass(frozen=True)
class EvaluateVerb(Evaluate):
    head: Positional[str]
    footage: Positional[str]
    json: Json = False


@dataclass(frozen=True)
class ConvertVerb(Convert):
    source: Positional[str]
    torso: FlagCreatePairsOff[bool] = False
    json: Json = False


@dataclass(frozen=True)
class InfoVerb(Info):
    file: Positional[str]
    json: Json = False


@dataclass(frozen=True)
class DemoVerb:
    """The whole way in real Blender with the sample head: load, scrub, bake, render (`demo --help`)."""


@dataclass(frozen=True)
class VersionVerb:
    """Print the version."""


VERBS = {
    "perform": (PerformVerb, Perform),
    "bake": (BakeVerb, Bake),
    "render": (RenderVerb, Render),
    "prepare": (PrepareVerb, Prepare),
    "train": (TrainVerb, Train),
    "evaluate": (EvaluateVerb, Evaluate),
    "convert": (ConvertVerb, Convert),
    "info": (InfoVerb, Info),
    "demo": (DemoVerb, None),
    "version": (VersionVerb, None),
}


def main(arguments: list[str] | None = None) -> int:
    """The `talksplat` command; returns the exit code."""
    try:
        return chosen(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head` has seen enough; Python must not complain again at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def chosen(arguments: list[str]) -> int:
    """Do the verb that the words name."""
    if arguments[:1] == ["demo"]:
        return import_module("..samples.demo", __package__).main(arguments[1:]) or 0
    if arguments in (["version"], ["--version"]):
        print(version())
        return 0
    verb = parsed(arguments)
    kind = next(job for shell, job in VERBS.values() if type(verb) is shell)
    job = kind(**{f.name: getattr(verb, f.name) for f in fields(kind)})
    return show(do(job), job, verb.json)


def parsed(arguments: list[str]) -> object:
    """The verb with its flags; exits with 2 on wrong usage, 0 after --help."""
    union = None
    for name, (shell, job) in VERBS.items():
        choice = Annotated[shell, subcommand(name, description=(job or shell).__doc__)]
        union = choice if union is None else union | choice
    return tyro.cli(union, prog="talksplat", args=arguments or ["--help"],
                    description="Gaussian-splat heads that talk, in Blender and in a shell.")


def show(events: Iterator[Event], job: Job, as_json: bool) -> int:
    """Print `events` until they end or the user interrupts; returns the exit code."""
    face = JsonFace() if as_json else TerminalFace() if sys.stderr.isatty() else PlainFace()
    code = 0
    with closing(events), interruption() as interrupted, face:
        for event in events:
            face.show(event)
            code = 1 if isinstance(event, Failed) else code
            if interrupted and not isinstance(event, (Finished, Failed)):
                events.close()
                face.show(cancelled(job))
                return 130
    return code


@contextmanager
def interruption() -> Iterator[list]:
    """Collects Ctrl-C and termination instead of raising, so that the step at hand is finished and kept;
    the second one raises KeyboardInterrupt."""
    caught: list[int] = []

    def note(number: int, _frame: object) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)
        print("\nEnding after this step; once more ends it at once.", file=sys.stderr)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def results(values: dict, before: str = "") -> list[str]:
    """`name: value` lines; what lies deeper is named `outer.inner`."""
    lines = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines += results(value, f"{before}{name}.")
        else:
            lines.append(f"{before}{name}: {value}")
    return lines


class PlainFace:
    """For logs and pipes: a line at the start, one now and then, the results."""

    def __init__(self) -> None:
        self.said = time.monotonic()

    def __enter__(self) -> "PlainFace":
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()

    def show(self, event: Event) -> None:
        if isinstance(event, Started):
            self.say(event.title)
        elif isinstance(event, Progress):
            self.progress(event)
        elif isinstance(event, Finished):
            for line in results(event.result):
                print(line)
        else:
            self.say(event.sentence)

    def progress(self, event: Progress) -> None:
        if event.done == event.total or time.monotonic() - self.said > EVERY:
            self.said = time.monotonic()
            self.say(f"{event.done}/{event.total} {event.note}".rstrip() + remaining(event))

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


class JsonFace(PlainFace):
    """One line of JSON an event, as the worker's wire has them."""

    def show(self, event: Event) -> None:
        print(to_bytes(event).decode(), flush=True)
        if isinstance(event, Failed):
            self.say(event.sentence)


class TerminalFace(PlainFace):
    """A bar with the time that remains."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as Bars

        title, note = (TextColumn(text, markup=False) for text in ("{task.description}", "{task.fields[note]}"))
        self.bars = Bars(SpinnerColumn(), title, BarColumn(), MofNCompleteColumn(), note, console=Console(stderr=True),
                         transient=True)
        self.bar = None

    def __exit__(self, *_: object) -> None:
        self.bars.stop()
        super().__exit__()

    def show(self, event: Event) -> None:
        if not isinstance(event, (Started, Progress)):
            self.bars.stop()
        super().show(event)
        if isinstance(event, Started):
            if self.bar is not None:
                self.bars.remove_task(self.bar)
            self.bar = self.bars.add_task(event.title, total=event.total or None, note="")
            self.bars.start()

    def progress(self, event: Progress) -> None:
        if self.bar is not None:
            self.bars.update(self.bar, completed=event.done, total=event.total or None,
                             note=event.note + remaining(event))


def remaining(event: Progress) -> str:
    """The estimate, in words."""
    if event.remaining < 0 or event.done >= event.total > 0:
        return ""
    minutes, seconds = divmod(round(event.remaining), 60)
    return f" ({minutes} min {seconds} s left)" if minutes else f" ({seconds} s left)"
