# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker process from the add-on's side: it starts, answers, is cancelled, dies, starts again. No Blender here."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from talksplat.blender_addon.link import blenders_python
from talksplat.blender_addon.link.check_python import check_python
from talksplat.blender_addon.link.find_python import find_python, interpreter_in
from talksplat.blender_addon.link.worker_process import LAST_EVENTS, PATIENCE, WorkerProcess, own_log
from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.jobs import Bake, Info, Perform
from talksplat.core.jobs.events import Cancelled, Failed, Finished, Progress, Started

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def python():
    found = find_python("", ROOT)
    if found is None:
        pytest.skip("no Python for the worker here (a .venv in the checkout, or TALKSPLAT_PYTHON)")
    return found


@pytest.fixture
def worker(python, tmp_path):
    worker = WorkerProcess(python, ROOT, tmp_path / "worker.log")
    yield worker
    worker.stop()


def events_of(worker, timeout=60.0) -> list:
    """Until the last job has answered."""
    events, until = [], time.monotonic() + timeout
    while worker.busy or not any(isinstance(e, LAST_EVENTS) for e in events):
        events += worker.poll()
        assert time.monotonic() < until, events
        time.sleep(0.005)
    return events + worker.poll()


def long_bake(head, sound, out) -> Bake:
    return Bake(str(head), str(sound), str(out), fps="60", frame_count=20_000)


def test_asking_never_waits_and_the_answer_comes(worker, head_path):
    start = time.perf_counter()
    worker.submit(Info(str(head_path)))
    assert worker.poll() == []
    assert time.perf_counter() - start < 0.5
    assert isinstance(events_of(worker)[-1], Finished)


def test_one_process_serves_many_jobs(worker, head_path, tmp_path):
    for path in (head_path, tmp_path / "none.head"):
        worker.submit(Info(str(path)))
    ends = [e for e in events_of(worker) if isinstance(e, LAST_EVENTS)]
    first = worker.pid
    assert [type(e) for e in ends] == [Finished, Failed]
    assert "none.head" in ends[1].sentence
    worker.submit(Info(str(head_path)))
    assert isinstance(events_of(worker)[-1], Finished)
    assert worker.pid == first


def test_cancel_answers_and_the_worker_continues(worker, head_path, sound_path, tmp_path):
    worker.submit(long_bake(head_path, sound_path, tmp_path / "long.bake"))
    worker.cancel()  # before there is a connection
    assert isinstance(events_of(worker)[-1], Cancelled)
    worker.submit(Info(str(head_path)))
    assert isinstance(events_of(worker)[-1], Finished)


@pytest.fixture(scope="module")
def hour(make_wave_once):
    """An hour of sound with pauses, and noise under it."""
    rng, t = np.random.default_rng(0), np.arange(16000 * 60) / 16000
    tone = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 20))
    minute = 0.2 * tone * (np.sin(2 * np.pi * 3 * t) > -0.3) + rng.normal(0, 1e-3, len(t))
    return make_wave_once(np.tile(minute.astype(np.float32), 60))


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["Reading", "listens to"])
def test_listening_to_an_hour_shows_an_estimate_and_cancels_wherever_it_is(worker, head_path, hour, tmp_path, phase):
    out = tmp_path / "hour.performance"
    worker.submit(Perform(str(head_path), str(hour), str(out)))
    events, title, until = [], "", time.monotonic() + 300
    while not (phase in title and [e for e in events if e.done and e.remaining > 0]):
        for event in worker.poll():
            if isinstance(event, Started):
                title, events = event.title, []
            events += [event] if isinstance(event, Progress) else []
        assert time.monotonic() < until, title
        time.sleep(0.005)
    assert events[-1].done < events[-1].total / 5, "the estimate comes early"
    worker.cancel()
    cancelled = time.monotonic()
    assert isinstance(events_of(worker)[-1], Cancelled)
    print(f"{phase}: cancelled in {time.monotonic() - cancelled:.2f} s")
    assert list(tmp_path.glob("*.performance*")) == []


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs a signal that Windows has not")
def test_cancel_ends_a_job_that_is_deep_in_a_library_in_two_seconds(worker, head_path, sound_path, tmp_path):
    """Importing torch, opening a film on a slow drive, writing an hour: no event comes for as long as that takes."""
    worker.submit(long_bake(head_path, sound_path, tmp_path / "long.bake"))
    while not any(isinstance(e, Started) for e in worker.poll()):
        time.sleep(0.01)
    stuck = worker.pid
    os.kill(stuck, signal.SIGSTOP)
    worker.cancel()
    end = events_of(worker, timeout=PATIENCE + 10)[-1]
    assert isinstance(end, Cancelled)
    assert "long.bake" in end.sentence
    assert worker.pid is None
    worker.submit(Info(str(head_path)))
    assert isinstance(events_of(worker)[-1], Finished), "and the next job has a new worker"


