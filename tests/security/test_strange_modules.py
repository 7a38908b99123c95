# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing strange runs: Python files in the working folder, in PYTHONPATH and in the user's own site-packages are not
imported by what the add-on starts, nor by what that starts, nor by the processes of `prepare`.

Each such file leaves a line with its name where it is imported, and then does what the real module would.
"""

import importlib.util
import os
import site
import subprocess
import sys
import time
from pathlib import Path

import pytest

from talksplat.blender_addon.link.check_python import check_python
from talksplat.blender_addon.link.worker_process import LAST_EVENTS, WorkerProcess
from talksplat.core.jobs import Finished, Info, Perform, Prepare

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("sitecustomize", "usercustomize", "json", "random", "socket", "pickle", "numpy", "torch", "numba", "librosa")
NAMES += ("onnxruntime", "mediapipe", "cv2", "scipy", "yaml", "talksplat", "_talksplat_environment")
EVIL = """
import os
with open({marker!r}, "a") as marker:
    marker.write("{name}\\n")
raise ImportError("{name} of a stranger")
"""
TIMEOUT = 120  # seconds; a loaded machine imports torch slowly


@pytest.fixture
def imported(tmp_path, monkeypatch):
    """Strange modules everywhere; returns a function: the names of those that were imported so far."""
    marker = tmp_path / "imported.txt"
    marker.touch()
    home = tmp_path / "home"
    user_site = Path(site.getusersitepackages().replace(site.getuserbase(), str(home / "base")))
    for folder in (tmp_path / "cwd", tmp_path / "path", user_site):
        folder.mkdir(parents=True)
        for name in NAMES:
            (folder / f"{name}.py").write_text(EVIL.format(marker=str(marker), name=name))
    (user_site / "talksplat.pth").write_text(f"import _talksplat_environment\n{tmp_path / 'path'}\n")
    (tmp_path / "startup.py").write_text(EVIL.format(marker=str(marker), name="PYTHONSTARTUP"))
    monkeypatch.setenv(
        "XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    )  # warm kernels
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PYTHONUSERBASE", str(home / "base"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "startup.py"))
    monkeypatch.delenv("PYTHONNOUSERSITE", raising=False)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    return lambda: set(marker.read_text().split())


def last_event(worker, job, patience=TIMEOUT):
    worker.submit(job)
    until = time.monotonic() + patience
    events = []
    while worker.busy or not any(isinstance(event, LAST_EVENTS) for event in events):
        events += worker.poll()
        assert time.monotonic() < until, events
        time.sleep(0.01)
    return (events + worker.poll())[-1]


def test_the_traps_of_this_test_do_work(imported):
    """Without -I each place is taken: else the tests below show nothing."""
    subprocess.run([sys.executable, "-c", "import json"], capture_output=True, timeout=TIMEOUT)
    assert "json" in imported()
    assert "sitecustomize" in imported()


@pytest.mark.parametrize("parent", ["talksplat", "user_default/odd name"])
def test_the_worker_imports_only_the_add_ons_files_and_the_environments(parent, imported, tmp_path, tiny_head, voice):
    root = tmp_path / parent
    root.parent.mkdir(parents=True, exist_ok=True)
    root.symlink_to(ROOT)
    (root.parent / "numpy").mkdir()  # another extension of the same folder
    (root.parent / "numpy" / "__init__.py").write_text("raise SystemExit('another extension is imported')")
    worker = WorkerProcess(sys.executable, root, tmp_path / "log" / "worker.log")
    try:
        job = Perform(str(tiny_head), str(voice), str(tmp_path / "out.performance"))
        event = last_event(worker, job if parent == "talksplat" else Info(str(tiny_head)))
        assert isinstance(event, Finished), event
    finally:
        worker.stop()
    assert imported() == set()


def test_the_self_test_imports_only_the_environment(imported):
    *_, last = check_python(Path(sys.executable))
    assert isinstance(last, Finished), last
    assert imported() == set()


@pytest.mark.parametrize("isolated", [True, False], ids=["of the worker", "of the shell"])
def test_the_processes_of_prepare_import_nothing_from_the_working_folder(isolated, imported, tmp_path, monkeypatch):
    """spawn begins them with `python -c`, which would look into the working folder first."""
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.setenv("PYTHONNOUSERSITE", "1")  # the shell's own Python is its user's choice
    script = tmp_path / "program" / "main.py"
    script.parent.mkdir()
    script.write_text(
        "import operator, runpy\n"
        f"runpy.run_path({str(ROOT / 'core' / 'start_worker.py')!r}, run_name='package')\n"
        "if __name__ == '__main__':\n"
        "    from talksplat.core.preparing.process_pool import ProcessPool\n"
        "    with ProcessPool(1) as pool:\n"
        "        print([*pool.run(operator.is_, [(1,)])][-1].outcome)\n"
    )
    command = [sys.executable, *(["-I"] if isolated else []), str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.stdout == "False\n", done.stderr
    assert imported() == set()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(importlib.util.find_spec("mediapipe") is None, reason="MediaPipe is not installed")
def test_prepare_in_the_worker_finds_the_add_ons_package_in_its_processes(imported, tmp_path):
    film = ROOT / "tests" / "fixtures" / "grid" / "sgbc6n.mpg"
    worker = WorkerProcess(sys.executable, ROOT, tmp_path / "log" / "worker.log")
    try:
        job = Prepare((str(film),), str(tmp_path / "footage"), size="64", every=25, workers=1)
        assert isinstance(event := last_event(worker, job, 600), Finished), event
    finally:
        worker.stop()
    assert imported() == set()
