# SPDX-License-Identifier: GPL-3.0-or-later
"""Ending a process together with those that it started. Knows no job."""

import os
import signal
import subprocess
import sys
from contextlib import suppress

from .python_process import NO_WINDOW

PATIENCE = 1.5  # seconds in which the processes may end by themselves


def end_tree(process: "subprocess.Popen[bytes]") -> None:
    """End a process that `start_python(..., own_group=True)` started, and all of its children; waits for the process
    itself. Nothing happens where it has ended."""
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        _taskkill(process.pid)
    else:
        _signal(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        _signal(process.pid, signal.SIGKILL)  # also a child that outlives its parent
    process.kill()
    process.wait()


def _taskkill(number: int) -> None:
    """Windows knows no groups that end together; its own tool walks from parent to child."""
    command = [os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")]
    with suppress(OSError, subprocess.TimeoutExpired):
        command += ["/T", "/F", "/PID", str(number)]
        subprocess.run(command, capture_output=True, timeout=10, creationflags=NO_WINDOW)


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # all have ended; macOS says so of zombies
        os.killpg(group, number)
