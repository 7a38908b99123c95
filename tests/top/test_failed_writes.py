# SPDX-License-Identifier: GPL-3.0-or-later
"""Where nothing can be written a job ends in one sentence that names the file and the fix, keeps what is finished, and
continues from there."""

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from talksplat.core.baking.render_device import compile_render
from talksplat.core.dispatch import run_job
from talksplat.core.jobs import Align, Bake, Export, MakeRig, Perform, Render
from talksplat.core.jobs.events import Failed, Finished

FIXTURES = Path(__file__).parents[1] / "fixtures" / "v0_1_0"
BAKE, HEAD, VOICE = (str(FIXTURES / name) for name in ("tiny.bake", "tiny.head", "voice.wav"))

FILM = FIXTURES.parent / "grid" / "sgbc6n.mpg"


def jobs_into(folder: Path) -> dict:
    """A job a kind of file, and the bytes at which its file of that kind cannot grow any more."""
    only = Render(BAKE, str(folder / "render"), 64, png=False, exr=False, movie=False)
    return {
        "png": (replace(only, png=True), 2000),
        "exr": (replace(only, exr=True), 3000),
        "mp4": (replace(only, movie=True), 20000),
        "ply": (Export(BAKE, str(folder / "ply")), 2000),
        "bake": (Bake(HEAD, VOICE, str(folder / "a.bake"), frame_count=30), 100000),
        "performance": (Perform(HEAD, VOICE, str(folder / "a.performance")), 2000),
        "TextGrid": (Align(str(FILM), str(FILM.with_suffix(".txt")), str(folder / "a.TextGrid")), 1000),
        "head": (MakeRig(HEAD, str(folder / "a.head")), 100000),
    }


KINDS = list(jobs_into(Path()))


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """Else a kernel is the first file that the full disk does not take."""
    compile_render()


@contextmanager
def files_of_at_most(size: int):
    """The system writes no file beyond `size` bytes meanwhile; where a disk is full, the same calls fail."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def last_event(job, limit=None):
    with limit or nullcontext():
        *_, last = run_job(job)
    return last


def one_sentence(event, about: Path) -> str:
    assert isinstance(event, Failed), event
    assert str(about) in event.sentence
    assert event.sentence.endswith(".")
    assert not [word for word in ("\n", "None", "A file", "Errno") if word in event.sentence]
    return event.sentence


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_fills_up_is_one_sentence_and_the_job_continues(tmp_path, kind):
    """Inside Pillow's, OpenEXR's, PyAV's and numpy's own writing. The PLY said "A file: None"."""
    job, size = jobs_into(tmp_path)[kind]
    sentence = one_sentence(last_event(job, files_of_at_most(size)), tmp_path)
    assert f".{kind}" in sentence.partition(": ")[0], "the file that could not be written"
    assert not list(tmp_path.rglob(".*")), "nothing half written is left"
    assert isinstance(last_event(job), Finished)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
@pytest.mark.parametrize("kind", ["png", "ply"])
def test_a_disk_that_is_full_for_the_manifest_is_named_too(tmp_path, kind):
    job, _ = jobs_into(tmp_path)[kind]
    manifest = Path(job.out) / ("tiny.rendered.txt" if kind == "png" else "tiny.exported.txt")
    manifest.parent.mkdir()
    manifest.symlink_to("/dev/full")
    assert "the disk is full" in one_sentence(last_event(job), manifest)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_where_a_folder_is_needed_is_one_sentence(tmp_path, kind):
    (tmp_path / "file").write_text("a")
    job, _ = jobs_into(tmp_path / "file")[kind]
    one_sentence(last_event(job), tmp_path / "file")
    assert (tmp_path / "file").read_text() == "a"


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_where_a_file_is_needed_is_one_sentence(tmp_path, kind):
    job, _ = jobs_into(tmp_path)[kind]
    name = {"png": "tiny.0001.png", "exr": "tiny.0001.exr", "mp4": "tiny.mp4", "ply": "tiny.0001.ply"}.get(kind, "")
    (Path(job.out) / name / "inside").mkdir(parents=True)
    one_sentence(last_event(job), Path(job.out) / name)
    assert (Path(job.out) / name / "inside").is_dir()


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_is_too_long_is_one_sentence(tmp_path, kind):
    job, _ = jobs_into(tmp_path)[kind]
    long = Path(job.out).with_name("x" * 300 + Path(job.out).suffix)
    assert "too long" in one_sentence(last_event(replace(job, out=str(long))), tmp_path)


def test_a_name_that_just_fits_is_written(tmp_path):
    job = Export(BAKE, str(tmp_path), name="x" * 240, frames="1-2")
    assert isinstance(last_event(job), Finished)
    assert last_event(job).result["new"] == 0
    assert "too long" in one_sentence(last_event(replace(job, name="x" * 250)), tmp_path)


@pytest.fixture
def read_only():
    """A folder that this user cannot write to; root becomes somebody else meanwhile."""
    if os.name == "nt":
        pytest.skip("a folder's read-only mark means nothing there")
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o555)
        was_root = os.geteuid() == 0
        if was_root:
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            if was_root:
                os.seteuid(0)
            os.chmod(name, 0o755)


@pytest.mark.parametrize("kind", KINDS)
def test_a_read_only_folder_is_one_sentence(read_only, kind):
    job, _ = jobs_into(read_only)[kind]
    sentence = one_sentence(last_event(job), read_only)
    assert "denied" in sentence.lower()


def test_json_ends_with_the_failure_and_a_name_that_is_no_text_does_not_break_it(tmp_path):
    """A file's name may be any bytes: the last event was missing then."""
    (tmp_path / "file").write_text("a")
    folder = os.fsencode(tmp_path) + b"/\xff"
    for out, last in ((folder, b'"Finished"'), (os.fsencode(tmp_path / "file"), b'"Failed"')):
        command = [sys.executable, "-m", "talksplat.core.cli", "export", BAKE, "--frames", "1", "--json", "--out", out]
        done = subprocess.run(command, capture_output=True)
        assert last in done.stdout.splitlines()[-1]
        assert done.returncode == (last == b'"Failed"')
        assert b"Traceback" not in done.stderr


def test_a_rig_says_so_before_the_minutes_of_work(read_only):
    [event] = run_job(MakeRig(HEAD, str(read_only / "a.head")))
    assert "denied" in one_sentence(event, read_only)
