# SPDX-License-Identifier: GPL-3.0-or-later
"""Lip Closure on a rig of ARKit's shapes: mouthClose takes away what jawOpen and the other shapes part the lips by."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talksplat.core.audio import load_sound
from talksplat.core.dispatch import run_job
from talksplat.core.formats import RigChannel, read_head, rig_of
from talksplat.core.jobs import Finished, ImportHead
from talksplat.core.listening import compute_performance
from talksplat.core.performance import CONTROLS, NEARLY_CLOSED, Controls, HeadReplay
from talksplat.core.performance.pose_controls import controlled_change
from talksplat.core.performance.shape_lips import lips_parted

VOICE = Path(__file__).resolve().parents[2] / "samples/voice.wav"
UPPER, LOWER, CHIN = range(5), range(5, 10), range(10, 20)  # vertices
STILL, TIGHT = Controls(blinks=0), Controls(blinks=0, closure=1)
PARTED = np.array([30.0, -30.0, 6.0], np.float32)  # of a rig with these three channels
CHANNELS = [RigChannel(name, "shapes", 0.0, 1.0) for name in ("jawOpen", "mouthClose", "mouthFunnel")]
WEIGHTS = st.tuples(st.floats(0, 1), st.floats(0, 0.3), st.floats(0, 1))


def shape(upper=0.0, lower=0.0, chin=0.0):
    """Vertices that move up, mm."""
    rows = np.array([*UPPER, *LOWER, *CHIN])
    up = np.repeat([upper, lower, chin], [len(UPPER), len(LOWER), len(CHIN)]) / 1000
    return rows, np.stack([0 * up, up, 0 * up], axis=1).astype(np.float32)


SHAPES = {
    "jawOpen": shape(lower=-30, chin=-28),
    "mouthClose": shape(upper=-6, lower=24, chin=2),
    "mouthFunnel": shape(upper=6, lower=-6, chin=-1),
    "mouthLowerDownLeft": shape(lower=-2),
    "mouthPucker": shape(upper=1),
}


def imported(source, out):
    *_, last = run_job(ImportHead(str(source), str(out)))
    assert isinstance(last, Finished), last
    return read_head(out)


def said(head, path):
    steps = compute_performance(head, load_sound(path), str(path))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@pytest.fixture
def avatar(tmp_path, avatars):
    """avatar(names of shapes) -> head"""
    return lambda names: imported(
        avatars.write_avatar(tmp_path / "anna.zip", shapes={name: SHAPES[name] for name in names}),
        tmp_path / "anna.head",
    )


def poses_of(head, *sliders):
    """[moments,K] for each of the controls, while it says the sample voice."""
    replay, performance = HeadReplay(head), said(head, VOICE)
    times = np.arange(0.4, 2.8, 0.02)
    return [np.array([replay.pose(performance.at(t, moved), moved) for t in times]) for moved in sliders]


def test_what_each_shape_parts_the_lips_by_is_measured_where_mouthclose_says_that_they_are(avatar):
    rig = rig_of(avatar(SHAPES))
    found = dict(zip((channel.name for channel in rig.card.channels), lips_parted(rig)))
    wanted = {"jawOpen": 30, "mouthClose": -30, "mouthFunnel": 12, "mouthLowerDownLeft": 2, "mouthPucker": 1}
    assert found == pytest.approx(wanted, abs=0.02)


def test_lips_that_nearly_close_touch_and_open_ones_and_the_jaw_stay_to_the_bit(avatar):
    head = avatar(SHAPES)
    names, parted = [channel.name for channel in rig_of(head).card.channels], lips_parted(rig_of(head))
    loose, tight = poses_of(head, STILL, TIGHT)
    spoken, closed = loose @ parted, tight @ parted
    nearly = NEARLY_CLOSED * parted[names.index("jawOpen")]
    assert ((spoken > 0.5) & (spoken < nearly)).sum() > 5, "some moments nearly close"
    assert np.abs(closed[(spoken > 0) & (spoken < nearly)]).max() < 0.01
    assert (spoken > 3 * nearly).any()
    np.testing.assert_array_equal(tight[spoken > 3 * nearly], loose[spoken > 3 * nearly])
    others = [i for i, name in enumerate(names) if name != "mouthClose"]
    np.testing.assert_array_equal(tight[:, others], loose[:, others])


def test_without_mouthclose_the_jaw_closes(avatar):
    head = avatar(["jawOpen", "mouthFunnel"])
    assert lips_parted(rig_of(head)) is None
    jaw = [channel.name for channel in rig_of(head).card.channels].index("jawOpen")
    loose, tight = (poses[:, jaw] for poses in poses_of(head, STILL, TIGHT))
    assert (loose[loose < NEARLY_CLOSED] > 0.02).any()
    assert tight[loose < NEARLY_CLOSED].max() < 1e-3
    assert tight.max() > 0.8 * loose.max()


def test_the_slider_is_live_on_a_rig_of_shapes_and_grey_without_a_jaw():
    assert CONTROLS["closure"].missing_in((), ("jawOpen", "mouthClose")) == ""
    assert CONTROLS["closure"].missing_in((), ("mouthSmileLeft",))


@given(WEIGHTS, WEIGHTS, st.floats(0, 1))
def test_of_two_openings_the_wider_stays_the_wider_and_no_lips_overlap(one, two, closure):
    def opening(pose):
        return float(PARTED @ (pose + controlled_change(Controls(closure=closure), np.array(pose), CHANNELS, PARTED)))

    narrow, wide = sorted((np.array(one), np.array(two)), key=lambda pose: PARTED @ pose)
    assert opening(narrow) <= opening(wide) + 1e-3
    for pose in (narrow, wide):
        assert min(float(PARTED @ pose), 0) - 1e-3 <= opening(pose) <= float(PARTED @ pose) + 1e-3


@given(WEIGHTS, st.floats(0, 1), st.floats(0, 2), st.floats(1e-6, 60))
def test_a_weak_mouthclose_goes_no_further_than_all_of_it(pose, closure, opening, strength):
    controls = Controls(closure=closure, mouth_open=opening)
    weak = PARTED * [1, strength / 30, 1]
    moved = np.array(pose) + controlled_change(controls, np.array(pose), CHANNELS, weak.astype(np.float32))
    assert moved[1] <= 1.25 + 1e-5


@pytest.mark.slow
def test_a_real_avatar_closes_its_p_b_and_m(tmp_path, shared_data):
    head = imported(shared_data / "splat/lam_p2-1.zip", tmp_path / "lam.head")
    replay, parted = HeadReplay(head), lips_parted(rig_of(head))
    loose, tight = [], []
    for path in sorted((shared_data / "grid_s1_train").glob("*.mpg"))[:3]:
        performance = said(head, path)
        for start, _, word in (line.split() for line in path.with_suffix(".align").read_text().splitlines()):
            if word[0] in "bpm":
                around = int(start) / 25000 + np.arange(-0.08, 0.1, 0.02)
                for openings, controls in ((loose, STILL), (tight, TIGHT)):
                    openings.append(min(replay.pose(performance.at(t, controls), controls) @ parted for t in around))
    assert len(loose) > 4
    assert np.mean(np.array(loose) < 0.3) < 0.2
    assert np.mean(np.array(tight) < 0.3) > 0.8
