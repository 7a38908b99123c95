# SPDX-License-Identifier: GPL-3.0-or-later
"""What the viewport shows is what a bake stores, to the bit, whatever the sliders say. Render and export read bakes."""

from types import SimpleNamespace

import bpy
import numpy as np
import pytest

from talksplat.core.formats.head_file import read_head, write_head
from talksplat.core.performance import CONTROLS, HeadReplay, read_performance

FRAMES = range(4, 16)


@pytest.fixture
def rigged(talking, make, tmp_path):
    from talksplat.blender_addon import playback

    path = tmp_path / "rigged.head"
    channels = ("lips_apart", "jaw_open", "mouth_width", "pucker", "upper_lip", "smile")
    write_head(path, make.rigged(read_head(talking.talksplat.head), lower=channels))
    talking.talksplat.head, talking.talksplat.use_rig = str(path), False
    playback.forget_frames()
    return talking


@pytest.mark.parametrize("seed", range(4))
def test_the_viewport_shows_what_the_bake_stores(rigged, shown, seed):
    baking = pytest.importorskip("talksplat.core.baking.bake", reason="bakes in this process")
    from talksplat.blender_addon.shot_jobs import shot_to_bake

    rng, controls, scene = np.random.default_rng(seed), rigged.talksplat.controls, bpy.context.scene
    for name, row in CONTROLS.items():
        for frame in (FRAMES[0], FRAMES[-1]) if rng.random() < 0.3 else (None,):
            setattr(controls, name, rng.uniform(row.low, row.high))
            if frame is not None:
                controls.keyframe_insert(name, frame=frame)
    job = shot_to_bake(scene, rigged, FRAMES)
    head, stored = HeadReplay(read_head(job.head)), {}
    writer = SimpleNamespace(
        done=set(), append=lambda number, *frame: stored.update({number: [column.copy() for column in frame]})
    )
    performance = read_performance(rigged.talksplat.performance)
    shot = baking.Shot.of(job, 2)
    list(baking._bake_frames(writer, shot, shot.span, [performance], head))
    assert list(stored) == list(FRAMES)
    for number, frame in stored.items():
        scene.frame_set(number)
        for one, two in zip(shown(rigged), frame):
            np.testing.assert_array_equal(one, two)
