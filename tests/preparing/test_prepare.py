# SPDX-License-Identifier: GPL-3.0-or-later
"""The job on a real talker: what comes out is footage, and a kill at any moment changes nothing of it."""

import filecmp
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from xml.dom import minidom

import numpy as np
import pytest

from talksplat.core.footage import Footage
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs import Prepare
from talksplat.core.jobs.events import Finished, Progress, Warned
from talksplat.core.preparing.prepare import prepare

SIDE = 160
NOTES = (
    "reading the videos",
    "reading the videos, 1 of 2",
    "detecting the face",
    "measuring the person",
    "tracking the face",
    "cutting out the pictures",
)
FOOTAGE = ("audio", "depth", "image", "label", "tracks", "footage.json", "frames.npz", "report.html")


@pytest.fixture(scope="module")
def videos(cut, tmp_path_factory):
    """Two clips of the real talker, 1 s and 1.2 s."""
    folder = tmp_path_factory.mktemp("videos")
    cut(folder / "one.mp4", first=2, count=25)
    cut(folder / "two.mkv", first=40, count=30)
    return folder


def make_job(videos, out, **more):
    return Prepare((str(videos),), str(out), str(SIDE), workers=2, **more)


@pytest.fixture(scope="module")
def prepared(videos, tmp_path_factory):
    out = tmp_path_factory.mktemp("prepared") / "talker"
    return out, list(prepare(make_job(videos, out)))


@pytest.fixture(scope="module")
def footage(prepared):
    return Footage.open(prepared[0])


def project(points, viewmat, K):
    camera = points @ viewmat[:3, :3].T + viewmat[:3, 3]
    film = camera @ K.T
    return film[..., :2] / film[..., 2:]


def test_events_count_up_and_end_in_figures(prepared):
    out, events = prepared
    totals, done = [], 0
    for event in events:
        if isinstance(event, Progress):
            totals.append(event.total)
            assert event.done <= event.total
            done = event.done if len(totals) < 2 or totals[-1] != totals[-2] else max(done, event.done)
            assert event.done == done, "progress goes back"
    result = events[-1].result
    assert isinstance(events[-1], Finished)
    assert (result["clips"], result["left_out"], result["test_clips"], result["pictures"]) == (2, 0, 1, 55)
    assert result["off_percent_of_face"] < 1.5
    assert 0 < result["leak_percent"] < 0.6, "key and person mask agree"
    assert "alpha by colour key over a plain" in json.loads((out / "footage.json").read_text())["provenance"]
    assert any(isinstance(event, Warned) and "2 s" in event.sentence for event in events)
    assert result["speech_percent"] > 40
    assert result["lips_late_frames"] is result["lips_follow_sound"] is None, "two seconds are too short to tell"
    json.dumps(result, allow_nan=False)


def test_pictures_tracks_and_cameras_agree(footage):
    assert (footage.width, footage.height, len(footage)) == (SIDE, SIDE, 55)
    assert sorted(clip.split for clip in footage.clips) == ["test", "train"]
    assert {footage.clips[k].split for k in footage.clip[footage.frames("test")]} == {"test"}
    for i in range(0, len(footage), 6):
        track, camera = footage.track(int(footage.clip[i])), footage.camera(i)
        row = int(np.abs(track.time - footage.time[i]).argmin())
        assert track.time[row] == footage.time[i]
        K = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
        np.testing.assert_allclose(
            project(track.landmarks[row].astype(float), camera.matrix, K), footage.landmarks2d[i], atol=0.05
        )
        np.testing.assert_array_equal(track.expression[row], footage.expression[i])


