# SPDX-License-Identifier: GPL-3.0-or-later
"""A job without the window: a script waits for its end, and the console shows how far it is."""

import time

from . import running

EVERY = 5.0  # seconds between two lines of progress


def wait_and_print() -> None:
    """Move the running job on until it has ended. Ctrl-C cancels it, keeps what is finished, and goes on to the
    script as KeyboardInterrupt."""
    title, printed = "", 0.0
    try:
        while running.pump() and (job := running.now):
            if job.title and (job.title != title or time.monotonic() - printed > EVERY):
                title, printed = job.title, time.monotonic()
                print(job.text, flush=True)
            time.sleep(0.01)
    except KeyboardInterrupt:
        running.cancel()
        running.wait()
        raise
