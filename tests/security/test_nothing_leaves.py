# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing leaves the machine, and files are left only where they should: every job in a process with an empty home,
cache, temporary and working folder, watched by the system.

Asked are also the native libraries: onnxruntime (sends telemetry unless told), MediaPipe (has a logger of uses), torch,
numba, librosa and its downloader, PyAV, OpenEXR.
"""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

if os.name == "nt":
    pytest.skip("strace and its stand-in watch Unix", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parent))
from traced_process import audit_folder, foreign_addresses, opened_for_writing, strace_works, traced

from talksplat.blender_addon.link.worker_process import LAST_EVENTS, WorkerProcess
from talksplat.core.exporting import EXPORTERS
from talksplat.core.jobs import Bake, Finished, Perform, Render, write_job_file

ROOT = Path(__file__).resolve().parents[2]
SAMPLE, VOICE = ROOT / "samples" / "sample.head", ROOT / "samples" / "voice.wav"
AVATAR = ROOT / "tests" / "fixtures" / "avatar" / "anna.zip"
FILM = ROOT / "tests" / "fixtures" / "grid" / "sgbc6n.mpg"
SYSTEM = ("/dev/", "/proc/", "/sys/")  # devices, and torch's thread library in /dev/shm
TIMEOUT = 600  # seconds; every kernel is compiled anew


@dataclass(frozen=True)
class Place:
    """The empty folders of one process, and what it asked for."""

    folder: Path
    environment: dict[str, str]

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def files(self, name: str) -> set[Path]:
        return {path for path in (self.folder / name).rglob("*") if not path.is_dir()}

    def check(self) -> None:
        """No address but loopback, and nothing written but the output, kernels and what Python compiles."""
        assert foreign_addresses(self.log) == []
        kernels = self.folder / "cache" / f"talksplat-kernels-{os.geteuid()}"
        assert all(path.is_relative_to(kernels) for path in self.files("cache"))
        left = self.files("home") | self.files("tmp") | self.files("cwd")
        assert not left
        own = (self.out, kernels, self.folder / "tmp")  # temporary files have gone by now
        for path in opened_for_writing(self.log, self.folder / "cwd"):
            if not str(path).startswith(SYSTEM) and "__pycache__" not in path.parts:
                assert any(path.is_relative_to(place) for place in own), path


@pytest.fixture
def place(tmp_path):
    for name in ("home", "cache", "tmp", "cwd", "out"):
        (tmp_path / name).mkdir()
    hook = audit_folder(tmp_path / "hook", tmp_path / "log.txt")
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LD_LIBRARY_PATH")}
    places = {"HOME": "home", "XDG_CACHE_HOME": "cache", "TMPDIR": "tmp"}
    paths = os.pathsep.join([str(hook), *filter(None, [os.environ.get("PYTHONPATH")])])
    return Place(
        tmp_path, kept | {name: str(tmp_path / value) for name, value in places.items()} | {"PYTHONPATH": paths}
    )


def shell(place, *arguments):
    """A command of talksplat as a shell runs it."""
    entry = "import sys; from talksplat.core.cli import main; sys.exit(main())"
    process = start(place, [sys.executable, "-P", "-c", entry, *map(str, arguments)])
    try:
        _, errors = process.communicate(timeout=TIMEOUT)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what strace watches outlives it
    assert process.returncode == 0, errors
    place.check()


def start(place, command):
    return subprocess.Popen(
        traced(command, place.log),
        env=place.environment,
        cwd=place.folder / "cwd",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_this_test_sees_who_phones_home(place):
    """Else it would show nothing."""
    code = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('192.0.2.1', 9))"
    code += "; open('left', 'w').close()"
    start(place, [sys.executable, "-c", code]).communicate(timeout=60)
    assert any("192.0.2.1" in line for line in foreign_addresses(place.log))
    assert place.folder / "cwd" / "left" in opened_for_writing(place.log, place.folder / "cwd")
    with pytest.raises(AssertionError):
        place.check()


def test_the_worker_listens_to_a_voice_and_opens_only_its_loopback_port(place, monkeypatch):
    if not strace_works():
        pytest.skip("no strace here; the worker is isolated, so that no hook of ours reaches it")
    for name in set(os.environ) - set(place.environment):
        monkeypatch.delenv(name)
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    python = place.folder / "python"
    python.write_text("#!/bin/sh\nexec " + " ".join(map(repr, traced([sys.executable], place.log))) + ' "$@"\n')
    python.chmod(0o700)
    worker = WorkerProcess(python, ROOT, place.out / "worker.log")
    try:
        worker.submit(Perform(str(SAMPLE), str(VOICE), str(place.out / "voice.performance")))
        events, until = [], time.monotonic() + TIMEOUT
        while not any(isinstance(event, LAST_EVENTS) for event in events):
            events += worker.poll()
            assert time.monotonic() < until, events
            time.sleep(0.02)
    finally:
        worker.stop(30)
    assert isinstance(events[-1], Finished), events[-1]
    text = place.log.read_text()
    assert 'inet_addr("127.0.0.1")' in text, "its own port is seen"
    place.check()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_voice_becomes_a_render_and_leaves_only_that(place):
    shell(place, "bake", "--head", SAMPLE, "--audio", VOICE, "--out", place.out / "v.bake", "--frame-count", 4)
    shell(place, "render", place.out / "v.bake", "--size", 64, "--out", place.out / "pictures")
    shell(place, "export", place.out / "v.bake", "--out", place.out / "ply")
    shell(place, "info", place.out / "v.bake")
    shell(place, "align", VOICE, "--text", FILM.with_suffix(".txt"), "--out", place.out / "v.TextGrid")


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_farm_does_an_exported_job_and_leaves_only_that(place):
    rendered = Render("", "", size=64, publish=True)
    job = write_job_file(place.out, "sh010", Bake(str(SAMPLE), str(VOICE), "", frame_count=4), rendered)
    shell(place, "warm")
    shell(place, "do", job, "--last", 2)
    shell(place, "do", job)
    assert (place.out / "sh010" / "sh010.mp4").is_file()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_head_goes_to_other_programs_and_comes_from_them_and_leaves_only_that(place):
    shell(place, "bake", "--head", SAMPLE, "--audio", VOICE, "--out", place.out / "v.bake", "--frame-count", 1)
    for kind in EXPORTERS:
        shell(place, "export", place.out / "v.bake", "--format", kind, "--out", place.out / kind)
    shell(place, "import-head", place.out / "ply" / "v.0001.ply", "--out", place.out / "still.head")
    shell(place, "import-head", AVATAR, "--out", place.out / "avatar.head")
    shell(place, "export-rig", SAMPLE, "--out", place.out / "rig.npz", "--usd", place.out / "rig.usdc")
    shell(place, "adapt", SAMPLE, "--own-voice", VOICE, "--out", place.out / "any.head")
    shell(place, "proxy", SAMPLE, "--out", place.out / "proxy.ply", "--spacing", 30)


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.skipif(importlib.util.find_spec("mediapipe") is None, reason="MediaPipe is not installed")
def test_a_video_becomes_footage_and_leaves_only_that(place):
    shell(place, "prepare", FILM, "--out", place.out / "footage", "--size", 64, "--every", 20, "--workers", 1)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_footage_becomes_a_head_and_leaves_only_that(place, tiny_footage):
    short = ("--preset", "smoke", "--steps", 20, "--set", "audio_net.steps=10", "motion_steps=10")
    shell(place, "train", tiny_footage, *short, "--out", place.out / "t.head")
    shell(place, "evaluate", place.out / "t.head", tiny_footage, "--out", place.out / "evaluation")
