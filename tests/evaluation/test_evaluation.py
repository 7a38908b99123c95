# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluation distinguishes a head that talks from one that is late, one that is frozen and one out of sync."""

import importlib.util
import json
import re
import shutil
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from benchmarks.heads import main as compare_heads
from talksplat.core.audio.decode import load_sound
from talksplat.core.evaluation import Evaluator, evaluation_tables
from talksplat.core.evaluation.audio_to_lips import solve_ridge
from talksplat.core.evaluation.delayed_voice import SHIFTS, delay_sound
from talksplat.core.evaluation.evaluate import evaluate
from talksplat.core.evaluation.face_opacity import MIN_FACE_ALPHA
from talksplat.core.evaluation.landmark_detector import LandmarkDetector
from talksplat.core.evaluation.lip_sync import SpokenClip, closure_metrics
from talksplat.core.evaluation.samples import clip_samples, main_camera_pictures
from talksplat.core.footage import Footage
from talksplat.core.formats.head_file import HeadFile, read_head, write_head
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs import Evaluate
from talksplat.core.jobs.events import Finished, Progress, Warned
from talksplat.core.metrics import lip_gap
from talksplat.core.metrics.st_lpips import PACKAGE, StLpips
from talksplat.core.performance import Condition, LandmarkCarrier, Replay, canonical_landmarks
from talksplat.core.raster.rasterizer import rasterize

RATE = 25
SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "sample.head"


class FakeDetector:
    """A detector for the flat face of the smoke footage, in which no real one finds a face: it counts the dark pixels
    between the lips and knows nothing else of the picture."""

    missing = ""

    def detect(self, picture):
        dark = (picture.max(axis=2) < 0.3) & (picture[..., 0] > picture[..., 1] + 0.02)
        dark[:30] = False  # the brows
        landmarks = np.zeros((68, 2))
        landmarks[45] = [20, 0]
        landmarks[60:66, 1] = landmarks[66, 1] = dark.sum(axis=0).max()
        landmarks[62, 1] = 0
        return landmarks

    def __bool__(self):
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture
def fake_detector(monkeypatch):
    monkeypatch.setattr("talksplat.core.evaluation.evaluate.LandmarkDetector", FakeDetector)


def run_evaluation(head, footage, **settings):
    events = list(evaluate(Evaluate(str(head), str(footage), **settings)))
    assert isinstance(events[-1], Finished)
    return events[-1].result


def test_a_good_head(smoke, tiny_footage, tmp_path, fake_detector):
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "c4.align").write_text("0 20000 sil\n20000 40000 bin\n40000 75000 sil\n")
    result = run_evaluation(
        smoke[1],
        tiny_footage,
        out=str(tmp_path / "out.json"),
        video=str(tmp_path / "side.mp4"),
        strip=str(tmp_path / "strip.png"),
        words=str(tmp_path / "words"),
    )
    assert json.loads((tmp_path / "out.json").read_text()) == json.loads(json.dumps(result))
    assert evaluation_tables(result) == (tmp_path / "out.md").read_text()
    pictures = result["pictures"]["unheard clips"]
    assert pictures["count"] == pictures["with mouth"] == pictures["landmarks"]["count"] == 9
    assert pictures["size of crops"]["whole"] == [64, 64]
    for part in ("whole", "face", "mouth"):
        assert pictures[f"head {part} psnr"] > pictures[f"static {part} psnr"] + 1
        assert pictures["size of crops"][part][0] <= 64
    assert pictures["landmarks"]["head over static"] < 0.6
    if importlib.util.find_spec(PACKAGE):
        assert pictures["whole by st-lpips"] == pictures["face by st-lpips"] == 9
        assert pictures["head face st-lpips"] < 0.8 * pictures["static face st-lpips"]
        assert "| unheard clips | face | 9 |" in evaluation_tables(result).split("ST-LPIPS")[1]
    assert result["lips"]["r all moments"] > 0.7
    offset = result["lip offset"]
    assert offset["measured on pictures"] == 1
    assert offset["head to sound"]["share within 1 frame"] == offset["head to truth"]["share within 1 frame"] == 1
    assert result["delayed voice"]["tried"] == len(SHIFTS)
    assert result["delayed voice"]["share recovered"] >= 0.85
    assert result["closure at p b m"]["truth"]["spans"] == 1
    assert result["silence motion"]["silent steps"] > 10
    with Image.open(tmp_path / "strip.png") as strip:
        assert strip.size == (8 * 64, 6 * 64)
    with av.open(str(tmp_path / "side.mp4")) as movie:
        frames = [frame.to_ndarray(format="rgb24") for frame in movie.decode(video=0)]
        assert len(frames) == 75
        assert movie.streams.video[0].average_rate == RATE
        assert abs(movie.streams.audio[0].duration * movie.streams.audio[0].time_base - 3) < 0.05
    panels = np.stack(frames).astype(float)[:, 16:].reshape(75, 64, 3, 64, 3)
    motion = np.abs(np.diff(panels, axis=0)).mean(axis=(0, 1, 3, 4))
    assert motion[1] > 3 * motion[2], "the head talks, the static one does not"


