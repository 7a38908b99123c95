# SPDX-License-Identifier: GPL-3.0-or-later
"""How another Python is started from Blender: without a console window, and isolated (-I): nothing that lies in the
working folder, in PYTHONPATH or in the user's own site-packages is imported, no setting of Blender's Python holds."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

NO_WINDOW = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0


def start_python(
    python: str,
    arguments: list[str],
    variables: dict[str, str],
    stderr: int | IO[bytes],
    folder: Path | None = None,
    own_group: bool = False,
) -> "subprocess.Popen[bytes]":
    """`python -I ARGUMENTS`, its stdout a pipe, its stdin empty. Raises OSError.

    variables: environment variables to add. folder: the working folder. own_group: so that
    `process_tree.end_tree` ends it with its children.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return subprocess.Popen(
        [python, "-I", *arguments],
        cwd=folder,
        env=environment | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        creationflags=NO_WINDOW,
        start_new_session=own_group,  # ignored on Windows
    )
