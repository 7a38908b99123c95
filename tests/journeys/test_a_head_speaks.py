# SPDX-License-Identifier: GPL-3.0-or-later
"""The full way with the shipped head and real speech it was not trained on: a voice, a bake, Blender, a render."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from talksplat.core.audio import ENCODERS
from talksplat.core.dispatch import run_job
from talksplat.core.formats import BakeReader, read_head
from talksplat.core.jobs import Bake, Finished, Perform, Render
from talksplat.core.metrics import correlation, lip_gap
from talksplat.core.performance import Controls, LandmarkCarrier, Replay, canonical_landmarks, read_performance

ROOT = Path(__file__).resolve().parents[2]
HEAD = ROOT / "samples" / "sample.head"
GRID = ROOT / "tests" / "fixtures" / "grid"
CLIP = GRID / "sgbc6n.mpg"
NO_BLINKS = Controls(blinks=0.0)


def run_to_end(job) -> dict:
    last = list(run_job(job))[-1]
    assert isinstance(last, Finished), last
    return last.result


def target_gap(clip: str, times: np.ndarray) -> np.ndarray:
    """The actor's own lip gap [T] metres at `times` seconds of a test clip."""
    with np.load(GRID / "lip_gaps.npz") as stored:
        return np.interp(times, stored["time"], stored["lip_gap"][list(stored["clips"]).index(clip)])


@pytest.fixture(scope="module")
def shot(tmp_path_factory) -> Path:
    """A folder with shot.bake and render/: the clip at 24 frames a second, 256 pixels."""
    folder = tmp_path_factory.mktemp("shot")
    run_to_end(Bake(str(HEAD), str(CLIP), str(folder / "shot.bake"), controls=NO_BLINKS))
    run_to_end(Render(str(folder / "shot.bake"), str(folder / "render"), size=256, exr=False))
    return folder


def mouth_opening(picture: np.ndarray, landmarks: np.ndarray) -> float:
    """Height in pixels of what is not lip between the lips: along the columns of landmarks 61 to 63, pixels between
    the outer lip line that have less than half of the lips' redness.

    picture [H,W,3] 0..255, landmarks [68,2] pixels."""
    left, right = landmarks[[61, 63], 0].round().astype(int)
    top, bottom = landmarks[[51, 57], 1].round().astype(int)
    part = picture[top - 2 : bottom + 12, left : right + 1].astype(float)
    red = part[..., 0] - part[..., 1:].mean(axis=2)
    return float((red < 0.5 * np.percentile(red, 90)).sum() / part.shape[1])


def test_the_rendered_mouth_opens_with_the_voice(shot):
    head = read_head(HEAD)
    pictures = sorted((shot / "render").glob("*.png"))
    times = np.arange(len(pictures)) / 24
    camera = head.card.camera.resized(256, 256)
    in_camera = canonical_landmarks(head) @ camera.matrix[:3, :3].T + camera.matrix[:3, 3]
    landmarks = in_camera[:, :2] / in_camera[:, 2:] * [camera.fx, camera.fy] + [camera.cx, camera.cy]
    openings = np.array([mouth_opening(np.asarray(Image.open(picture))[..., :3], landmarks) for picture in pictures])
    assert len(pictures) >= 71
    assert correlation(openings, target_gap("sgbc6n", times)) >= 0.7
    delayed = correlation(openings[:-5], target_gap("sgbc6n", times)[5:])
    assert correlation(openings, target_gap("sgbc6n", times)) > delayed + 0.1  # and opens when it should


@pytest.mark.bpy
def test_blender_shows_the_workers_frames_and_scrubs_to_the_same(shot, tmp_path, monkeypatch):
    bpy = pytest.importorskip("bpy")
    from talksplat import blender_addon
    from talksplat.blender_addon import preferences
    from talksplat.blender_addon.operators.add_head import add_head

    monkeypatch.setattr(preferences, "own_folder", lambda inside="": tmp_path)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    blender_addon.register()
    try:
        scene = bpy.context.scene
        scene.render.fps, scene.frame_start, scene.frame_end = 24, 1, 72
        obj = add_head(bpy.context, str(HEAD))
        obj.talksplat.bake, obj.talksplat.use_bake = str(shot / "shot.bake"), True
        with BakeReader.open(shot / "shot.bake") as reader:
            for frame in (1, 17, 30, 72):
                scene.frame_set(frame)
                points = obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
                columns = (("position", "vector", 3), ("rotation", "value", 4), ("scale", "vector", 3))
                for (attribute, key, width), baked in zip(columns, reader.frame(frame)):
                    values = np.empty(len(baked) * width, np.float32)
                    points.attributes[attribute].data.foreach_get(key, values)
                    np.testing.assert_allclose(values.reshape(-1, width), baked, atol=1e-5)
    finally:
        blender_addon.unregister()


def test_replay_and_bake_are_one(shot):
    performance = read_performance(shot / "shot.performance")
    replay = Replay(read_head(HEAD))
    with BakeReader.open(shot / "shot.bake") as reader:
        for frame in (1, 20, 41):
            live = replay.at(performance.at((frame - 1) / 24, NO_BLINKS))
            for baked, replayed in zip(reader.frame(frame), live):
                np.testing.assert_allclose(baked, replayed, atol=1e-5)


@pytest.mark.shared_data
def test_every_held_back_clip_moves_the_lips_right(shared_data, tmp_path):
    head = read_head(HEAD)
    carrier = LandmarkCarrier(head)
    assert head.card.audio_encoder in ENCODERS
    with np.load(GRID / "lip_gaps.npz") as stored:
        times, clips = stored["time"], [str(clip) for clip in stored["clips"]]
    for clip in clips:
        out = tmp_path / f"{clip}.performance"
        run_to_end(Perform(str(HEAD), str(shared_data / "grid_s1_train" / f"{clip}.mpg"), str(out)))
        performance = read_performance(out)
        predicted = lip_gap(carrier.track([performance.at(t, NO_BLINKS) for t in times]))
        assert correlation(predicted, target_gap(clip, times)) >= 0.7, clip
