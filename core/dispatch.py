# SPDX-License-Identifier: GPL-3.0-or-later
"""From a job to its handler: one table. Handlers are imported when their job is asked for, so that reading the table
costs no torch.

`run_job(job)` is what the worker, the shell and scripts call: it finds the handler, runs it, and turns what a person
can fix (a UserError, a full disk, a forbidden folder) into a `Failed` event. Our own mistakes keep their traceback.
Knows no sockets and no terminals.
"""

import errno
import os
import sys
from collections.abc import Generator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from .formats import UserError
from .jobs import (
    Adapt,
    Align,
    Bake,
    Cancelled,
    Convert,
    Do,
    Evaluate,
    Event,
    Export,
    ExportRig,
    Failed,
    ImportHead,
    Info,
    Job,
    MakeProxy,
    MakeRig,
    Perform,
    Prepare,
    Render,
    Shots,
    Train,
    Warm,
    check_outputs,
)


@dataclass(frozen=True)
class JobType:
    """One row: a job that can be asked for."""

    message: type[Job]  # its dataclass; the wire sends it, the shell makes flags of its fields
    handler: str  # "package.module:function" below this package; the function takes the message and yields events
    on_cancel: str  # what is kept and how to continue; {0} is the message
    # What is said in its place while nothing is at `out` yet; empty: `on_cancel`, whatever is there.
    nothing_kept: str = ""


# The shell's command -> the job. The command line, the wire and the worker read this table and nothing else.
JOBS: dict[str, JobType] = {
    "perform": JobType(
        Perform,
        "baking.perform:perform",
        "Listening was cancelled; nothing was written. Run it again to write {0.out}.",
    ),
    "align": JobType(
        Align,
        "aligning.align:align",
        "Aligning {0.text_title} was cancelled; nothing was written. Run it again to write {0.out}.",
    ),
    "bake": JobType(
        Bake,
        "baking.bake:bake",
        "The bake was cancelled; the finished frames in {0.out} are kept. Run the same bake again to continue.",
        "The bake was cancelled before its first frame; nothing is in {0.out} yet. Run it again.",
    ),
    "render": JobType(
        Render,
        "baking.render:render",
        "Rendering was cancelled; the finished pictures in {0.out} are kept. Run it again to continue.",
        "Rendering was cancelled before its first picture; nothing is in {0.out} yet. Run it again.",
    ),
    "do": JobType(
        Do,
        "baking.farm.do:do",
        "The job was cancelled; the finished frames of {0.job} are kept. Run it again to continue.",
    ),
    "shots": JobType(
        Shots,
        "baking.farm.shots:shots",
        "The shots were cancelled; all finished frames are kept. Run it again to continue.",
    ),
    "warm": JobType(Warm, "baking.farm.warm:warm", "Compiling was cancelled. Run it again."),
    "export": JobType(
        Export,
        "exporting.export:export",
        "The export was cancelled; the finished files in {0.out} are kept. Run it again to continue.",
        "The export was cancelled before its first file; nothing is in {0.out} yet. Run it again.",
    ),
    "prepare": JobType(
        Prepare,
        "preparing.prepare:prepare",
        "Preparing was cancelled; everything finished in {0.out} is kept. Run it again to continue.",
        "Preparing was cancelled before anything was finished; nothing is in {0.out} yet. Run it again.",
    ),
    "train": JobType(
        Train,
        "training.train:train",
        "Training was cancelled; its last checkpoint is kept. Run the same training again to continue.",
    ),
    "adapt": JobType(
        Adapt,
        "adapting.adapt:adapt",
        "Adapting {0.head} was cancelled; the head is as it was. Run it again.",
    ),
    "rig": JobType(
        MakeRig,
        "rigging.rig:rig",
        "Making the rig of {0.head} was cancelled; the head is as it was. Run it again.",
    ),
    "export-rig": JobType(
        ExportRig,
        "rigging.export_rig:export_rig",
        "Exporting the rig of {0.head} was cancelled. Run it again.",
    ),
    "proxy": JobType(
        MakeProxy,
        "meshing.proxy:proxy",
        "Making the proxy mesh of {0.head} was cancelled; nothing was written. Run it again.",
    ),
    "evaluate": JobType(
        Evaluate,
        "evaluation.evaluate:evaluate",
        "Evaluating {0.head} was cancelled; nothing was written. Run it again.",
    ),
    "convert": JobType(
        Convert,
        "converting.convert:convert",
        "Converting was cancelled; everything finished in {0.out} is kept. Run it again to continue.",
        "Converting was cancelled before anything was finished; nothing is in {0.out} yet. Run it again.",
    ),
    "import-head": JobType(
        ImportHead,
        "importing.import_head:import_head",
        "Importing {0.source} was cancelled; nothing was written. Run it again.",
    ),
    "info": JobType(Info, "inspecting.info:info", "Reading {0.file} was cancelled."),
}

