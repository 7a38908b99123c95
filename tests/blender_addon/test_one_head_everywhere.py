# SPDX-License-Identifier: GPL-3.0-or-later
"""What the viewport shows is what a bake stores, to the bit, whatever the sliders say. Render and export read bakes."""

import hashlib
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

from talksplat.core.formats.head_file import read_head, write_head
from talksplat.core.performance import CONTROLS, HeadReplay, PoseChange, read_performance

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
    baking = pytest.importorskip("talksplat.core.baking.shot_evaluation", reason="bakes in this process")
    from talksplat.blender_addon.shot.jobs import shot_to_bake

    rng, controls, scene = np.random.default_rng(seed), rigged.talksplat.controls, bpy.context.scene
    for name, row in CONTROLS.items():
        for frame in (FRAMES[0], FRAMES[-1]) if rng.random() < 0.3 else (None,):
            setattr(controls, name, rng.uniform(row.low, row.high))
            if frame is not None:
                controls.keyframe_insert(name, frame=frame)
    job = shot_to_bake(scene, rigged, FRAMES)
    head, performance = HeadReplay(read_head(job.head)), read_performance(rigged.talksplat.performance)
    shot = baking.Shot.of(job, 2)
    assert list(shot.span) == list(FRAMES)
    baked = baking.ShotEvaluation("anna", shot, shot.span, None, head, [performance])
    for number in FRAMES:
        scene.frame_set(number)
        for one, two in zip(shown(rigged), baked.at(number, baked.buffers())):
            np.testing.assert_array_equal(one, two)


def test_a_rig_that_is_made_elsewhere_moves_the_head_at_the_next_frame(talking, make, shown, tmp_path):
    """In a shell, while Blender is open: the head's hash stays, what its sliders do does not."""
    from talksplat.blender_addon import playback

    path = tmp_path / "later.head"
    write_head(path, read_head(talking.talksplat.head))
    talking.talksplat.head, talking.talksplat.use_rig = str(path), False
    talking.talksplat.controls.mouth_open = 0.0
    bpy.context.scene.frame_set(10)
    before = shown(talking)
    write_head(path, make.rigged(read_head(path)))
    playback.refresh(bpy.context.scene)
    assert (shown(talking).means != before.means).any()


def begin_bake(job, rig_hash):
    """The bake of the job with nothing in it yet: what is said of it is in its header."""
    from talksplat.core.baking.reuse import keyed_controls
    from talksplat.core.baking.shot import Shot
    from talksplat.core.formats import BakeCard, BakeWriter
    from talksplat.core.performance import change_pose

    file, shot = read_head(job.head), Shot.of(job, 2)
    head = HeadReplay(file).replay
    card = BakeCard(
        "b", shot.rate, shot.frame_start, shot.frame_count, head.canonical.sh_degree, file.card.content_hash,
        hashlib.sha256(Path(job.audio).read_bytes()).hexdigest(), offset=job.offset, controls=shot.controls_card(),
        pose_change=shot.pose_change.to_card(rig_hash, change_pose(shot.controls)),
    )  # fmt: skip
    columns = shot.pose_change.columns(shot.frame_count)
    BakeWriter.open(job.out, card, head.canonical, head.branch, keyed_controls(shot), columns).close()


CURVES = PoseChange(("smile",), tuple((i / 10,) for i in range(len(FRAMES))))


@pytest.mark.parametrize("change", [PoseChange(), CURVES], ids=["live", "curves"])
@pytest.mark.parametrize("mouth_open", [1.0, 0.5])
def test_a_shot_is_baked_again_when_the_rig_that_it_uses_is_another(rigged, make, tmp_path, change, mouth_open):
    from talksplat.blender_addon.shot.bake_plan import plan_bake
    from talksplat.blender_addon.shot.jobs import shot_to_bake

    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    rigged.talksplat.controls.mouth_open = mouth_open
    job = replace(shot_to_bake(bpy.context.scene, rigged, FRAMES), pose_change=change)
    first = plan_bake(job, rigged).job
    begin_bake(first, read_head(job.head).rig_hash)
    assert plan_bake(job, rigged).continues
    write_head(job.head, make.rigged(read_head(job.head), seed=9))
    uses_rig = change is CURVES or mouth_open != 1.0
    assert plan_bake(job, rigged).continues == (not uses_rig)


def test_a_shot_whose_sliders_found_no_rig_is_baked_again_when_there_is_one(talking, make, tmp_path):
    from talksplat.blender_addon.shot.bake_plan import plan_bake
    from talksplat.blender_addon.shot.jobs import shot_to_bake

    path = tmp_path / "later.head"
    write_head(path, read_head(talking.talksplat.head))
    talking.talksplat.head, talking.talksplat.controls.pucker = str(path), 0.5
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    job = shot_to_bake(bpy.context.scene, talking, FRAMES)
    begin_bake(plan_bake(job, talking).job, "")
    assert plan_bake(job, talking).continues
    write_head(path, make.rigged(read_head(path), lower=("pucker", "smile")))
    plan = plan_bake(job, talking)
    assert not plan.continues
    assert plan.job.reuse
