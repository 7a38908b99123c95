# SPDX-License-Identifier: GPL-3.0-or-later
"""Create the environment for training and for an NVIDIA GPU: a venv of Blender's own Python, filled by pip.

The work is done by child processes, whose output goes to a log; here is only the waiting. An environment is complete
when its marker is there, which is written last; one without it is cleared and made again, and what pip has downloaded
comes from pip's own cache then. A venv knows its own path, so it cannot be made elsewhere and renamed.
"""

import queue
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage
from subprocess import STDOUT, Popen
from typing import BinaryIO

from ...core.formats import UserError, atomic_write, locked_folder
from ...core.jobs import Event, Finished, Progress, Started
from .check_python import check_python
from .find_python import interpreter_in
from .pip_output import cause_of, event_of
from .process_tree import end_tree
from .python_process import start_python
from .shell_command import write_shell_command
from .training_packages import SIZES, TrainingPackages

MARKER = "talksplat-complete.txt"  # in the environment: the key of the packages in it
KEPT_LINES = 200  # of the output, for the cause of a failure
RAW_PROGRESS = (24, 1)  # the first pip that knows `--progress-bar raw`
# Only wheels: nothing of a package runs while it is installed.
PIP = ("-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--only-binary=:all:")


@dataclass(frozen=True)
class Environment:
    """Where an environment is, and what is to be in it."""

    folder: Path  # its own folder; the lock and the log are beside it
    packages: TrainingPackages
    root: Path  # the package's folder

    @property
    def log(self) -> Path:
        """What venv and pip print."""
        return self.folder.with_name(f"{self.folder.name}.log")

    @property
    def is_complete(self) -> bool:
        """Whether it was finished, with the packages that are asked for now, and its Python is still there."""
        try:
            key = (self.folder / MARKER).read_text(encoding="utf-8").strip()
        except OSError:
            return False
        return key == self.packages.key and interpreter_in(self.folder) is not None


def create_environment(
    python: Path, environment: Environment, index: Sequence[str] | None = None
) -> Generator[Event, None, None]:
    """Create what is missing and check the result; yields while it waits. Closing it ends pip with its children.

    python: the interpreter to make it of. index: pip's options in place of its own index and PyTorch's (tests).
    The last event is Finished({"folder": str, "sentence": versions}) or Failed. Raises UserError and OSError.
    """
    with locked_folder(environment.folder.parent), open(environment.log, "wb") as log:
        if not environment.is_complete:
            yield from _fill(python, environment, log, index)
        inside = interpreter_in(environment.folder)
        if inside is None:
            raise _failure(environment, "it has no Python")
        for event in check_python(inside):
            if isinstance(event, Finished):
                write_shell_command(environment.folder, environment.root)
                _write_marker(environment)
                event = Finished({"folder": str(environment.folder), **event.result})
            yield event


def _fill(
    python: Path, environment: Environment, log: BinaryIO, index: Sequence[str] | None
) -> Generator[Event, None, None]:
    folder, packages = environment.folder, environment.packages
    (folder / MARKER).unlink(missing_ok=True)
    _check_room(environment)
    yield Started("Creating an empty environment", 0)
    yield from _run(python, ["-m", "venv", "--clear", str(folder)], environment, log)
    inside = interpreter_in(folder)
    if inside is None:
        raise _failure(environment, "it has no Python")
    bar = "raw" if _pip_version(folder) >= RAW_PROGRESS else "off"
    pip = [*PIP, "--progress-bar", bar, "--constraint", str(packages.constraints)]
    torch_index = ["--index-url", packages.torch_index] if packages.torch_index else []
    for wanted, source in (((packages.torch,), torch_index), (packages.others, [])):
        yield from _run(inside, [*pip, *(source if index is None else index), *wanted], environment, log)


def _run(python: Path, arguments: list[str], environment: Environment, log: BinaryIO) -> Generator[Event, None, None]:
    """One process to its end, its output as events and in the log. Raises UserError where it fails."""
    log.write(f"$ {python} {' '.join(arguments)}\n".encode())
    process = start_python(
        str(python), ["-X", "utf8", "-u", *arguments], {}, STDOUT, environment.folder.parent, own_group=True
    )
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(process, log, lines), name="pip output", daemon=True)
    reader.start()
    kept: list[str] = []
    try:
        yield from _events(reader, lines, kept)
    finally:
        end_tree(process)
        reader.join(1.0)
    if process.wait() != 0:
        raise _failure(environment, cause_of(kept))


def _read(process: "Popen[bytes]", log: BinaryIO, lines: "queue.SimpleQueue[str]") -> None:
    """The thread: until the process and its children have closed their output."""
    assert process.stdout is not None
    with process.stdout as output:
        for line in output:
            if not line.startswith(b"Progress "):
                log.write(line)
                log.flush()
            lines.put(line.decode(errors="replace").rstrip())


def _events(reader: threading.Thread, lines: "queue.SimpleQueue[str]", kept: list[str]) -> Generator[Event, None, None]:
    last: Event = Progress(0, 0, -1.0)
    while reader.is_alive() or not lines.empty():
        try:
            line = lines.get(timeout=0.005)
        except queue.Empty:
            yield last  # whoever draws us has a moment for other things
            continue
        kept.append(line)
        del kept[:-KEPT_LINES]
        if event := event_of(line):
            last = event if isinstance(event, Progress) else Progress(0, 0, -1.0)
            yield event


def _check_room(environment: Environment) -> None:
    needed, free = SIZES[environment.packages.gpu][1], disk_usage(environment.folder.parent).free / 1e9
    if free < needed:
        raise UserError(
            f"{environment.folder.parent} has {free:.1f} GB free and the environment needs {needed:.0f} GB; "
            "free some space and press the button again."
        )


def _pip_version(folder: Path) -> tuple[int, ...]:
    """Of the pip in an environment, (24, 2); () where that cannot be told."""
    found = [
        *folder.glob("lib/python*/site-packages/pip-*.dist-info"),
        *folder.glob("Lib/site-packages/pip-*.dist-info"),
    ]
    numbers = found[0].name.split("-")[1].removesuffix(".dist").split(".") if found else []
    return tuple(int(number) for number in numbers if number.isdigit())


def _write_marker(environment: Environment) -> None:
    with atomic_write(environment.folder / MARKER) as temporary:
        temporary.write_text(environment.packages.key, encoding="utf-8")


def _failure(environment: Environment, cause: str) -> UserError:
    return UserError(
        f"The training environment was not created ({cause}); create it again, what was downloaded is kept. "
        f"Its log: {environment.log}"
    )
