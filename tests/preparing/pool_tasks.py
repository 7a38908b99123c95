# SPDX-License-Identifier: GPL-3.0-or-later
"""What the processes of test_crew.py do: a new process finds functions by their module's name."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from talksplat.core.formats.user_error import UserError


def square(n, tell):
    tell(1)
    return n * n


def moody(n, tell):
    if n == 1:
        raise UserError("one.mp4: is odd; mend it.")
    if n == 2:
        raise OSError(28, "No space left on device", "/full")
    if n == 3:
        raise ValueError("our mistake")
    return n


def threads(tell):
    return os.environ["OMP_NUM_THREADS"]


@dataclass(frozen=True)
class Named:
    name: str


def die(what, tell):
    os.kill(os.getpid(), signal.SIGKILL)


def linger(folder, n, tell):
    """Writes its process's number, then a beat for as long as it lives."""
    Path(folder, f"{n}.pid").write_text(str(os.getpid()))
    while True:
        Path(folder, f"{n}.beat").write_text(str(time.monotonic()))
        time.sleep(0.02)
