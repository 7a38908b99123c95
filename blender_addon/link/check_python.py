# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a Python whether it can be the core environment: the versions of what the core needs, in one line."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ...core.jobs import Event, Failed, Finished, Progress, Started

PATIENCE = 120.0  # seconds; the first import of torch from a slow disk takes its time

QUESTION = """
import sys
from importlib.metadata import version
import av, librosa, numba, numpy, onnxruntime, torch
device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"
names = ("torch", "numba", "onnxruntime", "librosa", "av", "numpy")
print("Python %d.%d.%d on %s: %s" % (*sys.version_info[:3], device, ", ".join(n + " " + version(n) for n in names)))
"""


def check_python(python: Path) -> Iterator[Event]:
    """Yields while it waits; the last event is Finished({"sentence": ...}) or Failed. Closing it ends the process."""
    yield Started("Self-test", 0)
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH")}
    hidden = {"creationflags": subprocess.CREATE_NO_WINDOW} if sys.platform == "win32" else {}
    try:
        process = subprocess.Popen(
            [str(python), "-c", QUESTION],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **hidden,
        )
    except OSError as error:
        yield Failed(f"{python} does not start ({error.strerror}); choose another Python in the preferences.")
        return
    try:
        until = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
            yield Progress(0, 0, -1.0)
    finally:
        process.kill()
        out, complaint = process.communicate()
    if process.returncode == 0:
        yield Finished({"sentence": out.strip()})
    else:
        why = (complaint.strip().splitlines() or ["no answer"])[-1]
        yield Failed(f"{python} cannot be the core environment ({why[:160]}); install talksplat's requirements there.")
