# SPDX-License-Identifier: GPL-3.0-or-later
"""A condition that drives a rig's channels by itself: on top of the networks, nothing at rest, in every way to pose."""

from dataclasses import replace

import numpy as np
import pytest

from talksplat.core.formats import Rig, RigCard, RigChannel, RigDrive, RigMoves, RigRegion, UserError, with_rig
from talksplat.core.performance import Condition, Controls, HeadReplay
from talksplat.core.performance.sides import with_sides

ROWS = np.arange(0, 700, 5)


@pytest.fixture
def head(random_head):
    """A head with random networks whose rig has two channels that nothing finds in them, and a drive."""
    rng = np.random.default_rng(0)
    channels = tuple(RigChannel(name, "shapes", 0.0, 1.0) for name in ("jawOpen", "eyeBlinkLeft"))
    moves = RigMoves(ROWS, rng.normal(size=(2, 3, len(ROWS))).astype(np.float16))
    region = RigRegion(ROWS[:4], np.zeros((2, 4, 9), np.float32), {"face": moves})
    rest = {branch: rng.normal(size=32).astype(np.float32) for branch in ("face", "mouth")}
    audio = {branch: rng.normal(size=(2, 32)).astype(np.float32) for branch in ("face", "mouth")}
    drive = RigDrive(audio, np.array([[0, 0], [1, 0]], np.float32))
    return with_rig(random_head(channels=2)[2], Rig(RigCard(channels, 0.0), rest, {"shapes": region}, drive))


def condition(seed, scale=0.1):
    rng = np.random.default_rng(seed)
    codes = {branch: (scale * rng.normal(size=32)).astype(np.float32) for branch in ("face", "mouth")}
    return Condition(codes, rng.normal(size=2).astype(np.float32))


def test_the_channels_get_the_code_less_that_of_rest_and_the_expression(head):
    posing, heard = HeadReplay(head), condition(1)
    drive, rest = posing.rig.rig.drive, posing.rig.rig.rest
    expected = sum(drive.audio[b] @ (heard.audio[b] - rest[b]) for b in rest) + drive.expression @ heard.expression
    np.testing.assert_allclose(posing.pose(heard, Controls()), expected, atol=1e-5)
    assert not posing.pose(Condition(rest, np.zeros(2, np.float32)), Controls()).any()
    assert posing.speaks


def test_every_way_to_the_head_shows_what_the_networks_do_and_what_is_driven(head):
    posing, heard = HeadReplay(head), condition(2)
    expected = posing.replay.at(heard).means.astype(np.float64)
    moves = posing.rig.rig.regions["shapes"].branches["face"].moves.astype(np.float64)
    expected[ROWS] += np.einsum("k,kcm->mc", posing.pose(heard, Controls()), moves) / 1000
    np.testing.assert_allclose(posing.at(heard, Controls()).means, expected, atol=1e-6)
    change = {"jawOpen": 2.0}
    expected[ROWS] += 2 * moves[0].T / 1000
    np.testing.assert_allclose(posing.at(heard, Controls(), change).means, expected, atol=1e-6)


def test_a_sound_of_another_head_is_said(head):
    posing = HeadReplay(head)
    for audio in ({"face": np.zeros(3, np.float32)}, {"face": np.zeros(32, np.float32)}):
        with pytest.raises(UserError, match="not of this head"):
            posing.rig.driven(Condition(audio, np.zeros(2, np.float32)))


def test_nothing_drives_a_side(head):
    landmarks = np.random.default_rng(4).normal(size=(68, 3)).tolist()
    known = replace(head, card=replace(head.card, training={"landmarks": landmarks}))
    posing = HeadReplay(head)
    rig = posing.rig.rig
    smiling = replace(
        rig, card=replace(rig.card, channels=(replace(rig.card.channels[0], name="smile"), rig.card.channels[1]))
    )
    wide = with_sides(smiling, known, posing.replay.canonical.means)
    names = [channel.name for channel in wide.card.channels]
    assert names == ["smile", "eyeBlinkLeft", "smile_side"]
    for branch, matrix in rig.drive.audio.items():
        assert np.array_equal(wide.drive.audio[branch][:2], matrix)
        assert not wide.drive.audio[branch][2].any()
    assert not wide.drive.expression[2].any()
