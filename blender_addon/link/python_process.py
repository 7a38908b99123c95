# SPDX-License-Identifier: GPL-3.0-or-later
"""How another Python is started from Blender: without a console window, without Blender's own Python settings."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

NO_WINDOW = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0


def start_python(
    command: list[str], variables: dict[str, str], stderr: int | IO[bytes], folder: Path | None = None
) -> "subprocess.Popen[bytes]":
    """The process, its stdout a pipe, its stdin empty. Raises OSError.

    variables: environment variables to add. folder: the working folder.
    """
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH")}
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        creationflags=NO_WINDOW,
    )
