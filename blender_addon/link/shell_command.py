# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `talksplat` in an environment that the add-on made: training is a shell command, and the environment has
the packages alone, not talksplat itself. So the extension's own files run, whichever version of them is installed."""

import errno
import os
import shlex
from pathlib import Path, PurePath

from ...core.formats import atomic_write
from .find_python import interpreter_in

NAME = "talksplat"
SCRIPT = """
import runpy, sys
runpy.run_path({starter!r}, run_name="talksplat_shell")  # makes the extension's folder the package `talksplat`
from talksplat.core.cli import main
if __name__ == "__main__":
    sys.exit(main())
"""


def write_shell_command(folder: Path, root: Path) -> Path:
    """Write `talksplat` into the environment `folder`, beside its interpreter; the command's path.

    root: the package's folder. Nothing outside `folder` is written: another environment may have a command of that
    name. Raises OSError, FileNotFoundError where the environment has no interpreter.
    """
    python = interpreter_in(folder)
    if python is None:
        raise FileNotFoundError(errno.ENOENT, "has no Python", str(folder))
    script = folder / f"{NAME}_command.py"
    _write(script, SCRIPT.format(starter=str(root / "core" / "start_worker.py")))
    if os.name == "nt":
        command = python.with_name(f"{NAME}.bat")
        _write(command, batch_file(python, script.name))
    else:
        command = python.with_name(NAME)
        _write(command, f'#!/bin/sh\nexec {shlex.quote(str(python))} -I {shlex.quote(str(script))} "$@"\n')
        command.chmod(0o755)
    return command


def batch_file(python: PurePath, script: str) -> str:
    """The command of Windows, which lies beside `python` in a folder of the environment; script: a name in the
    environment. It names neither folder, because cmd.exe reads them in the console's code page: a user's name may have
    letters that are others there."""
    return f'@"%~dp0{python.name}" -I "%~dp0..\\{script}" %*\n'


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
