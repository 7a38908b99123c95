# SPDX-License-Identifier: GPL-3.0-or-later
"""The rig that the sample head ships with: its channels are what they are called, and a voice that no rig was made from
moves the head by it as by its networks."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.audio import load_sound
from talksplat.core.formats import read_head, rig_of
from talksplat.core.jobs import RIG_BOUND
from talksplat.core.listening import compute_performance
from talksplat.core.metrics import mouth_box, psnr
from talksplat.core.performance import Condition, Controls, HeadReplay, LandmarkCarrier, Replay, RigReplay
from talksplat.core.raster import rasterize
from talksplat.core.rigging import with_measured_rig
from talksplat.core.rigging.directions import BLINK, MEASURES

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


@pytest.fixture(scope="module")
def head():
    return read_head(SAMPLES / "sample.head")


@pytest.fixture(scope="module")
def replay(head):
    return Replay(head)


@pytest.fixture(scope="module")
def rig(head, replay):
    return RigReplay(head, replay, rig_of(head))


@pytest.fixture(scope="module")
def voice(head, finish):
    """Of the actor, from the package; no rig is made from it."""
    return finish(compute_performance(head, load_sound(SAMPLES / "voice.wav"), "voice.wav"))


def test_the_first_channels_have_names(rig):
    names = [channel.name for channel in rig.channels]
    assert {"lips_apart", "mouth_width", "pucker", "upper_lip", "smile", "blink"} <= set(names)
    assert len([channel for channel in rig.channels if channel.region == "lower"]) == 12


@pytest.mark.slow
def test_it_is_what_talksplat_rig_makes(head, finish):
    """A rig that is made again has the same channels; to the last bit only on the machine that made it."""
    shipped, made = rig_of(head).card, rig_of(finish(with_measured_rig(head, RIG_BOUND))).card
    assert [channel.name for channel in made.channels] == [channel.name for channel in shipped.channels]
    for kind, said in made.errors["measured"].items():
        assert said["rms mm"] == pytest.approx(shipped.errors["measured"][kind]["rms mm"], rel=0.05)


def test_moving_a_channel_moves_its_own_measure(head, rig):
    """By a millimetre of the landmarks themselves, and every other measure by less than a fifth of it."""
    carrier = LandmarkCarrier(head)
    measures = {measure.name: measure for measure in (*MEASURES, BLINK)}
    names = [channel.name for channel in rig.channels]
    named = [name for name in names if name in measures]
    rest = 1000 * carrier.of(rig.frame())
    for name in named:
        for amount in (-1.0, 2.0):
            pose = np.zeros(len(names))
            pose[names.index(name)] = amount
            moved = 1000 * carrier.of(rig.posed(pose)) - rest
            told = {other: measures[other].of(moved) for other in named}
            assert told.pop(name) == pytest.approx(amount, rel=0.1)
            assert max(map(abs, told.values())) < abs(amount) / 5, name


def test_where_the_rig_does_not_reach_the_networks_are_asked(head, replay, voice):
    """A face that is no speech, by noise in the place of audio codes: the rig alone would be centimetres off."""
    posing, rng = HeadReplay(head), np.random.default_rng(0)
    spoken = voice.at(Fraction(1), Controls(blinks=0))
    noise = {name: code + 5 * rng.normal(size=code.shape).astype(np.float32) for name, code in spoken.audio.items()}
    wild = Condition(noise, spoken.expression)
    for condition, is_exact in ((spoken, False), (wild, True)):
        exact, shown = replay.at(condition), posing.at(condition, Controls(), by_rig=True)
        assert np.array_equal(shown.means, exact.means) == is_exact
        assert np.abs(shown.means - exact.means).max() < 0.002
    assert np.abs(posing.rig.at(wild).means - replay.at(wild).means).max() > 0.005


def test_an_unheard_voice_moves_it_as_the_networks_do(head, replay, rig, voice):
    moving = np.concatenate(list(replay.moving.values()))
    camera, carrier = head.card.camera, LandmarkCarrier(head)
    g, out = replay.canonical, rig.frame()
    seen = carrier.of(out) @ camera.matrix[:3, :3].T + camera.matrix[:3, 3]
    pixels = seen[:, :2] / seen[:, 2:] * [camera.fx, camera.fy] + [camera.cx, camera.cy]
    box, errors, pictures = mouth_box(pixels, camera.width, camera.height), [], []
    for frame in range(0, 72, 4):
        condition = voice.at(Fraction(frame, 24), Controls(blinks=0))
        exact, rigged = replay.at(condition), rig.at(condition, out)
        errors.append(np.linalg.norm(exact.means[moving] - rigged.means[moving], axis=1) * 1000)
        pictures.append([rasterize(*f, g.opacities, g.sh0, g.shN, camera).color[box] for f in (exact, rigged)])
    assert np.sqrt(np.square(errors).mean()) < rig.rig.card.bound
    assert np.max(errors) < 2
    assert min(psnr(rigged.clip(0, 1), exact.clip(0, 1)) for exact, rigged in pictures) > 42