FIXES = {
    errno.ENOSPC: "the disk is full; free some space and run it again, everything finished is kept",
    errno.EDQUOT: "the disk quota is used up; free some space and run it again, everything finished is kept",
    errno.EFBIG: "the file is too large for this disk; choose another place",
    errno.EACCES: "access is denied; choose another place or change the permissions",
    errno.EPERM: "access is denied; choose another place or change the permissions",
    errno.EROFS: "the disk is read-only; choose another place",
    errno.ENOENT: "there is no such file; check the path",
    errno.EISDIR: "this is a folder, not a file; name a file in it",
    errno.EEXIST: "this is a file, where a folder is needed; choose another place",
    errno.ENOTDIR: "a part of this path is a file, not a folder; choose another place",
    errno.ENAMETOOLONG: "the path is too long; choose a shorter one",
    errno.EMFILE: "too many files are open; close other programs and run it again",
}


def run_job(job: Job) -> Generator[Event, None, None]:
    """Run `job`, yielding its events; the last one is Finished or Failed. Closing the generator cancels it.

    Raises TypeError for something that is not a job, and whatever our own mistakes raise.
    """
    module, _, function = job_type(job).handler.partition(":")

    # A thread that has nothing to do sleeps instead of spinning: beside Blender, or a second job on the same cores, a
    # spinning one takes the core from the thread that it waits for (benchmarks/waiting.py). Read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

    def events() -> Generator[Event, None, None]:
        check_outputs(job)
        yield from getattr(import_module(f".{module}", __package__), function)(job)

    yield from failures_as_events(events())


def job_type(job: Job) -> JobType:
    """The row of a job. Raises TypeError for something that is not a job."""
    for row in JOBS.values():
        if row.message is type(job):
            return row
    raise TypeError(f"{type(job).__name__} is not a job")


def failures_as_events(events: Generator[Event, None, None]) -> Generator[Event, None, None]:
    """`events`, with what a person can fix as a last `Failed` instead of an exception."""
    try:
        yield from events
    except UserError as error:
        yield Failed(str(error))
    except OSError as error:
        yield Failed(sentence_of(error))
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("", (__package__ or "").split(".")[0]):
            raise
        yield Failed(
            f"The Python package {error.name!r} is missing in {sys.prefix}; install talksplat's requirements there."
        )
    except MemoryError:
        yield Failed("The memory is used up; close other programs, or use a smaller picture or head.")


def cancelled_event(job: Job) -> Cancelled:
    """What to say after closing a handler early (a closed generator can say nothing itself)."""
    row = job_type(job)
    is_empty = row.nothing_kept and not _holds_anything(Path(getattr(job, "out", "")))
    return Cancelled((row.nothing_kept if is_empty else row.on_cancel).format(job))


def _holds_anything(out: Path) -> bool:
    """Whether there is a file at `out`, or a folder with something in it."""
    try:
        return any(out.iterdir()) if out.is_dir() else out.exists()
    except OSError:  # a folder that cannot be looked into is not empty for that
        return True


def sentence_of(error: OSError) -> str:
    """An OSError as one sentence that names the file and the fix."""
    name = error.filename2 or error.filename or "A file could not be read or written"
    fix = FIXES.get(error.errno or 0)
    reason = fix or f"{error.strerror or str(error) or 'the system gave no reason'}; check the path and the disk"
    return f"{name}: {reason}.".replace("\n", " ")
