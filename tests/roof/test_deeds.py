# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of deeds: every job has one and a farewell, asking costs no torch, errors become sentences."""

import errno
import os
import subprocess
import sys
from importlib import import_module
from typing import get_args

import pytest

from talksplat.core import deeds
from talksplat.core.formats.refusal import Refusal
from talksplat.core.jobs.events import Failed, Finished, Started
from talksplat.core.jobs.messages import Bake, Info, Job, Train

JOB = Bake("anna.head", "a.wav", "shot.bake")


def test_every_job_has_a_deed_and_a_farewell():
    assert set(deeds.DEEDS) == set(deeds.KEPT) == set(get_args(Job))
    for module, name in deeds.DEEDS.values():
        assert callable(getattr(import_module(module, "talksplat.core"), name))
    assert "shot.bake" in deeds.cancelled(JOB).sentence


def test_asking_imports_nothing_heavy():
    code = ("import sys, talksplat.core.deeds, talksplat.core.worker, talksplat.core.cli\n"
            "list(talksplat.core.deeds.do(talksplat.core.deeds.Info('nowhere')))\n"
            "print(sorted({'torch', 'numba', 'librosa', 'scipy', 'av', 'onnxruntime', 'OpenEXR'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("own", "then"), [(None, "passive"), ("active", "active")])
def test_waiting_threads_sleep_unless_told_otherwise(own, then, monkeypatch):
    """Set before a deed loads torch (nothing heavy is there yet, see above), and a user's own word counts."""
    monkeypatch.setenv("OMP_WAIT_POLICY", own or "")
    if own is None:
        monkeypatch.delenv("OMP_WAIT_POLICY")
    list(deeds.do(Info("nowhere")))
    assert os.environ["OMP_WAIT_POLICY"] == then


@pytest.mark.parametrize(("error", "said"), [
    (Refusal("anna.head: is odd; mend it."), "anna.head: is odd; mend it."),
    (OSError(errno.ENOSPC, "No space left on device", "/shots/a.bake"), "/shots/a.bake: the disk is full"),
    (OSError(errno.EACCES, "Permission denied", "/x"), "/x: access is denied"),
    (OSError(errno.EIO, "Input/output error", "/x"), "/x: Input/output error; check"),
    (OSError("odd"), "odd; check"),
    (MemoryError(), "The memory is used up"),
    (ModuleNotFoundError("No module named 'librosa'", name="librosa"), "The Python package 'librosa' is missing"),
])
def test_what_a_person_can_mend_becomes_one_sentence(monkeypatch, error, said):
    def deed(job):
        yield Started("baking", 3)
        raise error

    install(monkeypatch, deed)
    events = list(deeds.do(JOB))
    assert events[0] == Started("baking", 3)
    assert isinstance(events[-1], Failed)
    assert said in events[-1].sentence
    assert events[-1].sentence.endswith(".")
    assert "\n" not in events[-1].sentence


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("x"),
                                   ModuleNotFoundError("x", name="talksplat.core.baking.gone")])
def test_our_own_mistakes_keep_their_traceback(monkeypatch, error):
    def deed(job):
        raise error
        yield

    install(monkeypatch, deed)
    with pytest.raises(type(error)):
        list(deeds.do(JOB))


def test_closing_reaches_the_deed(monkeypatch):
    closed = []

    def deed(job):
        try:
            yield Started("baking", 3)
            yield Finished()
        finally:
            closed.append(job)

    install(monkeypatch, deed)
    events = deeds.do(JOB)
    next(events)
    events.close()
    assert closed == [JOB]


def test_what_is_no_job_is_our_mistake():
    with pytest.raises(TypeError, match="not a job"):
        next(deeds.do("bake"))
    assert type(Info("x")) in deeds.DEEDS
    assert type(Train("f", "o")) in deeds.DEEDS


def install(monkeypatch, deed):
    """Let `deed` do the Bake jobs."""
    module = type("Module", (), {"deed": staticmethod(deed)})
    monkeypatch.setitem(deeds.DEEDS, Bake, (".somewhere", "deed"))
    monkeypatch.setattr(deeds, "import_module", lambda name, package: module)
