# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file that 0.1.0 wrote opens with this version and gives the numbers that 0.1.0 read from it.

fixtures/v0_1_0 was written by 0.1.0 and is never written again; `expected.npz` holds what its readers gave. What needs
Pillow, PyAV or torch is left out only where they are not installed (in Blender's own Python). shot.blend is opened in
tests/blender_addon.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.formats import BakeReader, read_head
from talksplat.core.inspecting.describe import describe
from talksplat.core.performance import Controls, Replay, read_performance

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "v0_1_0"
EXPECTED = dict(np.load(FOLDER / "expected.npz"))
SHOTS = {
    "tiny": {"controls": Controls(intensity=1.2, brows=0.3)},
    "keyed": {"frame_count": 3, "controls_per_frame": (Controls(), Controls(blink=0.5), Controls(blink=1.0))},
}


def test_each_file_and_each_expected_array_has_its_test():
    tested = {"tiny.head", "tiny.performance", "tiny.bake", "keyed.bake", "voice.wav", "footage", "shot.blend"}
    assert {path.name for path in FOLDER.iterdir()} == tested | {"expected.npz"}
    arrays = {f"{name}.{part}" for name in SHOTS for part in ("means", "shot")}
    assert set(EXPECTED) == {"replay0", "replay1", "replay2", "picture", "track"} | arrays


def test_head_and_performance_move_as_they_did():
    head, performance = read_head(FOLDER / "tiny.head"), read_performance(FOLDER / "tiny.performance")
    assert performance.head_hash == head.card.content_hash
    replay = Replay(head)
    for k, t in enumerate((0.0, 0.31, 0.7)):
        means = replay.at(performance.at(t, Controls(intensity=1.2, brows=0.3))).means[:16]
        np.testing.assert_allclose(means, EXPECTED[f"replay{k}"], rtol=0, atol=1e-7)  # metres


@pytest.mark.parametrize("name", SHOTS)
def test_a_bake_has_its_frames_and_its_shot_key(name):
    with BakeReader.open(FOLDER / f"{name}.bake") as bake:
        bake.verify()
        assert bake.complete
        means = np.stack([bake.frame(number)[0][:16] for number in bake.frames])
        np.testing.assert_array_equal(means, EXPECTED[f"{name}.means"])
        assert bake.card.shot == str(EXPECTED[f"{name}.shot"])


@pytest.mark.parametrize("name", SHOTS)
def test_the_same_job_finds_its_bake_up_to_date(tmp_path, name):
    pytest.importorskip("torch")
    pytest.importorskip("av")
    from talksplat.core.dispatch import run_job
    from talksplat.core.jobs import Bake, Finished, Warned

    bake, performance = tmp_path / f"{name}.bake", tmp_path / f"{name}.performance"
    shutil.copy(FOLDER / f"{name}.bake", bake)
    shutil.copy(FOLDER / "tiny.performance", performance)
    before = bake.read_bytes(), performance.read_bytes()
    job = Bake(str(FOLDER / "tiny.head"), str(FOLDER / "voice.wav"), str(bake), **SHOTS[name])
    events = list(run_job(job))
    assert isinstance(events[-1], Finished), events[-1]
    assert events[-1].result["new"] == 0
    assert not any(isinstance(event, Warned) for event in events)
    assert (bake.read_bytes(), performance.read_bytes()) == before


def test_footage_is_read_as_it_was():
    pytest.importorskip("PIL")
    pytest.importorskip("av")
    from talksplat.core.audio import load_sound
    from talksplat.core.footage import Footage

    footage = Footage.open(FOLDER / "footage")
    np.testing.assert_array_equal(footage.picture(3).rgb[::8, ::8], EXPECTED["picture"])
    np.testing.assert_array_equal(footage.track(1).landmarks[10], EXPECTED["track"])
    for i in range(len(footage)):
        assert footage.picture(i).rgb.shape == (64, 64, 3)
        assert footage.camera(i).width == 64
    for k, clip in enumerate(footage.clips):
        assert len(footage.track(k).time) > 0
        assert len(load_sound(clip.audio).samples) > 0
    read = [f"{kind}/{i:06d}.png" for kind in ("image", "label") for i in range(len(footage))]
    read += [
        f"{kind}/{clip.name}{end}" for clip in footage.clips for kind, end in (("tracks", ".npz"), ("audio", ".wav"))
    ]
    files = {path.relative_to(FOLDER / "footage").as_posix() for path in (FOLDER / "footage").rglob("*.*")}
    assert files == {"footage.json", "frames.npz", *read}


@pytest.mark.parametrize("kind", ["head", "performance", "bake", "footage"])
def test_info_describes_it(kind):
    name = "footage" if kind == "footage" else f"tiny.{kind}"
    assert dict(describe(FOLDER / name))["kind"] == kind
