# SPDX-License-Identifier: GPL-3.0-or-later
"""What the processes of test_process_pool.py do: a new process finds functions by their module's name."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from talksplat.core.formats.user_error import UserError


def square(n, report_steps):
    report_steps(1)
    return n * n


def fail_differently(n, report_steps):
    if n == 1:
        raise UserError("one.mp4: is odd; fix it.")
    if n == 2:
        raise OSError(28, "No space left on device", "/full")
    if n == 3:
        raise ValueError("our mistake")
    return n


def fail_on_a_clip(clip, report_steps):
    """As a library may on a clip; a crash is one of native code."""
    if clip.name == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if clip.name == "thrown":
        raise ValueError("words\nof a library")
    if clip.name == "large":
        raise MemoryError
    if clip.name == "unpicklable":
        raise type("LocalError", (Exception,), {})("local")
    return clip.name


def thread_count(report_steps):
    return os.environ["OMP_NUM_THREADS"]


@dataclass(frozen=True)
class Named:
    name: str


def kill_itself(what, report_steps):
    os.kill(os.getpid(), signal.SIGKILL)


def run_forever(folder, n, report_steps):
    """Writes the process id, then a heartbeat for as long as the process lives."""
    Path(folder, f"{n}.pid").write_text(str(os.getpid()))
    while True:
        Path(folder, f"{n}.beat").write_text(str(time.monotonic()))
        time.sleep(0.02)
