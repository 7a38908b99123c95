# SPDX-License-Identifier: GPL-3.0-or-later
"""Each control of the mouth does to a speaking face what its description says, measured on its landmarks.

The head is what carries the sample head's landmarks, with a rig of its own.
"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talksplat.core.audio.decode import load_sound
from talksplat.core.formats.head_file import read_head
from talksplat.core.formats.rig import RigChannel, with_rig
from talksplat.core.listening.listen import compute_performance
from talksplat.core.performance.condition import Condition
from talksplat.core.performance.controls import CONTROLS, Controls
from talksplat.core.performance.head_part import part_of
from talksplat.core.performance.head_replay import HeadReplay
from talksplat.core.performance.landmark_carrier import LandmarkCarrier
from talksplat.core.performance.pose_controls import (
    GIVE,
    LEAST_SHARE,
    NEARLY_CLOSED,
    POSED,
    SHIFTED,
    controlled_change,
)
from talksplat.core.rigging.directions import MEASURES
from talksplat.core.rigging.make_rig import make_rig

ROOT = Path(__file__).resolve().parents[2]
STILL = Controls(blinks=0)
MEASURE = {measure.name: measure for measure in MEASURES}
CHANNELS = [RigChannel(name, "lower", -2.0, 8.0) for control in POSED for name in CONTROLS[control].rig]
POSES = st.lists(st.floats(-5, 15), min_size=len(CHANNELS), max_size=len(CHANNELS))


def result_of(work):
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


class SpeakingHead:
    """A head, what it says, and its measures in mm at any moment."""

    def __init__(self) -> None:
        whole = read_head(ROOT / "samples/sample.head")
        head = part_of(whole, np.unique(LandmarkCarrier(whole)._nearest))
        self.performance = self.says(head, ROOT / "samples/voice.wav")
        heard = [self.says(head, ROOT / "core/rigging/voices/librivox.opus"), self.performance]
        self.file = with_rig(head, result_of(make_rig(head, heard, heard, 0.1)))
        self.head, self.carrier = HeadReplay(self.file), LandmarkCarrier(self.file)
        self.times = np.arange(0.0, self.performance.duration, 0.04)

    def says(self, head, path):
        return result_of(compute_performance(head, load_sound(path), str(path)))

    def channel(self, name):
        return next(channel for channel in self.head.rig.channels if channel.name == name)

    def measures(self, controls=STILL, by_rig=False, performance=None, times=None) -> dict[str, np.ndarray]:
        """Name -> [moments] mm above rest."""
        performance = performance or self.performance
        frames = [
            self.head.at(performance.at(t, controls), controls, by_rig=by_rig)
            for t in (self.times if times is None else times)
        ]
        landmarks = np.array([self.carrier.of(frame) for frame in frames])
        moved = 1000 * (landmarks - self.carrier.of(self.head.rig.frame()))
        return {name: measure.of(moved) for name, measure in MEASURE.items()}


@pytest.fixture(scope="module")
def speaking():
    return SpeakingHead()


@pytest.mark.parametrize("by_rig", [False, True])
def test_mouth_open_0_keeps_the_lips_at_rest_and_2_parts_them_twice_as_far(speaking, by_rig):
    spoken = speaking.measures(by_rig=by_rig)["lips_apart"]
    assert spoken.max() > 5, "the head speaks"
    assert np.abs(speaking.measures(Controls(blinks=0, mouth_open=0), by_rig)["lips_apart"]).max() < 0.3
    twice = speaking.measures(Controls(blinks=0, mouth_open=2), by_rig)["lips_apart"]
    reach = max(speaking.channel("lips_apart").high, spoken.max())
    within = 2 * spoken < reach
    assert within.sum() > 20
    np.testing.assert_allclose(twice[within], 2 * spoken[within], atol=0.3)
    assert (twice[~within] > spoken[~within]).all(), "beyond it there is little left"
    assert twice.max() < (1 + GIVE) * reach + 0.3, "wider than that the lips would tear"


@pytest.mark.parametrize("name", SHIFTED)
@pytest.mark.parametrize("share", [-1.0, 1.0])
def test_a_shift_moves_its_own_measure_to_where_the_head_goes_and_the_others_by_less_than_a_fifth(
    speaking, name, share
):
    own = CONTROLS[name].rig[0]
    channel = speaking.channel(own)
    before, after = speaking.measures(), speaking.measures(Controls(blinks=0, **{name: share}))
    moved = {key: after[key] - before[key] for key in before}
    high, low = max(channel.high, -LEAST_SHARE * channel.low), min(channel.low, -LEAST_SHARE * channel.high)
    wanted = np.clip(before[own] + (high if share > 0 else low), low, high)
    np.testing.assert_allclose(after[own], wanted, atol=0.3)
    assert (share * moved[own] > -0.01).all()
    named = [c.name for c in speaking.head.rig.channels if c.name in MEASURE and c.name != own]
    assert max(np.abs(moved[key]).max() for key in named) < 0.2 * np.abs(moved[own]).max()


def test_closure_shuts_what_is_nearly_shut_and_leaves_open_lips_to_the_bit(speaking):
    nearly = NEARLY_CLOSED * speaking.channel("lips_apart").high
    spoken = speaking.measures()["lips_apart"]
    tight = speaking.measures(Controls(blinks=0, closure=1))["lips_apart"]
    assert ((spoken > 0.3) & (spoken < nearly)).sum() > 2, "lips that nearly close"
    assert tight[spoken < 0.9 * nearly].max() < 0.25
    wide = spoken > 3 * nearly + 0.3
    assert wide.sum() > 5
    np.testing.assert_array_equal(tight[wide], spoken[wide])


def test_closure_shuts_the_b_and_p_and_m_of_real_sentences(speaking, shared_data):
    """The lips' least opening around the start of each word of GRID that begins with one."""
    sentences = sorted((shared_data / "grid_s1_train").glob("*.mpg"))[:5]
    loose, tight = [], []
    for path in sentences:
        performance = speaking.says(speaking.file, path)
        for start, _, word in (line.split() for line in path.with_suffix(".align").read_text().splitlines()):
            if word[0] in "bpm":
                around = int(start) / 25000 + np.arange(-0.08, 0.1, 0.01)  # seconds
                for openings, closure in ((loose, 0.0), (tight, 1.0)):
                    controls = Controls(blinks=0, closure=closure)
                    openings.append(
                        speaking.measures(controls, performance=performance, times=around)["lips_apart"].min()
                    )
    assert len(loose) > 8
    assert np.mean(np.array(loose) < 0.25) > 0.5, "adapted to any voice, the head closes most by itself"
    assert np.mean(tight) < np.mean(loose) - 0.05
    assert np.mean(np.array(tight) < 0.25) > 0.75, "the others are open by millimetres: the head has not heard them"


