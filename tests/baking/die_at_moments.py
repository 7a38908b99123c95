# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a job in processes that each kill themselves (SIGKILL) at another moment, then in one that does not.

They are forks of this one, which has imported and compiled everything, so that a death costs no start.
"""

import os
import signal
import sys

from talksplat.core.baking.farm import do as do_module
from talksplat.core.baking.farm import put_together as together_module
from talksplat.core.baking.farm.claims import Claims
from talksplat.core.baking.farm.do import Work, do
from talksplat.core.baking.image_writer import ImageWriter
from talksplat.core.formats.bake_writer import BakeWriter
from talksplat.core.jobs import Do
from talksplat.core.raster import compile_kernels


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(owner, name, count=1, dies_before=False):
    """Die when `owner.name` was called `count` times, or is about to be."""
    real, calls = getattr(owner, name), []

    def replaced(*args, **kwargs):
        calls.append(1)
        if dies_before and len(calls) == count:
            die()
        value = real(*args, **kwargs)
        if not dies_before and len(calls) == count:
            die()
        return value

    setattr(owner, name, replaced)


def torn_record():
    """Half of a frame's record is written."""
    real = BakeWriter._write

    def half(writer, data):
        if len(writer.done) == 1:
            writer._file.write(data[: len(data) // 2])
            die()
        real(writer, data)

    BakeWriter._write = half


def torn_merge():
    """In the middle of the record of the merged bake's third frame."""
    real, copied = BakeWriter.copy, []

    def copy(writer, *args):
        copied.append(1)
        if len(copied) == 3:
            writer._write = lambda data: (writer._file.write(data[:100]), die())
        real(writer, *args)

    BakeWriter.copy = copy


MOMENTS = {
    "before anything": lambda: after(Claims, "take", 1, dies_before=True),
    "with the claim of the sound": lambda: after(Claims, "take", 1),
    "while the head listens": lambda: after(do_module, "evaluate_shot", 1, dies_before=True),
    "with a frame's claim": lambda: after(Claims, "take", 1),
    "in the middle of a record": torn_record,
    "before a frame's pictures": lambda: after(ImageWriter, "_write", 1, dies_before=True),
    "before a frame counts as done": lambda: after(Claims, "finish", 1, dies_before=True),
    "when a frame counts as done": lambda: after(Claims, "finish", 1),
    "in the middle of the merged bake": torn_merge,
    "before the movie": lambda: after(together_module, "render", 1, dies_before=True),
    "before it counts as finished": lambda: after(Work, "finish", 1, dies_before=True),
    "before the folder is cleared": lambda: after(do_module.shutil, "rmtree", 1, dies_before=True),
}


def child(job, prepare) -> int:
    """The status with which a process ended that did the job."""
    pid = os.fork()
    if pid == 0:
        try:
            prepare()
            list(do(Do(job, patience=1.0)))
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1]


compile_kernels(backward=False)
for moment, prepare in MOMENTS.items():
    status = child(sys.argv[1], prepare)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, f"{moment}: {status}"
assert child(sys.argv[1], lambda: None) == 0
print("all died")
