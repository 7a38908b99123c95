# SPDX-License-Identifier: GPL-3.0-or-later
"""From a job to its deed: one table, looked up lazily so that asking costs no torch.

`do(job)` is what every face of the program calls (worker, shell, tests): it finds the deed, runs it
and turns what a person can mend (a Refusal, a full disk, a forbidden folder) into `Failed`. It knows
nothing about sockets or terminals. Our own mistakes keep their traceback.
"""

import errno
import os
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path

from .formats.refusal import Refusal
from .jobs.events import Cancelled, Event, Failed
from .jobs.messages import Bake, Convert, Evaluate, Info, Job, Perform, Prepare, Render, Train

# job -> (module below this package, name of the generator function in it)
DEEDS: dict[type, tuple[str, str]] = {
    Perform: (".baking.perform", "perform"),
    Bake: (".baking.bake", "bake"),
    Render: (".baking.render", "render"),
    Prepare: (".preparing.prepare", "prepare"),
    Train: (".training.train", "train"),
    Evaluate: (".training.evaluation", "evaluate"),
    Convert: (".footage.convert", "convert"),
    Info: (".baking.info", "info"),
}

# What a cancelled job leaves behind and how to go on with it; `{}` is the job.
KEPT: dict[type, str] = {
    Perform: "Listening was cancelled; nothing was written, start it again for {0.out}.",
    Bake: "The bake was cancelled; the frames in {0.out} are kept, start the same bake again to go on.",
    Render: "Rendering was cancelled; the finished pictures in {0.out} are kept, start it again to go on.",
    Prepare: "Preparing was cancelled; what is finished in {0.out} is kept, start it again to go on.",
    Train: "Training was cancelled; its last checkpoint is kept, start the same training again to go on.",
    Evaluate: "Measuring {0.head} was cancelled; nothing was written, start it again.",
    Convert: "Converting was cancelled; what is finished in {0.out} is kept, start it again to go on.",
    Info: "Reading {0.file} was cancelled.",
}

CURES = {
    errno.ENOSPC: "the disk is full; free some space and start it again, what is finished is kept",
    errno.EDQUOT: "the disk quota is used up; free some space and start it again, what is finished is kept",
    errno.EACCES: "access is denied; choose another place or change the permissions",
    errno.EPERM: "access is denied; choose another place or change the permissions",
    errno.EROFS: "the disk is read-only; choose another place",
    errno.ENOENT: "there is no such file; check the path",
    errno.EISDIR: "this is a folder, not a file; name a file in it",
    errno.ENOTDIR: "a part of this path is a file, not a folder; choose another place",
    errno.ENAMETOOLONG: "the path is too long; choose a shorter one",
    errno.EMFILE: "too many files are open; close other programs and start it again",
}


def do(job: Job) -> Iterator[Event]:
    """Do `job`, yielding its events; the last is Finished or Failed. Closing the generator cancels it.

    Raises TypeError for something that is not a job, and whatever our own mistakes raise.
    """
    if type(job) not in DEEDS:
        raise TypeError(f"{type(job).__name__} is not a job")
    module, name = DEEDS[type(job)]

    # A thread that has nothing to do sleeps instead of spinning: beside Blender, or a second job on the same cores, a
    # spinning one takes the core from the thread that it waits for (benchmarks/waiting.py). Read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

    def events() -> Iterator[Event]:
        yield from getattr(import_module(module, __package__), name)(job)

    yield from told(events())


def told(events: Iterator[Event]) -> Iterator[Event]:
    """`events`, and what a person can mend as a last `Failed` instead of an exception."""
    try:
        yield from events
    except Refusal as refusal:
        yield Failed(str(refusal))
    except OSError as error:
        yield Failed(sentence_of(error))
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("", (__package__ or "").split(".")[0]):
            raise
        yield Failed(f"The Python package {error.name!r} is missing in {sys.prefix}; install talksplat's "
                     "requirements there.")
    except MemoryError:
        yield Failed("The memory is used up; close other programs, or use a smaller picture or head.")


def cancelled(job: Job) -> Cancelled:
    """What to say after closing a deed early (a closed generator can say nothing itself)."""
    return Cancelled(KEPT[type(job)].format(job))


def sentence_of(error: OSError) -> str:
    """An OSError as one sentence that names the file and the cure."""
    name = error.filename2 or error.filename or "A file could not be read or written"
    reason = CURES.get(error.errno) or f"{error.strerror or error or type(error).__name__}; check the path and the disk"
    return f"{name}: {reason}.".replace("\n", " ")


def version() -> str:
    """Of the package at hand: the extension's manifest, or the installed distribution."""
    manifest = Path(__file__).parents[1] / "blender_manifest.toml"
    if manifest.is_file():
        return tomllib.loads(manifest.read_text(encoding="utf-8"))["version"]
    return metadata.version("talksplat")