@pytest.fixture
def frozen(smoke, tmp_path):
    """The same head whose fields move nothing."""
    head = read_head(smoke[1])
    still = {
        name: np.zeros_like(value) if name.endswith("field.deform.4.weight") else value
        for name, value in head.tensors.items()
    }
    write_head(tmp_path / "frozen.head", HeadFile(head.card, still))
    return tmp_path / "frozen.head"


def test_a_frozen_head(frozen, tiny_footage, fake_detector, monkeypatch):
    def missing():
        raise UserError("no weights.")

    monkeypatch.setattr(StLpips, "from_package", missing)
    events = list(evaluate(Evaluate(str(frozen), str(tiny_footage))))
    warned = [event.sentence for event in events if isinstance(event, Warned)]
    result = events[-1].result
    assert [sentence for sentence in warned if "opaque" not in sentence] == ["ST-LPIPS is left out: no weights."]
    assert len(warned) == 1 + (result["opacity"]["alpha inside the face"] < MIN_FACE_ALPHA)
    pictures = result["pictures"]["unheard clips"]
    assert not [name for name in pictures if "lpips" in name]
    assert pictures["head mouth psnr"] == pictures["static mouth psnr"]
    assert pictures["landmarks"]["head over static"] == 1
    assert result["delayed voice"]["share recovered"] == 0
    assert result["lip offset"]["head to truth"]["share within 1 frame"] == 0, "a still mouth is never in sync"
    assert result["silence motion"]["head"] is None


def test_two_heads_compared(smoke, frozen, tiny_footage, tmp_path, capsys):
    """A head does not differ from itself; one that stopped moving is worse wherever a mouth opens."""
    if importlib.util.find_spec(PACKAGE) is None:
        pytest.skip("stlpips-pytorch, which holds the weights, is not installed")

    def compare(before, after):
        assert compare_heads([str(before), str(after), str(tiny_footage)]) == 0
        lines = [line for line in capsys.readouterr().out.splitlines() if "±" in line]
        cells = [[cell.strip(" *") for cell in re.split(r"\||±", line)[1:6]] for line in lines]
        return {name: (float(one), float(other), float(difference)) for name, one, other, difference, _ in cells}

    same, worse = compare(smoke[1], smoke[1]), compare(smoke[1], frozen)
    assert len(same) >= 6
    assert all(one == other and difference == 0 for one, other, difference in same.values())
    assert worse["unheard clips: mouth psnr"][2] < -1
    assert worse["lip gap, mean error, mm"][2] > 1
    assert compare_heads([str(tmp_path / "no.head"), str(frozen), str(tiny_footage)]) == 1
    assert "no.head" in capsys.readouterr().err


