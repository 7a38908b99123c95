# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process of the pool does: it runs the tasks that come through its pipe, until the pipe or its parent is gone.

Into the process: (function, arguments). Out of it: ("steps", count), ("ended", result or UserError), ("raised", error).
"""

import contextlib
import multiprocessing as mp
import os
import signal
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait

from ..formats import UserError


def serve_tasks(connection: Connection) -> None:
    """The life of a process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the parent decides
    signal.signal(signal.SIGTERM, _exit_cleanly)  # Windows has no such signal: there `write_footage` removes halves
    threading.Thread(target=_exit_with_parent, daemon=True).start()

    def report_steps(count: int) -> None:
        connection.send(("steps", count))

    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the parent has closed the pipe
        while True:
            function, arguments = connection.recv()
            connection.send(run_task(function, arguments, report_steps))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # nothing is half written any more, and libraries are being closed


def run_task(
    function: Callable[..., object], arguments: tuple, report_steps: Callable[[int], None]
) -> tuple[str, object]:
    """The one door of the pool: whatever a task throws about a clip is that clip's outcome.

    What the system says of our own files (a full disk), a missing package, and what a task throws that is about no clip
    is "raised".
    """
    name = task_name(arguments)
    try:
        return "ended", function(*arguments, report_steps)
    except UserError as error:
        return "ended", error
    except ModuleNotFoundError as error:
        return "raised", error
    except MemoryError as error:
        words = "is too large for this machine's memory; cut or scale it, or use fewer --workers"
        return ("ended", UserError(f"{name}: {words}.")) if name else ("raised", error)
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            return "raised", error
        if not name:  # a traceback of another process cannot be pickled, its text can
            return "raised", RuntimeError(traceback.format_exc())
        traceback.print_exc()  # for whoever looks for the cause
        words = "cannot be used; export it again as MP4, or leave it out"
        return "ended", UserError(f"{name}: {words}.")


def task_name(arguments: tuple) -> str:
    """The clip or video that a task is about: its first argument, a text or a thing with a name; empty for others."""
    first = arguments[0] if arguments else ""
    return getattr(first, "name", None) or (first if isinstance(first, str) else "")


def _exit_cleanly(number: int, _frame: object) -> None:
    """As an exception, so that a half-written file is removed."""
    raise SystemExit(128 + number)


def _exit_with_parent() -> None:
    parent = mp.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
