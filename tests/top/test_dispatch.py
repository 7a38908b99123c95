# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of handlers: every job has one, reading it costs no torch, errors become sentences."""

import errno
import os
import subprocess
import sys
from importlib import import_module

import pytest

from talksplat.core import dispatch
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs.events import Failed, Finished, Started
from talksplat.core.jobs.messages import Bake, Info, Job

JOB = Bake("anna.head", "a.wav", "shot.bake")


def test_every_job_is_in_the_table_with_a_handler_and_what_is_kept():
    assert {row.message for row in dispatch.JOBS.values()} == set(Job.__subclasses__())
    for row in dispatch.JOBS.values():
        module, _, function = row.handler.partition(":")
        assert callable(getattr(import_module(f"talksplat.core.{module}"), function))
    assert "shot.bake" in dispatch.cancelled_event(JOB).sentence


def test_asking_imports_nothing_heavy():
    code = (
        "import sys, talksplat.core.dispatch, talksplat.core.worker, talksplat.core.cli\n"
        "list(talksplat.core.dispatch.run_job(talksplat.core.dispatch.Info('nowhere')))\n"
        "print(sorted({'torch', 'numba', 'librosa', 'scipy', 'av', 'onnxruntime', 'OpenEXR'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("own", "then"), [(None, "passive"), ("active", "active")])
def test_waiting_threads_sleep_unless_set_otherwise(own, then, monkeypatch):
    """Set before a handler loads torch (nothing heavy is there yet, see above), and a user's own word counts."""
    monkeypatch.setenv("OMP_WAIT_POLICY", own or "")
    if own is None:
        monkeypatch.delenv("OMP_WAIT_POLICY")
    list(dispatch.run_job(Info("nowhere")))
    assert os.environ["OMP_WAIT_POLICY"] == then


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UserError("anna.head: is odd; fix it."), "anna.head: is odd; fix it."),
        (OSError(errno.ENOSPC, "No space left on device", "/shots/a.bake"), "/shots/a.bake: the disk is full"),
        (OSError(errno.EACCES, "Permission denied", "/x"), "/x: access is denied"),
        (OSError(errno.EIO, "Input/output error", "/x"), "/x: Input/output error; check"),
        (OSError("odd"), "odd; check"),
        (MemoryError(), "The memory is used up"),
        (ModuleNotFoundError("No module named 'librosa'", name="librosa"), "The Python package 'librosa' is missing"),
    ],
)
def test_what_a_person_can_fix_becomes_one_sentence(monkeypatch, error, said):
    def handler(job):
        yield Started("baking", 3)
        raise error

    install(monkeypatch, handler)
    events = list(dispatch.run_job(JOB))
    assert events[0] == Started("baking", 3)
    assert isinstance(events[-1], Failed)
    assert said in events[-1].sentence
    assert events[-1].sentence.endswith(".")
    assert "\n" not in events[-1].sentence


@pytest.mark.parametrize(
    "error", [KeyError("x"), ValueError("x"), ModuleNotFoundError("x", name="talksplat.core.baking.gone")]
)
def test_our_own_mistakes_keep_their_traceback(monkeypatch, error):
    def handler(job):
        raise error
        yield

    install(monkeypatch, handler)
    with pytest.raises(type(error)):
        list(dispatch.run_job(JOB))


def test_closing_reaches_the_handler(monkeypatch):
    closed = []

    def handler(job):
        try:
            yield Started("baking", 3)
            yield Finished()
        finally:
            closed.append(job)

    install(monkeypatch, handler)
    events = dispatch.run_job(JOB)
    next(events)
    events.close()
    assert closed == [JOB]


def test_what_is_no_job_is_our_mistake():
    with pytest.raises(TypeError, match="not a job"):
        next(dispatch.run_job("bake"))


def install(monkeypatch, handler):
    """Let `handler` do the Bake jobs."""
    module = type("Module", (), {"handler": staticmethod(handler)})
    row = dispatch.JobType(Bake, "somewhere:handler", "Cancelled {0.out}.")
    monkeypatch.setitem(dispatch.JOBS, "bake", row)
    monkeypatch.setattr(dispatch, "import_module", lambda name, package: module)