def test_a_clip_whose_sound_is_late(smoke, tiny_footage, tmp_path, fake_detector):
    """The held-back clip's sound is four frames late: lips follow the sound, not the picture."""
    late = tmp_path / "late"
    shutil.copytree(tiny_footage, late)
    with wave.open(str(late / "audio" / "c4.wav")) as file:
        settings, samples = file.getparams(), np.frombuffer(file.readframes(48000), np.int16)
    with wave.open(str(late / "audio" / "c4.wav"), "wb") as file:
        file.setparams(settings)
        file.writeframes(np.concatenate([np.zeros(4 * 640, np.int16), samples[: -4 * 640]]).tobytes())
    good, bad = run_evaluation(smoke[1], tiny_footage), run_evaluation(smoke[1], late)
    assert bad["lip offset"]["head to truth"]["frames of each clip"]["c4"] in (3, 4, 5)
    assert bad["lip offset"]["head to truth"]["share within 1 frame"] == 0
    assert bad["lip offset"]["truth to sound"]["frames of each clip"]["c4"] in (-3, -4, -5)
    assert bad["lip offset"]["head to sound"]["share within 1 frame"] == 1, "the lips follow the sound"
    distance = [result["pictures"]["unheard clips"]["landmarks"]["head lmd"] for result in (good, bad)]
    assert distance[1] > 1.5 * distance[0]
    assert bad["delayed voice"]["share recovered"] == good["delayed voice"]["share recovered"]


def test_landmarks_move_with_what_is_drawn(smoke, tiny_footage):
    """Replaying the carrying Gaussians alone is replaying the head."""
    head = read_head(smoke[1])
    evaluator, landmarks = Evaluator(head, Footage.open(tiny_footage)), canonical_landmarks(head)
    replay, face = Replay(head), head.gaussians("face")
    rows = np.flatnonzero(face.opacities > 0.3)
    for i in evaluator.footage.frames("test")[::4]:
        condition = evaluator.condition(int(i))
        moved = replay.at(condition).means
        for landmark, carried in zip(landmarks, LandmarkCarrier(head).at(condition)):
            near = rows[np.argsort(np.linalg.norm(face.means[rows] - landmark, axis=1))[:8]]
            np.testing.assert_allclose(carried, landmark + (moved[near] - face.means[near]).mean(axis=0), atol=1e-6)


def test_samples(smoke, tiny_footage):
    """Every model frame once and in order, each picture once; a moving camera keeps all pictures, a fixed one its
    own."""
    evaluator = Evaluator(read_head(smoke[1]), Footage.open(tiny_footage))
    samples = clip_samples(evaluator, 4)
    assert [sample.moment for sample in samples] == list(range(75))
    rows = [sample.row for sample in samples if sample.row is not None]
    assert rows == sorted(evaluator.footage.frames("test"))
    assert all(
        abs(evaluator.footage.time[sample.row] - sample.time) < 1e-9 for sample in samples if sample.row is not None
    )
    footage, rows = evaluator.footage, evaluator.footage.frames("train")[:6]
    footage._viewmat = footage._viewmat.copy()
    footage._viewmat[rows[4:], 0, 3] += 0.1
    assert list(main_camera_pictures(footage, rows)) == list(rows[:4])
    footage._viewmat[rows, 0, 3] += 0.01 * np.arange(6)
    assert list(main_camera_pictures(footage, rows)) == list(rows)


def test_a_delayed_sound(smoke, tiny_footage):
    evaluator = Evaluator(read_head(smoke[1]), Footage.open(tiny_footage))
    sound = load_sound(evaluator.footage.clips[4].audio)
    late, early = delay_sound(sound, 0.04), delay_sound(sound, -0.04)
    assert np.array_equal(late.samples[640:], sound.samples[:-640])
    assert not late.samples[:640].any()
    assert np.array_equal(early.samples[:-640], sound.samples[640:])
    assert not delay_sound(sound, 100.0).samples.any()


def test_tables_of_an_older_file():
    """0.1.0 called the regression's correlation "ear"."""
    row = {"clips": 1, "share within 1 frame": 1, "share at 0 frames": 1, "pooled frames": 0, "mean r": 1}
    offset = {"measured on pictures": 1, "head to truth": row | {"mean r unmoved": 1}}
    old, new = (evaluation_tables({"lip offset": offset | r}) for r in ({"ear": 0.5}, {"audio to lips r": 0.5}))
    assert old == new
    assert "r 0.5;" in old


def test_the_ridge_is_least_squares():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((50, 8)), rng.standard_normal(50)
    stacked = np.concatenate([x, np.sqrt(7.0) * np.eye(8)]), np.concatenate([y, np.zeros(8)])
    np.testing.assert_allclose(solve_ridge(x.T @ x, x.T @ y, 7.0), np.linalg.lstsq(*stacked, rcond=None)[0])