def test_the_face_is_under_its_landmarks(footage):
    """Seen in the pixels themselves: skin, lips redder than the cheeks, an opaque face, a head that fades below."""
    for i in range(0, len(footage), 9):
        picture, marks = footage.picture(i), footage.landmarks2d[i]
        x, y = marks[17:].astype(int).T
        assert (picture.alpha[y, x] > 0.99).all()
        assert (picture.alpha[: SIDE // 2, [0, -1]] == 0).all()
        assert picture.alpha[0].max() == 0
        assert picture.alpha[-1].max() < picture.alpha[SIDE // 2].max()
        lip, cheek = (picture.rgb[v, u] for u, v in (marks[57].astype(int), marks[[48, 3]].mean(0).astype(int)))
        assert lip[0] / lip[1] > cheek[0] / cheek[1]
        depth = footage.depth(i)
        nose, ear = marks[30].astype(int), marks[1].astype(int)
        assert 0.3 < depth[nose[1], nose[0]] < depth[ear[1], ear[0] + 2] < 3
        inside = np.argwhere(picture.mouth > 0.5)
        if len(inside):
            low, high = marks[60:].min(0) - 3, marks[60:].max(0) + 3
            assert ((inside[:, ::-1] > low) & (inside[:, ::-1] < high)).all()


def test_sounds_are_the_clips(footage):
    from talksplat.core.audio.decode import load_sound

    for number, clip in enumerate(footage.clips):
        samples = load_sound(clip.audio).samples
        assert len(samples) == len(footage.track(number).time) * 640
        assert np.abs(samples).max() > 0.05


def test_the_report_is_complete_and_self_contained(prepared):
    page = (prepared[0] / "report.html").read_text()
    assert len(re.findall("data:image/jpeg;base64,", page)) == 2
    assert not re.search(r'(src|href)="(?!data:)', page)
    for plot in re.findall("<svg.*?</svg>", page):
        minidom.parseString(plot)
    assert "Worth knowing" in page
    assert "talker: only 2 s" in page
    assert "whether the lips are late: too short to tell" in page
    assert str(prepared[0].parent) not in page


def test_run_again_it_has_nothing_to_do_and_other_settings_recompute_what_they_must(videos, tmp_path):
    out = tmp_path / "again"
    list(prepare(make_job(videos, out)))
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.npz")}
    first, last = list(prepare(make_job(videos, out)))
    assert "already" in first.title
    assert isinstance(last, Finished)
    events = list(prepare(make_job(videos, out, every=3, torso="keep")))
    assert events[-1].result["pictures"] < 25
    assert len(list((out / "image").iterdir())) == len(list((out / "label").iterdir())) == events[-1].result["pictures"]
    for stage, same in (("detect", True), ("identity", True), ("fit", True), ("extract", False)):
        for path in (out / "work" / stage).glob("*.npz"):
            assert (path.stat().st_mtime_ns == times[path]) is same, path
    assert Footage.open(out).picture(0).alpha[-1].max() > 0.9


def footage_files(folder):
    paths = [path for name in FOOTAGE for path in (folder / name, *(folder / name).rglob("*"))]
    return {path.relative_to(folder): path for path in paths if path.is_file()}


def assert_same(one, two):
    first, second = footage_files(one), footage_files(two)
    assert set(first) == set(second)
    for name in sorted(first):
        assert filecmp.cmp(first[name], second[name], shallow=False), name


def start_process(videos, out):
    command = [
        sys.executable,
        "-c",
        "import sys; from talksplat.core.cli import main; sys.exit(main())",
        "prepare",
        str(videos),
        "--out",
        str(out),
        "--size",
        str(SIDE),
        "--workers",
        "2",
        "--name",
        "talker",
        "--json",
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a signal")
def test_killed_in_every_stage_it_ends_in_the_same_bytes(videos, prepared, tmp_path):
    out = tmp_path / "talker"
    for note in NOTES:
        process = start_process(videos, out)
        for line in process.stdout:
            body = json.loads(line)["body"]
            if body.get("note", "").startswith(note) and body["done"] < body["total"]:
                os.kill(process.pid, signal.SIGKILL)
                break
        else:
            pytest.fail(f"the progress never said {note!r}")
        process.wait()
        assert not (out / "footage.json").exists()
    process = start_process(videos, out)
    assert json.loads(process.stdout.readlines()[-1])["kind"] == "Finished"
    assert process.wait() == 0
    assert_same(out, prepared[0])


# The process ends, as by kill -9, where it would give its k-th file its name.
DYING = """
import os, sys
from talksplat.core.jobs import Prepare
from talksplat.core.preparing.prepare import prepare
left, replace = int(sys.argv[1]), os.replace
def dying(*names):
    global left
    if left == 0:
        os._exit(9)
    left -= 1
    replace(*names)
os.replace = dying
list(prepare(Prepare((sys.argv[2],), sys.argv[3], sys.argv[4], workers=2)))
"""


def dies_at(k, videos, out):
    return (
        subprocess.run(
            [sys.executable, "-c", DYING, str(k), str(videos), str(out), str(SIDE)], stderr=subprocess.DEVNULL
        ).returncode
        == 9
    )


def test_killed_between_any_two_of_the_last_files_it_ends_in_the_same_bytes(videos, prepared, tmp_path):
    out = tmp_path / "talker"
    assert dies_at(0, videos, out), "before the marker file"
    next(prepare(make_job(videos, out)))
    shutil.copytree(prepared[0], out, dirs_exist_ok=True)
    (out / "work" / "whole" / "footage.npz").unlink()
    written = 0
    while dies_at(written, videos, out):
        assert written < 3 or Footage.open(out), "the card comes last"
        assert written >= 3 or not (out / "footage.json").exists()
        written += 1
    assert written == 4, "report, table, card, and that it is done"
    assert_same(out, prepared[0])
    assert not [path for path in out.rglob(".*") if path.is_file()]


def test_missing_and_empty_files_are_made_again(videos, prepared, tmp_path):
    out = tmp_path / "talker"
    shutil.copytree(prepared[0], out)
    title = next(prepare(make_job(videos, out))).title
    assert title == "talker is already prepared"
    lost = [sorted((out / part).iterdir())[-1] for part in FOOTAGE if (out / part).is_dir()]
    for path in [*lost, *(out / part for part in FOOTAGE if (out / part).is_file())]:
        for damage in (Path.unlink, lambda path: path.write_bytes(b"")):
            kept, card = path.read_bytes(), (out / "footage.json").read_bytes()
            damage(path)
            assert next(prepare(make_job(videos, out))).title.startswith("Preparing"), path
            (out / "footage.json").write_bytes(card)
            path.write_bytes(kept)
    for path in lost:
        path.write_bytes(b"")
    assert list(prepare(make_job(videos, out)))[-1].result["footage"] == str(out)
    assert_same(out, prepared[0])


def test_cancelled_it_leaves_no_halves_and_continues(videos, tmp_path):
    out = tmp_path / "talker"
    events = prepare(make_job(videos, out))
    for event in events:
        extracting = isinstance(event, Progress) and event.note.startswith(NOTES[-1])
        if extracting and len(list((out / "image").iterdir())) > 3:
            break
    events.close()
    assert not [path for path in out.rglob(".*") if path.is_file()]
    assert not (out / "footage.json").exists()
    assert list(prepare(make_job(videos, out)))[-1].result["pictures"] == 55


def test_one_writer_per_folder_and_no_foreign_folder(videos, tmp_path):
    out = tmp_path / "mine"
    events = prepare(make_job(videos, out))
    next(events)
    with pytest.raises(UserError, match="another process"):
        next(prepare(make_job(videos, out)))
    events.close()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.txt").write_text("x")
    with pytest.raises(UserError, match="neither an empty folder"):
        next(prepare(make_job(videos, tmp_path / "theirs")))
    assert (tmp_path / "theirs" / "thesis.txt").read_text() == "x"
