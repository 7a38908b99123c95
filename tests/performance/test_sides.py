# SPDX-License-Identifier: GPL-3.0-or-later
"""More on one side: the sample head speaks with one half of its mouth, raises one brow, and nothing tears."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.formats import MAX_CHANNELS, RigCard, RigChannel, rig_of
from talksplat.core.formats.head_file import read_head
from talksplat.core.performance import CONTROLS, Condition, Controls, HeadReplay, LandmarkCarrier, read_performance
from talksplat.core.performance.sides import GAINS, SIDED, side_of, with_sides

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
OPEN = Fraction(4, 5)  # seconds: the sample voice's mouth is wide open
RIGHT, LEFT = 48, 54  # the person's corners of the mouth


class Face:
    """The sample head, and what it does when its voice opens the mouth widest."""

    def __init__(self) -> None:
        self.file = read_head(SAMPLES / "sample.head")
        self.head, self.carrier = HeadReplay(self.file), LandmarkCarrier(self.file)
        self.performance = read_performance(SAMPLES / "voice.performance")
        self.rest = self.head.rig.frame()

    def says(self, side, by_rig):
        controls = Controls(blinks=0, mouth_side=side)
        return self.head.at(self.performance.at(OPEN, controls), controls, by_rig=by_rig)

    def moved(self, frame):
        """[68,3] mm, the landmarks from rest."""
        return 1000 * (self.carrier.of(frame) - self.carrier.of(self.rest))


@pytest.fixture(scope="module")
def face():
    return Face()


@pytest.mark.parametrize("by_rig", [False, True])
def test_the_persons_left_speaks_more_and_the_right_less_and_the_midline_as_before(face, by_rig):
    frames = {side: face.says(side, by_rig) for side in (-1.0, 0.0, 1.0)}
    size = {side: np.linalg.norm(face.moved(frame), axis=1) for side, frame in frames.items()}
    assert size[0.0][[LEFT, RIGHT]].min() > 2, "the mouth is open"
    for more, less, side in ((LEFT, RIGHT, 1.0), (RIGHT, LEFT, -1.0)):
        assert size[side][more] == pytest.approx((1 + GAINS["mouth_side"]) * size[0.0][more], rel=0.1)
        assert size[side][less] == pytest.approx((1 - GAINS["mouth_side"]) * size[0.0][less], rel=0.1)
        change = np.linalg.norm(frames[side].means - frames[0.0].means, axis=1)
        middle = np.abs(face.rest.means[:, 0] - face.carrier.canonical[[RIGHT, LEFT], 0].mean()) < 1e-4
        assert middle.sum() > 20
        assert 1000 * change[middle].max() < 0.15, "of up to 13 mm"


def test_skin_does_not_tear_and_teeth_stay(face):
    """Of two neighbours on the lips one moves by little more than the other; the inside of the mouth by nothing."""
    plain, leaning = face.says(0.0, True), face.says(1.0, True)
    change = leaning.means - plain.means
    face_count = len(face.file.gaussians("face").means)
    assert not change[face_count:].any()
    skin = face.rest.means[:face_count]
    is_lip = np.linalg.norm(skin - face.carrier.canonical[48:68].mean(axis=0), axis=1) < 0.03
    lips = np.flatnonzero(is_lip)[::4]

    def apart(vectors):
        return np.linalg.norm(vectors[lips][:, None] - vectors[lips][None], axis=2)

    near = (apart(skin) > 0) & (apart(skin) < 0.003)
    opening = apart(plain.means - face.rest.means)[near].max()
    assert apart(change)[near].max() < 0.6 * opening, "the mouth itself pulls more at the skin"


def test_one_brow_alone(face):
    silent = face.head.rig.rest_condition
    expression = np.zeros_like(silent.expression)
    expression[[i for i, name in enumerate(face.file.card.expression) if name.startswith("brow") and "up" in name]] = (
        0.5
    )
    raised = Condition(silent.audio, expression)
    controls = [Controls(brows_side=side) for side in (0.0, 1.0)]
    both, left = (face.moved(face.head.at(raised, c))[[19, 20, 23, 24], 2] for c in controls)
    assert both.min() > 1, "both brows are raised"
    assert (left[2:] > 1.4 * both[2:]).all()
    assert (left[:2] < 0.6 * both[:2]).all()


def test_the_sliders_know_the_channels_with_sides():
    named = [name for control in GAINS for name in CONTROLS[control].rig]
    assert sorted(named) == sorted(map(side_of, SIDED))


def test_speech_has_no_side_and_heads_without_room_or_landmarks_get_none(face):
    pose = face.head.rig.pose(face.performance.at(OPEN, Controls()))
    names = [channel.name for channel in face.head.rig.channels]
    sides = [i for i, name in enumerate(names) if name.endswith("_side")]
    assert len(sides) == 6
    assert not pose[sides].any()
    rig, means = rig_of(face.file), face.rest.means
    bare = replace(face.file, card=replace(face.file.card, training={}))
    assert with_sides(rig, bare, means) is rig
    many = tuple(RigChannel(f"c{i}", "lower", 0, 1) for i in range(MAX_CHANNELS))
    full = replace(rig, card=RigCard(many, 0.1))
    assert with_sides(full, face.file, means) is full
    once = with_sides(rig, face.file, means)
    assert with_sides(once, face.file, means).card == once.card, "a rig that has them keeps them"
