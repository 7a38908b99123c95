# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake again: what an older bake has is kept, what it replaces stays until the new one is done."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.baking.bake import bake
from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.jobs import Bake
from talksplat.core.jobs.events import Finished, Progress, Warned
from talksplat.core.performance.controls import Controls

RAMP = tuple(Controls(brows=i / 40, intensity=1 + i / 50) for i in range(24))


@pytest.fixture
def job(tiny_head, voice, tmp_path):
    return Bake(str(tiny_head), str(voice), str(tmp_path / "shot_v001.bake"), frame_start=101, frame_count=24)


def finish(job):
    *_, end = bake(job)
    assert isinstance(end, Finished)
    return end.result


def contents(path):
    with BakeReader.open(path) as reader:
        reader.verify()
        assert reader.complete
        return {number: tuple(array.copy() for array in reader.frame(number)) for number in reader.frames}


def again(job, name="shot_v002.bake", **changes):
    return replace(job, out=str(Path(job.out).with_name(name)), reuse=job.out, **changes)


@pytest.mark.parametrize(
    ("first", "change", "baked_anew"),
    [
        ({}, {"frame_count": 36}, 12),  # the shot was extended
        ({}, {"frame_start": 95, "frame_count": 30, "offset": 0.25}, 6),  # to the front: the sound stays where it was
        ({}, {"frame_count": 10}, 0),  # and cut
        ({}, {"frame_start": 1}, 0),  # renumbered
        ({}, {"offset": 0.25}, 6),  # the strip was moved by six frames
        ({}, {"offset": 0.26}, 24),  # by a part of a frame
        ({}, {"fps": "48", "frame_count": 48}, 24),  # every second frame is there
        ({}, {"controls": Controls(brows=0.5)}, 24),
        ({}, {"controls": Controls(brows=1e-9)}, 0),  # the noise of a curve
        ({"controls_per_frame": RAMP}, {"controls_per_frame": (*RAMP[:20], *([Controls(brows=-1)] * 4))}, 4),  # one key
        ({"controls_per_frame": RAMP}, {"controls_per_frame": (*RAMP, *([RAMP[-1]] * 6)), "frame_count": 30}, 6),
        ({}, {"controls_per_frame": (*([Controls()] * 23), Controls(blink=1.0))}, 1),  # keyframed since
    ],
)
def test_only_what_a_change_touches_is_baked_anew_and_the_rest_is_as_if_it_were(job, first, change, baked_anew):
    finish(replace(job, **first))
    result = finish(again(replace(job, **first), **change))
    assert result["new"] == baked_anew
    fresh = again(replace(job, **first, reuse=""), "fresh.bake", **change)
    finish(replace(fresh, reuse=""))
    reused, expected = contents(again(job).out), contents(fresh.out)
    assert reused.keys() == expected.keys()
    for number, frame in expected.items():
        for ours, theirs in zip(reused[number], frame):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_another_sound_or_head_has_nothing_to_reuse(job, make_tiny_head, tmp_path):
    finish(job)
    other = make_tiny_head(tmp_path / "other.head", seed=3)
    assert finish(again(job, head=str(other)))["new"] == 24


def test_a_bake_to_reuse_that_is_damaged_or_gone_only_costs_time_and_is_told_of(job):
    """A path mistyped after --reuse baked a night's frames again without a word."""
    gone = list(bake(again(job)))
    Path(job.out).write_bytes(b"TSPLBAKE and then nothing")
    damaged = list(bake(again(job, "shot_v003.bake")))
    for events in (gone, damaged):
        assert events[-1].result["new"] == 24
        (warned,) = [event for event in events if isinstance(event, Warned)]
        assert str(job.out) in warned.sentence
        assert warned.sentence.endswith("No frame is taken over from it.")


def test_the_bake_that_is_replaced_plays_on_until_the_new_one_is_done(job, tmp_path):
    """0.1.0 deleted it first: whoever cancelled had neither."""
    finish(job)
    before = Path(job.out).read_bytes()
    changed = replace(job, controls=Controls(brows=0.5))
    events = bake(changed)
    while not (isinstance(event := next(events), Progress) and event.done >= 5):
        pass
    events.close()
    assert Path(job.out).read_bytes() == before
    events = list(bake(changed))
    assert events[-1].result["new"] == 24 - 5, "and the new one continues"
    assert [event for event in events if isinstance(event, Warned) and "controls" in event.sentence]
    assert Path(job.out).read_bytes() != before
    assert sorted(path.name for path in tmp_path.glob("*.bake")) == ["shot_v001.bake"]


def test_what_a_third_shot_left_unfinished_is_not_mistaken_for_this_one(job, tmp_path):
    finish(job)
    events = bake(replace(job, controls=Controls(brows=0.5)))
    while not (isinstance(event := next(events), Progress) and event.done >= 5):
        pass
    events.close()
    assert finish(replace(job, controls=Controls(brows=-0.5)))["new"] == 24
    assert sorted(path.name for path in tmp_path.glob("*.bake")) == ["shot_v001.bake"]
