# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are there whole or not at all: what a stopped run leaves is believed by the next one."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Call write(stream) on a neighbour file and move it into place, so that readers never see half a file."""
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as stream:
        write(stream)
    os.replace(part, path)