@given(POSES)
def test_controls_at_their_defaults_change_nothing(pose):
    assert not controlled_change(Controls(), np.array(pose), CHANNELS).any()


@given(st.floats(0, 15), st.floats(0, 15), st.floats(0, 1))
def test_of_two_openings_the_wider_stays_the_wider_and_neither_opens(one, two, closure):
    lips = [RigChannel("lips_apart", "lower", -2.0, 8.0)]
    a, b = (x + controlled_change(Controls(closure=closure), np.array([x]), lips)[0] for x in sorted((one, two)))
    assert -1e-5 <= a <= b + 1e-5
    assert b <= max(one, two) + 1e-5


@given(st.floats(0, 15), st.floats(0, 0.99))
def test_a_little_more_closure_or_opening_is_a_little_less_open(opening, closure):
    lips = [RigChannel("lips_apart", "lower", -2.0, 8.0)]

    def closed(x, c):
        return x + controlled_change(Controls(closure=c), np.array([x]), lips)[0]

    assert abs(closed(opening, closure + 0.001) - closed(opening, closure)) < 0.01
    assert abs(closed(opening + 0.001, closure) - closed(opening, closure)) < 0.01


@given(POSES, st.floats(-1, 1), st.floats(0, 2), st.floats(0, 1))
def test_nothing_goes_beyond_what_the_head_was_seen_to_do_or_what_it_does_now(pose, share, opening, closure):
    controls = Controls(mouth_open=opening, closure=closure, **dict.fromkeys(SHIFTED, share))
    for channel, value, change in zip(CHANNELS, pose, controlled_change(controls, np.array(pose), CHANNELS)):
        give = GIVE * channel.high if channel.name in CONTROLS["mouth_open"].rig else 0
        assert min(value * max(opening, 1), channel.low) - 1e-4 <= value + change
        assert value + change <= max(value, channel.high) + give + 1e-4


def test_a_head_without_a_rig_plays_as_it_does_and_the_table_says_why(tiny_head):
    head = HeadReplay(read_head(tiny_head))
    codes = {name: np.ones(settings.audio_code, np.float32) for name, settings in head.replay.settings.items()}
    condition = Condition(codes, np.zeros(2, np.float32))
    for one, two in zip(head.at(condition, Controls(mouth_open=0, pucker=1)), head.replay.at(condition)):
        np.testing.assert_array_equal(one, two)
    for name in POSED:
        assert "needs the head's rig" in CONTROLS[name].missing_in((), None)
        assert CONTROLS[name].missing_in((), CONTROLS[name].rig) == ""
        assert "no channel" in CONTROLS[name].missing_in((), ("blink",))
    assert "trained without" in CONTROLS["gaze_x"].missing_in(("blink_left",), None)
    assert CONTROLS["blinks"].missing_in(("blink_left",), None) == ""


@pytest.mark.parametrize("seed", range(6))
def test_by_rig_every_setting_of_the_sliders_is_as_near_as_speech_is(speaking, seed):
    """A change is the same on both ways, so that it adds nothing to the rig's error; RMS, mm."""
    rng = np.random.default_rng(seed)
    controls = Controls(**{name: rng.uniform(CONTROLS[name].low, CONTROLS[name].high) for name in POSED})
    times = speaking.times[::3]

    def error(sliders):
        pairs = [
            [speaking.head.at(speaking.performance.at(t, controls), sliders, by_rig=by_rig).means for by_rig in (0, 1)]
            for t in times
        ]
        return 1000 * np.sqrt(np.mean([np.square(exact - rigged).sum(axis=1).mean() for exact, rigged in pairs]))

    assert error(controls) == pytest.approx(error(Controls()), abs=1e-3)
    assert error(controls) < 0.2