def test_cancelling_and_errors(smoke, tiny_footage, tmp_path, fake_detector):
    events = evaluate(Evaluate(str(smoke[1]), str(tiny_footage), str(tmp_path / "o.json"), str(tmp_path / "v.mp4")))
    for event in events:
        if isinstance(event, Progress) and event.note.startswith("unheard clip") and event.done > 20:
            events.close()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match=r"has no c4\.align"):
        run_evaluation(smoke[1], tiny_footage, words=str(tmp_path))
    with pytest.raises(UserError, match=r"would be overwritten by the table"):
        run_evaluation(smoke[1], tiny_footage, out=str(tmp_path / "o.md"))
    card = tmp_path / "all_held" / "footage.json"
    shutil.copytree(tiny_footage, card.parent)
    card.write_text(card.read_text().replace('"train"', '"test"'))
    with pytest.raises(UserError, match=r"all_held holds every clip back"):
        run_evaluation(smoke[1], card.parent)


def test_without_a_detector(smoke, tiny_footage, monkeypatch):
    """Everything that needs no detector is measured; a warning says what is left out."""

    def not_installed():
        raise UserError("there is no MediaPipe.")

    monkeypatch.setattr("talksplat.core.evaluation.landmark_detector.Landmarker", not_installed)
    *events, last = evaluate(Evaluate(str(smoke[1]), str(tiny_footage)))
    assert any(isinstance(event, Warned) and "no MediaPipe" in event.sentence for event in events)
    assert last.result["detector"] == "none"
    assert "landmarks" not in last.result["pictures"]["unheard clips"]
    assert last.result["lip offset"]["measured on pictures"] == 0
    assert last.result["lip offset"]["head to truth"]["share within 1 frame"] == 1


def test_a_clip_without_pictures_does_not_take_them_from_the_others():
    """Lips that close in the pictures and, as carried, do not quite."""
    times = np.arange(75) / RATE
    gap = 0.2 + np.abs(np.sin(4 * times))
    gap[20:24] = 0
    clips = [
        SpokenClip(str(k), times, None, None, gap + 0.3, gap + 0.3, *(detected, detected), bilabials=[(0.8, 0.95)])
        for k, detected in enumerate((gap, gap, None))
    ]
    most, few = closure_metrics(clips), closure_metrics(clips[1:])
    assert (most["measured on"], most["head"]["spans"], most["head"]["share closed"]) == ("pictures", 2, 1)
    assert (few["measured on"], few["head"]["spans"]) == ("carried landmarks", 2)


def test_the_detector_finds_what_the_gaussians_carry():
    """Two ways to measure a mouth: the real detector on the drawn sample head, and its landmarks through the camera."""
    pytest.importorskip("mediapipe")
    head = read_head(SAMPLE)
    replay, carrier, camera = Replay(head), LandmarkCarrier(head), head.card.camera
    widths = {name: head.card.audio_code[name] for name in ("face", "mouth")}
    rng, detected, carried = np.random.default_rng(0), [], []
    with LandmarkDetector() as detector:
        for size in (0.0, 0.5, 1.0):
            codes = {name: (size * rng.standard_normal(width)).astype(np.float32) for name, width in widths.items()}
            condition = Condition(codes, np.zeros(len(head.card.expression), np.float32))
            frame, c = replay.at(condition), replay.canonical
            picture = rasterize(
                frame.means,
                frame.quats,
                frame.scales,
                c.opacities,
                c.sh0,
                c.shN,
                camera,
                background=np.full(3, 0.5, np.float32),
            ).color
            detected.append(detector.detect(picture))
            points = carrier.at(condition) @ camera.matrix[:3, :3].T + camera.matrix[:3, 3]
            carried.append(points[:, :2] / points[:, 2:] * [camera.fx, camera.fy] + [camera.cx, camera.cy])
        assert detector.detect(np.full((128, 128, 3), 0.5)) is None
    distance = np.linalg.norm(np.stack(detected)[:, 48:] - np.stack(carried)[:, 48:], axis=-1)
    width = np.linalg.norm(carried[0][48] - carried[0][54])
    assert np.median(distance) < 0.06 * width
    for found, points in zip(detected, carried):
        assert lip_gap(found) == pytest.approx(lip_gap(points), abs=0.08 * width)
