# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a Python whether the worker can run in it: the versions of what it needs, in one line."""

import subprocess
import time
from collections.abc import Generator, Sequence
from pathlib import Path

from ...core.jobs import Event, Failed, Finished, Progress, Started
from .blenders_python import MODULES
from .python_process import start_python

TIMEOUT = 120.0  # seconds; the first import of torch from a slow disk takes its time

SCRIPT = """
import importlib, os, shutil, sys
from importlib import metadata
sys.path += sys.argv[2:]
versions = []
for name in sys.argv[1].split(","):
    versions.append(name + " " + getattr(importlib.import_module(name), "__version__", "here"))
try:
    import torch
    training = "torch " + torch.__version__ + " on the CPU"
    if torch.cuda.is_available():
        training = "torch " + torch.__version__ + " on " + torch.cuda.get_device_name(0)
        gsplat = "gsplat " + metadata.version("gsplat")
        toolkit = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or shutil.which("nvcc")
        training += ", " + gsplat + ("" if toolkit else ", which needs NVIDIA's CUDA toolkit to compile itself")
except metadata.PackageNotFoundError:
    training += ", without gsplat, which training and renders on a GPU need"
except ImportError:
    training = "no torch, which only training and GPU renders need"
print("Python %d.%d.%d: %s; %s" % (*sys.version_info[:3], ", ".join(versions), training))
"""


def check_python(python: Path, packages: Sequence[Path] = ()) -> Generator[Event, None, None]:
    """packages: as in WorkerProcess. Yields while it waits; the last event is Finished({"sentence": ...}) or Failed.
    Closing it ends the process."""
    yield Started("Self-test", 0)
    try:
        process = start_python(str(python), ["-c", SCRIPT, ",".join(MODULES), *map(str, packages)], {}, subprocess.PIPE)
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
        yield Failed(f"{python} cannot run the worker ({reason[:160]}); install talksplat's requirements there.")
