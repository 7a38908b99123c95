# SPDX-License-Identifier: GPL-3.0-or-later
"""How an event looks in a terminal, in a log and as a line of JSON. Results go to stdout, one `name: value` a line;
progress and sentences go to stderr."""

import sys
import time
from typing import Any

from .jobs import Event, Failed, Finished, Progress, Started
from .wire import to_bytes

EVERY = 5.0  # seconds between two lines of progress in a log


def results(values: dict, before: str = "") -> list[str]:
    """`name: value` lines; what is nested is named `outer.inner`."""
    lines = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines += results(value, f"{before}{name}.")
        else:
            lines.append(f"{before}{name}: {value}")
    return lines


class LogPrinter:
    """For logs and pipes: a line at the start, one now and then, the results."""

    def __init__(self) -> None:
        self.said = time.monotonic()

    def __enter__(self) -> "LogPrinter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is None:
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
            count = f"{event.done}/{event.total} " if event.total else ""  # 0: unknown
            self.say(f"{count}{event.note}".rstrip() + remaining(event))

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


class JsonPrinter(LogPrinter):
    """One line of JSON an event, as the worker's wire has them."""

    def show(self, event: Event) -> None:
        print(to_bytes(type(event)(**readable(vars(event)))).decode(), flush=True)
        if isinstance(event, Failed):
            self.say(event.sentence)


def readable(value: Any) -> Any:
    """An event's values with a mark for bytes in a file's name that are no text, which JSON cannot hold."""
    if isinstance(value, dict):
        return {name: readable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [readable(inner) for inner in value]
    return value.encode(errors="surrogateescape").decode(errors="replace") if isinstance(value, str) else value


class TerminalPrinter(LogPrinter):
    """A bar with the time that remains."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as Bars

        title, note = (TextColumn(text, markup=False) for text in ("{task.description}", "{task.fields[note]}"))
        self.bars = Bars(
            SpinnerColumn(),
            title,
            BarColumn(),
            MofNCompleteColumn(),
            note,
            console=Console(stderr=True),
            transient=True,
        )
        self.bar = None

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self.bars.stop()
        super().__exit__(kind, error, trace)

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
            self.bars.update(
                self.bar, completed=event.done, total=event.total or None, note=event.note + remaining(event)
            )


def remaining(event: Progress) -> str:
    """The estimate, in words."""
    if event.remaining < 0 or event.done >= event.total > 0:
        return ""
    minutes, seconds = divmod(round(event.remaining), 60)
    return f" ({minutes} min {seconds} s left)" if minutes else f" ({seconds} s left)"
