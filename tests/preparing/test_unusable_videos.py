# SPDX-License-Identifier: GPL-3.0-or-later
"""Videos that cannot be used end in one sentence that names the file and the fix; among good ones they are left out."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.footage import Footage
from talksplat.core.formats.user_error import UserError
from talksplat.core.interchange.video import read_video
from talksplat.core.jobs import Prepare
from talksplat.core.jobs.events import Warned
from talksplat.core.preparing import detect, extract, probe
from talksplat.core.preparing.clip_list import ClipList
from talksplat.core.preparing.clip_spans import ClipSpan
from talksplat.core.preparing.detect import Detection
from talksplat.core.preparing.detection_faults import detection_fault, framing_faults
from talksplat.core.preparing.pool_worker import run_task
from talksplat.core.preparing.prepare import prepare
from talksplat.core.preparing.prepare_settings import settings_from_job
from talksplat.core.preparing.process_pool import TaskResult
from talksplat.core.preparing.source_clip import SourceClip
from talksplat.core.preparing.source_videos import clip_name, find_source_videos
from talksplat.core.preparing.stage_cache import StageCache

RATE, ASPECT = Fraction(25), Fraction(16, 15)
REAL = Path(__file__).resolve().parents[1] / "fixtures" / "grid" / "sgbc6n.mpg"


def user_error(*videos, out, **more):
    with pytest.raises(UserError) as caught:
        list(prepare(Prepare(tuple(str(video) for video in videos), str(out), workers=1, **more)))
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert not (Path(out) / "footage.json").exists()
    return sentence


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"size": "12"}, "--size 12"),
        ({"size": "big"}, "--size big"),
        ({"size": "²"}, "--size"),
        ({"rate": "0"}, "rate"),
        ({"rate": "500"}, "--rate 500"),
        ({"pixel_aspect": "wide"}, "--pixel-aspect"),
        ({"pixel_aspect": "1/0"}, "16/15"),
        ({"torso": "off"}, "--torso off"),
        ({"every": 0}, "--every"),
        ({"test_share": 0.9}, "--test-share"),
        ({"focal": -3.0}, "--focal"),
        ({"workers": -1}, "--workers"),
        ({"videos": ()}, "No video"),
    ],
)
def test_settings_out_of_range(changes, expected):
    job = replace(Prepare(("a.mp4",), "out"), **changes)
    with pytest.raises(UserError, match=expected):
        assert settings_from_job(job) is None or find_source_videos(job.videos)


def test_sizes_and_aspects():
    settings = settings_from_job(Prepare((), "out", "native", "23.976", "16:15"))
    assert (settings.size, settings.rate, settings.aspect) == (0, Fraction(24000, 1001), Fraction(16, 15))
    assert settings_from_job(Prepare((), "out")).aspect is None


def test_names(tmp_path):
    for name in ("b.mp4", "a.MOV", "notes.txt", "c d.mkv"):
        (tmp_path / name).touch()
    found = find_source_videos([str(tmp_path), str(tmp_path / "b.mp4")])
    assert [source.name for source in found] == ["a", "b", "c_d"]
    assert clip_name("-ü") == "clip-_"
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "B.mpg").touch()
    with pytest.raises(UserError, match="rename"):
        find_source_videos([str(tmp_path), str(tmp_path / "more")])
    for missing in ("nothing.mp4", "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(UserError, match=missing):
            find_source_videos([str(tmp_path / missing)])


def test_files_without_what_is_needed(cut, tmp_path):
    """A process for each would be slow: the stage is called here as a worker calls it."""

    def probed(path):
        source = find_source_videos([str(path)])[0]
        settings = settings_from_job(Prepare((), "out"))
        probe.probe(source, settings, tmp_path / "work", tmp_path, lambda n: None)
        return probe.load_probed_clips(StageCache(tmp_path / "work"), source, settings, tmp_path)

    (tmp_path / "text.mp4").write_text("not a film")
    (tmp_path / "empty.mp4").touch()
    whole = cut(tmp_path / "whole.mkv", count=30).read_bytes()
    (tmp_path / "half.mkv").write_bytes(whole[: len(whole) // 50])
    cut(tmp_path / "mute.mp4", sound=None)
    cut(tmp_path / "short.mp4", count=10)
    for name, expected in (
        ("text", "text.mp4"),
        ("empty", "empty.mp4"),
        ("half", "half.mkv"),
        ("mute", "has no sound"),
        ("short", "only 0."),
    ):
        with pytest.raises(UserError, match=expected) as caught:
            probed(next(tmp_path.glob(f"{name}.*")))
        assert name in str(caught.value)
        assert not list((tmp_path / "work").rglob(f"{name}.*"))
    cut(tmp_path / "silent.mp4", sound=np.zeros((57600, 2), np.float32))
    [(_, voice)] = probed(tmp_path / "silent.mp4")
    assert "silent" in voice.fault()
    [(clip, voice)] = probed(tmp_path / "whole.mkv")
    assert not voice.fault()
    assert (clip.span.count, clip.size) == (30, (384, 288))


@pytest.fixture(scope="module")
def detected(cut, tmp_path_factory):
    """A function that writes a video of these pictures and returns its clip and detection."""

    def detect_in(name, pictures):
        folder = tmp_path_factory.mktemp("films")
        path = cut(folder / f"{name}.mp4", pictures)
        clip = SourceClip(ClipSpan(name, 0, len(pictures)), path, (pictures.shape[2], pictures.shape[1]), RATE)
        detect.detect(clip, b"k" * 32, folder, lambda n: None)
        return clip, detect.load_detection(StageCache(folder), clip, b"k" * 32)

    return detect_in


def test_videos_that_show_something_else(film, detected):
    person, nobody = film[:26], np.full_like(film[:26], 90)
    assert detection_fault(*detected("person", person)) == ""
    assert "face in only 0 of 26" in detection_fault(*detected("nobody", nobody))
    twins = np.concatenate([person[:, :, 60:250]] * 2, axis=2)
    assert "several faces" in detection_fault(*detected("twins", twins))
    far = np.repeat(np.median(film[:, :40], axis=(0, 1, 2))[None, None, None].astype(np.uint8), 26, 0)
    far = np.tile(far, (1, 288, 384, 1))
    far[:, 100:196, 120:248] = person[:, ::3, ::3]
    assert "pixels wide" in detection_fault(*detected("far", far))
    moved = np.roll(film[40:53], 70, axis=2)
    assert "is cut at 0.52 s" in detection_fault(*detected("cut", np.concatenate([film[:13], moved])))


def make_detection(**changes):
    count = 50
    points = np.zeros((count, 478, 3), np.float32)
    points[:, detect.CHEEKS[1], 0] = 100
    still = Detection(
        np.ones(count, np.uint8),
        points,
        np.zeros((count, 52), np.float32),
        np.zeros(count, np.float32),
        np.zeros(count, bool),
        np.zeros((8, 8, 3), np.uint8),
    )
    return replace(still, **changes)


CLIP = SourceClip(ClipSpan("c", 0, 50), Path("c.mp4"), (640, 480), RATE)


def test_a_few_lost_frames_or_flashes_are_no_fault():
    assert detection_fault(CLIP, make_detection()) == ""
    assert detection_fault(CLIP, make_detection(faces=np.r_[np.zeros(8), np.ones(42)].astype(np.uint8))) == ""
    assert "only 30" in detection_fault(CLIP, make_detection(faces=np.r_[np.zeros(20), np.ones(30)].astype(np.uint8)))
    flash = np.zeros(50, np.float32)
    flash[8] = 0.9
    assert "cut at 0.32 s" in detection_fault(CLIP, make_detection(colour_change=flash))
    assert "20 of its 50 frames" in detection_fault(CLIP, make_detection(damaged=np.arange(50) < 20))
    assert (
        detection_fault(
            CLIP, make_detection(colour_change=flash, faces=np.r_[np.zeros(8), np.ones(42)].astype(np.uint8))
        )
        == ""
    )


def test_clips_of_another_framing():
    clips = [replace(CLIP, span=ClipSpan(name, 0, 50)) for name in "abcd"]
    widths = dict.fromkeys("abcd", 100.0)
    assert framing_faults(clips, widths) == {}
    assert "200 pixels wide" in framing_faults(clips, widths | {"b": 200.0})["b"]
    clips[2] = replace(clips[2], size=(1920, 1080))
    assert list(framing_faults(clips, widths)) == ["c"]


def test_among_good_clips_a_bad_one_is_left_out_with_a_warning(cut, film, tmp_path):
    folder = tmp_path / "my films"
    folder.mkdir()
    cut(folder / "good.mp4", count=26)
    cut(folder / "nobody.mp4", np.full_like(film[:26], 90))
    cut(folder / "mute.mp4", count=26, sound=None)
    out = tmp_path / "out"
    events = list(prepare(Prepare((str(folder),), str(out), "128", every=5)))
    warnings = " ".join(event.sentence for event in events if isinstance(event, Warned))
    assert "nobody.mp4 shows a face in only 0" in warnings
    assert "mute.mp4 has no sound" in warnings
    assert (events[-1].result["clips"], events[-1].result["left_out"]) == (1, 2)
    page = (out / "report.html").read_text()
    assert "Left out" in page
    assert '<td>mute</td><td><div class="why">mute.mp4 has no sound' in page
    assert sorted(path.stem for path in (out / "audio").iterdir()) == ["good"]


def test_of_a_damaged_video_what_is_broken_becomes_no_picture(film, tmp_path):
    """A hole cut into the middle of a real file."""
    whole = REAL.read_bytes()
    path = tmp_path / "holed.mpg"
    path.write_bytes(whole[: len(whole) // 2] + whole[len(whole) // 2 + 4000 :])
    off = np.zeros(75)
    for frame in read_video(path, RATE, pixel_aspect=ASPECT):
        off[frame.index] = np.abs(frame.rgb.astype(int) - film[frame.index]).mean()
    broken = np.flatnonzero(off > 0.5)
    assert 0 < len(broken) < 15
    out = tmp_path / "out"
    events = list(prepare(Prepare((str(path),), str(out), "128", pixel_aspect=str(ASPECT), workers=1)))
    [warning] = [event.sentence for event in events if isinstance(event, Warned) and "broken" in event.sentence]
    damaged = events[-1].result["damaged"]
    assert warning.startswith(f"{path}: {damaged} of its 75 frames")
    assert len(broken) <= damaged < 15
    page = (out / "report.html").read_text()
    assert f"holed.mpg: {damaged} of its 75" in page
    assert f"{damaged} damaged<" in page
    footage = Footage.open(out)
    assert len(footage) == 75 - damaged
    assert not set(broken) & set(np.round(footage.time * 25).astype(int))


def test_nothing_left_is_an_error(cut, film, tmp_path):
    nobody = cut(tmp_path / "nobody.mp4", np.full_like(film[:26], 90))
    assert f"{nobody} shows a face in only 0 of 26 frames" in user_error(nobody, out=tmp_path / "one")
    mute = cut(tmp_path / "mute.mp4", sound=None)
    assert "None of the 2 clips" in user_error(nobody, mute, out=tmp_path / "two")


class SameProcess:
    """A pool without processes, so that a test can reach into a stage."""

    def __init__(self, _size):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self, function, tasks):
        for index, arguments in enumerate(tasks):
            kind, outcome = run_task(function, arguments, lambda steps: None)
            assert kind == "ended"
            yield TaskResult(index, outcome)


def test_a_clip_at_which_a_library_throws_is_left_out(cut, tmp_path, monkeypatch):
    """In the last stage: its pictures have their numbers already, and the others must close the gap."""
    for name, first in (("a", 0), ("b", 20), ("c", 40)):
        cut(tmp_path / f"{name}.mp4", first=first, count=26)

    def throw_at_b(clip, *arguments):
        if clip.name == "b":
            raise KeyError("words\nof a library")
        return real(clip, *arguments)

    real = extract.extract
    monkeypatch.setattr(extract, "extract", throw_at_b)
    monkeypatch.setattr("talksplat.core.preparing.prepare.ProcessPool", SameProcess)
    out = tmp_path / "out"
    clips = tuple(str(tmp_path / f"{name}.mp4") for name in "abc")
    events = list(prepare(Prepare(clips, str(out), "128", every=5)))
    [sentence] = [e.sentence for e in events if isinstance(e, Warned) and "Left out" in e.sentence]
    assert sentence.startswith(f"Left out: {tmp_path / 'b.mp4'} cannot be used; export")
    assert (events[-1].result["clips"], events[-1].result["left_out"]) == (2, 1)
    footage = Footage.open(out)
    assert [clip.name for clip in footage.clips] == ["a", "c"]
    assert sorted(path.stem for path in (out / "image").iterdir()) == [f"{i:06d}" for i in range(len(footage))]
    for i in range(len(footage)):
        assert footage.picture(i).alpha.max() == 1


def test_all_clips_unreadable_names_each_reason(cut, tmp_path):
    (tmp_path / "text.mp4").write_text("not a film")
    (tmp_path / "empty.mp4").touch()
    mute = cut(tmp_path / "mute.mp4", sound=None)
    sentence = user_error(tmp_path / "text.mp4", tmp_path / "empty.mp4", mute, out=tmp_path / "out")
    assert "None of the 3 clips can be used" in sentence
    for named in ("text.mp4 cannot be read as a video", "empty.mp4: is empty", "mute.mp4 has no sound"):
        assert named in sentence


def test_a_face_without_room_is_an_error(cut, film, tmp_path):
    tight = cut(tmp_path / "tight.mp4", film[:26, 98:260, 82:220])
    sentence = user_error(tight, out=tmp_path / "out")
    assert sentence.startswith(f"{tight}: its picture of 138x162 pixels leaves no room")


def test_all_clips_of_a_long_video_left_out_is_an_error(tmp_path):
    (tmp_path / "long.mp4").touch()
    clips = ClipList(find_source_videos([str(tmp_path / "long.mp4")]))
    clips.add_clips(replace(CLIP, span=ClipSpan(name, 0, 50)) for name in ("long-000", "long-001"))
    assert len(list(clips.drop({"long-000": "is cut"}))) == 1
    with pytest.raises(UserError, match="None of the 2 clips can be used"):
        list(clips.drop({"long-001": "is cut"}))
