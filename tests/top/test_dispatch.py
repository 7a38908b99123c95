# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of handlers: every job has one, reading it costs no torch, errors become sentences."""

import errno
import os
import subprocess
import sys
from dataclasses import MISSING, fields
from importlib import import_module

import pytest

from talksplat.core import dispatch
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs import Bake, Info, Job, Perform
from talksplat.core.jobs.events import Failed, Finished, Started
from talksplat.core.jobs.outputs import check_outputs

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


def test_every_job_that_writes_marks_its_outputs():
    outputs = {
        name: {f.name for f in fields(row.message) if "output" in f.metadata} for name, row in dispatch.JOBS.items()
    }
    assert outputs.pop("info") == set(), "reads only"
    assert outputs.pop("warm") == set(), "kernels, in their own folder"
    assert all("out" in names for names in outputs.values())
    assert outputs["evaluate"] == {"out", "video", "strip"}
    assert outputs["train"] == {"out", "work"}


def arguments_in(folder, row):
    """A job whose every named file or folder is there, inputs as a sound called input.wav."""
    (folder / "input.wav").write_bytes(b"RIFF a recording")
    values = {f.name: str(folder / "input.wav") for f in fields(row.message) if "positional" in f.metadata}
    values |= {name: str(folder / "input.wav") for name in ("head", "audio", "text") if name in FIELDS[row.message]}
    return {name: (value,) if name == "videos" else value for name, value in values.items()}


FIELDS = {row.message: {f.name for f in fields(row.message)} for row in dispatch.JOBS.values()}
WRITTEN = [(name, f.name) for name, row in dispatch.JOBS.items() for f in fields(row.message) if "output" in f.metadata]


@pytest.mark.parametrize(("command", "output"), WRITTEN)
def test_no_job_writes_over_its_input_or_a_foreign_file(tmp_path, command, output):
    """`perform --out x.wav` destroyed the recording x.wav."""
    row = dispatch.JOBS[command]
    inputs = arguments_in(tmp_path, row)
    kept = {tmp_path / "input.wav": b"RIFF a recording"}
    suffix = next(f.metadata["output"] for f in fields(row.message) if f.name == output)
    kept[tmp_path / f"foreign{suffix}"] = b"a letter to my mother"
    kept[tmp_path / "other.mov"] = b"a film"
    for path, content in kept.items():
        path.write_bytes(content)
    for path in kept:
        events = list(dispatch.run_job(row.message(**{"out": str(tmp_path / "new"), **inputs, output: str(path)})))
        assert len(events) == 1
        assert isinstance(events[0], Failed)
        assert str(path) in events[0].sentence
    if suffix:
        events = list(dispatch.run_job(row.message(**{"out": str(tmp_path / "new"), **inputs, output: str(tmp_path)})))
        assert "is a folder" in events[0].sentence
    assert {path: path.read_bytes() for path in kept} == kept


def test_a_finished_file_of_the_kind_may_be_replaced(tmp_path):
    (tmp_path / "a.performance").write_bytes((10).to_bytes(8, "little") + b"{}        ")
    check_outputs(Perform("a.head", "a.wav", str(tmp_path / "a.performance")))
    check_outputs(Perform("a.head", "a.wav", str(tmp_path / "new" / "a.performance")))


def given(row, folder, empty):
    """A job whose required paths are named but for `empty`, as a shell gives "$OUT" of an unset variable."""
    values = {f.name: str(folder / "a") for f in fields(row.message) if f.default is f.default_factory} | {empty: ""}
    return row.message(**{name: (value,) if name == "videos" else value for name, value in values.items()})


def required(row):
    return [f for f in fields(row.message) if f.default is f.default_factory and "shell_default" not in f.metadata]


@pytest.mark.parametrize("command", dispatch.JOBS)
def test_a_path_that_is_empty_is_told_before_the_work_and_is_not_the_current_folder(command, tmp_path, monkeypatch):
    """`export SHOT.bake --out "$OUT"` wrote its files into the folder of the shell; `proxy` worked and then failed."""
    monkeypatch.chdir(tmp_path)
    row = dispatch.JOBS[command]
    for field in required(row):
        [event] = dispatch.run_job(given(row, tmp_path, field.name))
        assert isinstance(event, Failed)
        assert event.sentence == f"The path of {field.name} is empty; give the path itself."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["bake", "render", "export", "prepare", "convert"])
def test_a_job_that_is_cancelled_before_it_wrote_anything_does_not_say_that_something_is_kept(command, tmp_path):
    row, out = dispatch.JOBS[command], tmp_path / "out"
    required = {f.name: (str(out),) if "tuple" in str(f.type) else str(out) for f in fields(row.message)
                if f.default is MISSING and f.default_factory is MISSING}  # fmt: skip
    job = row.message(**required)
    assert f"nothing is in {out} yet" in dispatch.cancelled_event(job).sentence
    out.mkdir()
    (out / "first").write_text("done")
    assert f"in {out} " in dispatch.cancelled_event(job).sentence
    assert "kept" in dispatch.cancelled_event(job).sentence
