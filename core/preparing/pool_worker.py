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
            connection.send(_run_task(function, arguments, report_steps))


def _run_task(
    function: Callable[..., object], arguments: tuple, report_steps: Callable[[int], None]
) -> tuple[str, object]:
    try:
        return "ended", function(*arguments, report_steps)
    except UserError as error:
        return "ended", error
    except (OSError, MemoryError, ModuleNotFoundError) as error:
        return "raised", error
    except Exception:  # a traceback of another process cannot be pickled, its text can
        return "raised", RuntimeError(traceback.format_exc())


def _exit_cleanly(number: int, _frame: object) -> None:
    """As an exception, so that a half-written file is removed."""
    raise SystemExit(128 + number)


def _exit_with_parent() -> None:
    parent = mp.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
