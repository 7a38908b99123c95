# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves on top of live speech are baked exactly: the networks' frame, and what the curves add to the rig's pose."""

from dataclasses import replace

import numpy as np
import pytest

from talksplat.core.baking.bake import bake
from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.formats.head_file import read_head, write_head
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs import Bake
from talksplat.core.jobs.events import Finished
from talksplat.core.performance.condition import read_performance
from talksplat.core.performance.controls import Controls
from talksplat.core.performance.head_replay import HeadReplay
from talksplat.core.performance.pose_change import PoseChange
from talksplat.core.wire import from_bytes, to_bytes

FRAMES = 8
CHANGE = PoseChange(("mouth_width", "blink"), tuple((i / 4, -i / 8) for i in range(FRAMES)))


@pytest.fixture
def job(tiny_head, voice, tmp_path, make):
    write_head(tmp_path / "tiny.head", make.rigged(read_head(tiny_head)))
    return Bake(str(tmp_path / "tiny.head"), str(voice), str(tmp_path / "a.bake"), frame_count=FRAMES)


def run(job):
    *_, end = bake(job)
    assert isinstance(end, Finished)
    with BakeReader.open(job.out) as reader:
        frames = [tuple(column.copy() for column in reader.frame(number)) for number in reader.frames]
        return reader.card, frames, reader.manifest.error, end.result


def test_each_baked_frame_is_the_networks_with_the_change_on_top(job):
    _, frames, error, _ = run(replace(job, pose_change=CHANGE))
    _, plain, _, _ = run(replace(job, out=job.out.replace("a.bake", "b.bake")))
    head = HeadReplay(read_head(job.head))
    performance = read_performance(job.out.replace(".bake", ".performance"))
    for i, (means, _, _) in enumerate(frames):
        exact = head.at(performance.at(i / 24, Controls()), Controls(), CHANGE.at(i))
        assert np.abs(means - exact.means).max() <= error.position + 1e-6
        assert (np.abs(means - plain[i][0]).max() > 1e-4) == (i > 0)


def test_a_shot_without_a_change_keeps_its_key_and_one_with_it_has_another(job, make):
    assert (
        make.bake_card().shot == "7c92dbc2662cb3c4ba8fb10f1e814b43f86b628fe7d4f3480136ac0f4ad4bc3d"
    )  # as before there were rigs
    plain, changed = run(job)[0], run(replace(job, out=job.out + "2.bake", pose_change=CHANGE))[0]
    assert plain.pose_change == {}
    assert plain.shot == replace(changed, pose_change={}).shot != changed.shot


def test_only_the_frames_whose_change_is_another_are_baked_again(job):
    run(replace(job, pose_change=CHANGE))
    edited = replace(CHANGE, values=(*CHANGE.values[:-1], (3.0, 0.0)))
    again = replace(job, out=job.out + "2.bake", reuse=job.out, pose_change=edited)
    _, reused, _, result = run(again)
    assert (result["reused"], result["new"]) == (FRAMES - 1, 1)
    _, anew, _, _ = run(replace(again, out=job.out + "3.bake", reuse=""))
    for one, two in zip(reused, anew):
        np.testing.assert_array_equal(one[0], two[0])


def test_another_rig_takes_over_only_what_no_change_has_touched(job, make):
    run(replace(job, pose_change=CHANGE))
    write_head(job.head, make.rigged(read_head(job.head), seed=1))
    _, _, _, result = run(replace(job, out=job.out + "2.bake", reuse=job.out, pose_change=CHANGE))
    assert result["reused"] == 1  # the first frame, which nothing changes


def test_the_change_travels_and_comes_back_from_the_bake(job):
    sent = replace(job, pose_change=CHANGE)
    assert from_bytes(to_bytes(sent)) == sent
    run(sent)
    with BakeReader.open(job.out) as reader:
        stored = PoseChange.of_columns(reader.pose_change)
    assert [stored.at(i) for i in range(FRAMES)] == [CHANGE.at(i) for i in range(FRAMES)]
    assert stored.to_card("rig") == CHANGE.to_card("rig")
    still = PoseChange(("blink", "mouth_width"), ((0.0, 0.0),) * FRAMES)
    assert still.to_card("") == PoseChange().to_card("") == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (PoseChange(("smile",), ((1.0,),)), "smile"),
        (PoseChange(("blink",), ((1.0,),) * 3), "3 rows for 8 frames"),
    ],
)
def test_a_change_that_does_not_fit_says_so(job, change, words):
    with pytest.raises(UserError, match=words):
        run(replace(job, pose_change=change))


@pytest.mark.parametrize("values", [(), ((1.0, 2.0),), ((float("nan"),),)])
def test_values_without_their_channel_are_none(values):
    with pytest.raises(UserError, match="pose change"):
        PoseChange(("blink",), values)
