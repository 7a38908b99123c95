# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a Python whether it can be the core environment: the versions of what the core needs, in one line."""

import subprocess
import time
from collections.abc import Generator
from pathlib import Path

from ...core.jobs import Event, Failed, Finished, Progress, Started
from .python_process import start_python

TIMEOUT = 120.0  # seconds; the first import of torch from a slow disk takes its time

SCRIPT = """
import sys
from importlib.metadata import version
import av, librosa, numba, numpy, onnxruntime, torch
device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"
names = ("torch", "numba", "onnxruntime", "librosa", "av", "numpy")
print("Python %d.%d.%d on %s: %s" % (*sys.version_info[:3], device, ", ".join(n + " " + version(n) for n in names)))
"""


def check_python(python: Path) -> Generator[Event, None, None]:
    """Yields while it waits; the last event is Finished({"sentence": ...}) or Failed. Closing it ends the process."""
    yield Started("Self-test", 0)
    try:
        process = start_python(str(python), ["-c", SCRIPT], {}, subprocess.PIPE)
    except OSError as error:
        yield Failed(f"{python} does not start ({error.strerror or error}); choose another Python in the preferences.")
        return
    try:
        until = time.monotonic() + TIMEOUT
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
            yield Progress(0, 0, -1.0)
    finally:
        process.kill()
        output, errors = (text.decode(errors="replace").strip() for text in process.communicate())
    if process.returncode == 0:
        yield Finished({"sentence": output})
    else:
        reason = (errors.splitlines() or ["no answer"])[-1]
        yield Failed(
            f"{python} cannot be the core environment ({reason[:160]}); install talksplat's requirements there."
        )