def test_a_killed_worker_gives_a_sentence_and_starts_again(worker, head_path, sound_path, tmp_path):
    worker.submit(long_bake(head_path, sound_path, tmp_path / "long.bake"))
    events = []
    while not any(isinstance(e, Started) for e in events):
        events += worker.poll()
        time.sleep(0.01)
    os.kill(worker.pid, signal.SIGKILL)
    last = events_of(worker)[-1]
    assert isinstance(last, Failed)
    assert "Start the same job again" in last.sentence
    worker.submit(Info(str(head_path)))
    assert isinstance(events_of(worker)[-1], Finished)


def test_stop_ends_the_process(worker, head_path):
    worker.submit(Info(str(head_path)))
    events_of(worker)
    process = worker._process
    worker.stop()
    assert process.poll() is not None
    assert worker.pid is None
    worker.stop()


def is_running(pid) -> bool:
    """Also false for a process that has ended and whose exit code nobody has asked for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def within(seconds, condition) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


BLENDER = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("talksplat", sys.argv[1] + "/__init__.py",
                                              submodule_search_locations=[sys.argv[1]])
sys.modules["talksplat"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from talksplat.blender_addon.link.worker_process import WorkerProcess
from talksplat.core.jobs.events import Progress
from talksplat.core.jobs import Bake
python, head, sound, out = sys.argv[2:]
worker = WorkerProcess(python, sys.argv[1], out + ".log")
worker.submit(Bake(head, sound, out, fps="60", frame_count=20_000))
while not any(isinstance(event, Progress) and event.done for event in worker.poll()):
    time.sleep(0.01)
print(worker.pid, flush=True)
time.sleep(1000)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes as Linux shows them")
def test_the_worker_goes_when_its_blender_is_killed_and_that_of_another_blender_stays(
    python, head_path, sound_path, tmp_path
):
    blenders = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        places = (ROOT, python, head_path, sound_path, tmp_path / name / "long.bake")
        command = [sys.executable, "-c", BLENDER, *map(str, places)]
        blenders.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    try:
        first, second = (int(blender.stdout.readline()) for blender in blenders)
        assert first != second
        blenders[0].kill()
        assert within(20, lambda: not is_running(first)), "an orphan is left"
        assert is_running(second)
        files = {path.name for path in (tmp_path / "first").iterdir()}
        assert files == {"long.bake", "long.bake.index", "long.performance", "long.bake.log"}, (
            "temporary files are left"
        )
        with BakeReader.open(tmp_path / "first" / "long.bake") as bake:
            assert bake.frames
    finally:
        for blender in blenders:
            blender.kill()
            blender.wait()
            blender.stdout.close()
    assert within(20, lambda: not is_running(second))


def test_switching_the_add_on_off_while_the_worker_starts_leaves_no_process(worker, head_path, tmp_path):
    worker.submit(Info(str(head_path)))
    thread = worker._thread
    worker.stop()
    thread.join(60)
    assert worker.pid is None
    assert not thread.is_alive()
    worker.submit(Info(str(head_path)))
    assert any(isinstance(event, Finished) for event in events_of(worker)), "and it can be switched on again"


def test_each_blender_has_a_log_of_its_own_which_goes_with_it(python, head_path, tmp_path):
    worker = WorkerProcess(python, ROOT, own_log(tmp_path))
    old = tmp_path / "worker-1.log"
    old.touch()
    os.utime(old, (0, 0))
    worker.submit(Info(str(head_path)))
    events_of(worker)
    assert str(os.getpid()) in Path(worker.log).name
    assert worker.log.is_file()
    worker.stop()
    assert not worker.log.exists()
    own_log(tmp_path)
    assert not old.exists(), "the log of a Blender that crashed last week"


def test_stop_while_it_works(worker, head_path, sound_path, tmp_path):
    worker.submit(long_bake(head_path, sound_path, tmp_path / "long.bake"))
    deadline = time.monotonic() + 60
    while not worker.poll():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process = worker._process
    worker.stop()
    assert process.poll() is not None


@pytest.mark.parametrize("broken", ["not a program", "another program", "a package without a core"])
def test_what_cannot_start_is_one_sentence(broken, tmp_path, python):
    program, root = python, ROOT
    if broken == "not a program":
        program = tmp_path / "python"
    elif broken == "another program":
        program = shutil.which("true")
    else:
        root = tmp_path / "empty"
        root.mkdir()
    worker = WorkerProcess(program, root, tmp_path / "worker.log")
    worker.submit(Info("x"))
    (end,) = events_of(worker)
    assert isinstance(end, Failed)
    assert "preferences" in end.sentence
    worker.stop()


def test_self_test_says_versions_or_what_is_missing(python, tmp_path):
    end = list(check_python(python))[-1]
    assert isinstance(end, Finished)
    assert "torch" in end.result["sentence"]
    end = list(check_python(tmp_path / "none"))[-1]
    assert isinstance(end, Failed)
    assert "none" in end.sentence


@pytest.mark.skipif(os.name == "nt", reason="an environment has no links on Windows")
def test_an_environment_made_of_blenders_python_has_its_own_libraries(tmp_path):
    """Its interpreter is a link to Blender's; the zip's wheels must not fill in for what is missing in it."""
    inside = tmp_path / "env" / "bin" / "python"
    inside.parent.mkdir(parents=True)
    inside.symlink_to(blenders_python.own_interpreter())
    assert blenders_python.package_folders(inside) == []


def test_blenders_own_python_serves_when_the_wheels_are_there(monkeypatch, tmp_path):
    wheels = tmp_path / "wheels"  # stand-ins, searched last: a bare Blender has numpy alone
    for name in blenders_python.MODULES:
        (wheels / name).mkdir(parents=True)
        (wheels / name / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [*sys.path, str(wheels)])
    own = blenders_python.blenders_python()
    assert own == Path(sys.executable)
    folders = blenders_python.package_folders(own)
    assert folders
    assert all((folder / "numpy").is_dir() or (folder / "onnxruntime").is_dir() for folder in folders)
    assert blenders_python.package_folders(tmp_path / "python") == [], "another Python has its own libraries"
    monkeypatch.setattr(blenders_python, "MODULES", ("numpy", "a_wheel_that_is_missing"))
    assert blenders_python.blenders_python() is None


def test_the_python_is_looked_for_in_order(tmp_path, monkeypatch):
    def environment(name):
        path = tmp_path / name / "bin" / "python"
        path.parent.mkdir(parents=True)
        path.touch()
        return path

    preferred, named, next_to_it = environment("preferred"), environment("named"), environment("root/.venv")
    root = tmp_path / "root"
    monkeypatch.setenv("TALKSPLAT_PYTHON", str(named))
    assert find_python(str(preferred), root) == preferred
    assert find_python(str(preferred.parents[1]), root) == preferred, "an environment's folder will do"
    assert find_python(str(tmp_path / "nowhere"), root) is None, "a wrong preference is not silently replaced"
    assert find_python("", root) == named
    monkeypatch.delenv("TALKSPLAT_PYTHON")
    assert find_python("", root) == next_to_it
    assert interpreter_in(Path(sys.executable)) == Path(sys.executable)
