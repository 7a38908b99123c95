# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: one command a row of `dispatch.JOBS`, and `demo`, `version`.

Every flag is a field of a job (core/jobs), its help the comment beside the field; here is only what a shell
adds: how an event looks in a terminal and as a line of JSON. Results go to stdout, one `name: value` a line; progress
and sentences go to stderr.
Exit codes: 0 done, 1 one sentence says why not, 2 wrong usage, 130 interrupted.
"""

import inspect
import os
import re
import signal
import sys
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import MISSING, Field, dataclass, field, fields, make_dataclass
from importlib import import_module
from typing import Annotated, Any, get_type_hints

import tyro
from tyro.conf import Fixed, FlagCreatePairsOff, Positional, Suppress, arg, subcommand

from .cli_printers import JsonPrinter, LogPrinter, TerminalPrinter
from .dispatch import JOBS, cancelled_event, run_job, sentence_of
from .formats import UserError
from .jobs import Event, Failed, Finished, Job, talksplat_version

DEMO = "The whole way in real Blender with the sample head: load, scrub, bake, render (`demo --help`)."


@dataclass(frozen=True)
class DemoCommand:
    """Only for the list of commands: `demo` has a parser of its own."""


@dataclass(frozen=True)
class VersionCommand:
    """Only for the list of commands."""


def main(arguments: list[str] | None = None) -> int:
    """The `talksplat` command; returns the exit code."""
    try:
        code = run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()  # here a full disk can still be told
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head` has seen enough of the results
        discard_stdout()
        return 0
    except UserError as error:
        discard_stdout()
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        discard_stdout()
        name = error.filename2 or error.filename or "stdout"
        print(sentence_of(OSError(error.errno, error.strerror, name)), file=sys.stderr)
        return 1
    return code


def discard_stdout() -> None:
    """What could not be written must not be tried again at Python's end, which would print a traceback."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(arguments: list[str]) -> int:
    """Run the command that the arguments name."""
    if arguments[:1] == ["demo"]:
        return import_module("..samples.demo", __package__).main(arguments[1:]) or 0
    if arguments in (["version"], ["--version"]):
        print(talksplat_version())
        return 0
    command = parsed(arguments)
    as_json: bool = command.json
    message = next(row.message for row in JOBS.values() if isinstance(command, row.message))
    job = message(**{f.name: getattr(command, f.name) for f in fields(message)})
    return show(run_job(job), job, as_json)


def parsed(arguments: list[str]) -> Any:
    """The command with its flags; exits with 2 on wrong usage, 0 after --help."""
    asked = arguments[0] if arguments else ""
    union: Any = None
    for name, row in JOBS.items():
        kind = command_of(row.message, with_choices=name == asked)
        choice = Annotated[kind, subcommand(name, description=row.message.__doc__)]
        union = choice if union is None else union | choice
    for name, kind, description in (("demo", DemoCommand, DEMO), ("version", VersionCommand, "Print the version.")):
        union |= Annotated[kind, subcommand(name, description=description)]
    return tyro.cli(
        union,
        prog="talksplat",
        args=arguments or ["--help"],
        description="Gaussian-splat heads that talk, in Blender and in a shell.",
    )


def command_of(message: type[Job], with_choices: bool) -> type:
    """A job's dataclass as the shell wants it, and `--json`. with_choices: name the entries of registries in the help,
    which imports them."""
    hints, comments = get_type_hints(message), comments_of(message)
    flags = [
        (f.name, Annotated[shell_type(hints[f.name], f), described(f, comments, with_choices)], default_of(f))
        for f in fields(message)
    ]
    json = Annotated[FlagCreatePairsOff[bool], arg(help="write events as lines of JSON to stdout")]
    every = [*flags, ("json", json, False)]
    return make_dataclass(f"{message.__name__}Command", every, bases=(message,), frozen=True, kw_only=True)


def shell_type(hint: Any, f: Field) -> Any:
    """A field's type with what its metadata says to tyro."""
    if f.metadata.get("hidden"):
        return Suppress[Fixed[hint]]
    if f.metadata.get("positional"):
        return Positional[hint]
    return FlagCreatePairsOff[bool] if hint is bool and f.default is False else hint


def described(f: Field, comments: dict[str, str], with_choices: bool) -> Any:
    """The flag's help, and the names to choose from."""
    registry = f.metadata.get("registry") if with_choices else None
    metavar = "{" + ",".join(names_in(registry)) + "}" if registry else None
    return arg(help=comments.get(f.name), metavar=metavar)


def default_of(f: Field) -> Any:
    """The same default in a dataclass of its own; in a shell a field may have one that has none in Python."""
    if "shell_default" in f.metadata:
        return field(default=f.metadata["shell_default"])
    if f.default_factory is not MISSING:
        return field(default_factory=f.default_factory)
    return field() if f.default is MISSING else field(default=f.default)


def comments_of(message: type) -> dict[str, str]:
    """Field -> the comment beside it in the dataclass's source."""
    # A field is a line, or "field(" with lines indented below it and the comment beside the closing parenthesis.
    found = re.finditer(r"^    (\w+): (?:.*\(\n(?: {8}.*\n)+    \)|.*?)  # (.*)$", inspect.getsource(message), re.M)
    return {match[1]: match[2] for match in found}


def names_in(registry: str) -> list[str]:
    """The names of "package.module:DICTIONARY" below core."""
    module, _, dictionary = registry.partition(":")
    return list(getattr(import_module(f".{module}", __package__), dictionary))


def show(events: Generator[Event, None, None], job: Job, as_json: bool) -> int:
    """Print `events` until they end or the user interrupts; returns the exit code."""
    printer = JsonPrinter() if as_json else TerminalPrinter() if sys.stderr.isatty() else LogPrinter()
    code = 0
    with closing(events), interruption() as interrupted, printer:
        for event in events:
            try:
                printer.show(event)
            except BrokenPipeError as error:
                if isinstance(event, Finished):
                    raise
                raise UserError("stdout: was closed before the end; run it again to continue.") from error
            code = 1 if isinstance(event, Failed) else code
            if interrupted and not isinstance(event, (Finished, Failed)):
                events.close()
                printer.show(cancelled_event(job))
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


if __name__ == "__main__":
    sys.exit(main())
