# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of every exporter: a file for each frame, whole or not there, not written twice; what cannot be is an
error of one sentence."""

from dataclasses import replace

import numpy as np
import pytest

from talksplat.core.dispatch import cancelled_event, run_job
from talksplat.core.exporting.export import export
from talksplat.core.exporting.exporters import EXPORTERS
from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.formats.ply import read_ply
from talksplat.core.formats.user_error import UserError
from talksplat.core.inspecting.describe import describe
from talksplat.core.jobs import Export
from talksplat.core.jobs.events import Failed, Finished, Progress, Started, Warned

READERS = {"ply": read_ply}  # format -> reads a file back as Gaussians, where we can
FIRST, LAST = -1, 3  # frames of the tiny bake
# Formats with a file a frame; those that hold the whole shot have tests of their own.
FRAME_FORMATS = [kind for kind, row in EXPORTERS.items() if row.write_frame]


@pytest.fixture(scope="module")
def bake_file(make, tmp_path_factory):
    return make.write_bake(tmp_path_factory.mktemp("bake") / "anna.bake")


@pytest.fixture
def job(bake_file, tmp_path):
    return Export(str(bake_file), str(tmp_path / "out"))


def finished(job):
    events = list(export(job))
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    return events[-1].result


def names(tmp_path):
    return sorted(file.name for file in (tmp_path / "out").iterdir() if file.name != "lock")


@pytest.mark.parametrize("kind", list(EXPORTERS))
def test_an_exporter_describes_itself(kind):
    row = EXPORTERS[kind]
    assert row.label
    assert row.description
    assert not row.description.endswith(".")
    assert row.suffix.startswith(".")
    assert row.default_axes in row.axes
    assert (row.write_frame is None) != (row.plan_shot is None)


@pytest.mark.parametrize("kind", FRAME_FORMATS)
@pytest.mark.parametrize("axes", ["", "blender", "rdf"])
def test_each_frame_becomes_a_file(job, tmp_path, bake_file, kind, axes):
    row = EXPORTERS[kind]
    if axes and axes not in row.axes:
        pytest.skip("not one of its axes")
    assert finished(replace(job, format=kind, axes=axes)) == {"out": job.out, "frames": 5, "new": 5}
    numbers = ["-0001", "0000", "0001", "0002", "0003"]
    assert names(tmp_path) == sorted([*(f"anna.{n}{row.suffix}" for n in numbers), "anna.exported.txt"])
    if kind in READERS:
        with BakeReader.open(bake_file) as bake:
            for frame, number in zip(range(FIRST, LAST + 1), numbers):
                read = READERS[kind](tmp_path / "out" / f"anna.{number}{row.suffix}")
                means, quats, scales = bake.frame(frame)
                np.testing.assert_allclose(read.means, means, atol=1e-6)
                np.testing.assert_allclose(np.abs(np.sum(read.quats * quats, axis=1)), 1, atol=1e-5)
                np.testing.assert_allclose(read.scales, scales, rtol=1e-5)
                np.testing.assert_allclose(read.sh0, bake.canonical.sh0, atol=1e-6)


def test_splats_of_a_linear_head_are_the_same_numbers_and_say_how_to_blend_them(make, tmp_path):
    """Viewers blend sRGB codes: the file says otherwise, and the job does, once."""
    for blend in ("display", "linear"):
        (tmp_path / blend).mkdir()
        make.continue_bake(tmp_path / blend / "anna.bake", make.bake_card(blend=blend), make.gaussians(60))
        events = list(export(Export(str(tmp_path / blend / "anna.bake"), str(tmp_path / blend / "out"), last=FIRST)))
        warnings = [event.sentence for event in events if isinstance(event, Warned)]
        assert [("linear light" in sentence) for sentence in warnings] == [True] * (blend == "linear")
    display, linear = ((tmp_path / blend / "out/anna.-0001.ply").read_bytes() for blend in ("display", "linear"))
    assert linear.replace(b"comment talksplat blend linear\n", b"") == display
    assert dict(describe(tmp_path / "linear/out/anna.-0001.ply"))["blend"] == "linear"


@pytest.mark.parametrize("kind", FRAME_FORMATS)
def test_a_cancelled_export_continues(job, tmp_path, kind):
    job = replace(job, format=kind)
    events = export(job)
    while not (isinstance(event := next(events), Progress) and event.done == 2):
        pass
    events.close()
    assert len(names(tmp_path)) == 3
    assert job.out in cancelled_event(job).sentence
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").glob(f"*{EXPORTERS[kind].suffix}")}
    assert finished(job)["new"] == 3
    assert finished(job)["new"] == 0
    assert before == {file: file.stat().st_mtime_ns for file in before}
    next(iter(before)).unlink()
    assert finished(job)["new"] == 1, "a file that was deleted is written again"


@pytest.mark.parametrize("kind", FRAME_FORMATS)
def test_a_write_that_fails_leaves_the_finished_files_only(job, tmp_path, monkeypatch, kind):
    row = EXPORTERS[kind]

    def write_and_fail(path, gaussians, *card):
        if path.name.startswith("anna.0001"):
            gaussians = replace(gaussians, scales="not numbers")
        row.write_frame(path, gaussians, *card)

    monkeypatch.setitem(EXPORTERS, kind, replace(row, write_frame=write_and_fail))
    with pytest.raises((TypeError, ValueError, AttributeError)):
        list(export(replace(job, format=kind)))
    assert names(tmp_path) == sorted([f"anna.-0001{row.suffix}", f"anna.0000{row.suffix}", "anna.exported.txt"])


def test_other_axes_or_another_bake_are_written_again(job, make, tmp_path):
    finished(job)
    assert finished(replace(job, axes="blender"))["new"] == 0, "these are the axes that PLY has without a choice"
    assert finished(replace(job, axes="rdf"))["new"] == 5
    make.continue_bake(tmp_path / "anna.bake", make.bake_card(5, audio_hash="ef" * 32), make.gaussians(60))
    assert finished(replace(job, axes="rdf", bake=str(tmp_path / "anna.bake")))["new"] == 5


def test_a_part_of_the_shot_under_another_name(job, tmp_path):
    assert finished(replace(job, first=0, last=1, name="Anna.001"))["frames"] == 2
    assert names(tmp_path) == ["Anna.001.0000.ply", "Anna.001.0001.ply", "Anna.001.exported.txt"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"format": "abc"}, "format 'abc' is unknown; use one of ply"),
        ({"axes": "xyz"}, "axes 'xyz' are unknown to ply; use one of blender, rdf"),
        ({"first": -5}, "frames -1 to 3, not -5 to 3"),
        ({"first": 2, "last": 1}, "not 2 to 1"),
        ({"name": "../anna"}, "not a file name"),
        ({"name": "a\\b"}, "not a file name"),
        ({"bake": "nowhere.bake"}, r"nowhere\.bake"),
    ],
)
def test_impossible_settings_are_an_error_before_anything_is_written(job, tmp_path, change, problem):
    with pytest.raises(UserError, match=problem):
        list(export(replace(job, **change)))
    assert not (tmp_path / "out").exists()


def test_frames_that_are_not_baked_yet_are_named(job, make, tmp_path):
    make.continue_bake(tmp_path / "part.bake", make.bake_card(5), make.gaussians(60), most=2)
    with pytest.raises(UserError, match=r"3 of the 5 frames are not baked yet \(the first is 1\)"):
        list(export(replace(job, bake=str(tmp_path / "part.bake"))))
    assert finished(replace(job, bake=str(tmp_path / "part.bake"), last=0))["frames"] == 2


def test_the_job_is_found_by_its_message(job):
    assert isinstance(list(run_job(job))[-1], Finished)
    assert isinstance(list(run_job(replace(job, format="abc")))[-1], Failed)


def test_exporting_needs_only_numpy():
    import subprocess
    import sys

    code = (
        "import sys, talksplat.core.exporting, talksplat.core.exporting.export\n"
        "loaded = {'torch', 'numba', 'OpenEXR', 'PIL', 'av', 'scipy'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
