# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar of ARKit's shapes speaks: a sound's measures of the mouth become weights, exactly as the table says."""

from pathlib import Path

import numpy as np
import pytest

from talksplat.core.audio import ENCODERS, MOUTH_MEASURES, load_sound, windows_at
from talksplat.core.dispatch import run_job
from talksplat.core.formats import BakeReader, read_head, rig_of
from talksplat.core.importing.shape_speech import UPPER_FACE, audio_net_of, load_shape_speech
from talksplat.core.jobs import Bake, Finished, ImportHead, Perform
from talksplat.core.performance import AudioInference, Controls, HeadReplay, features_of_silence, read_performance
from talksplat.core.tracking import EXPRESSION_CHANNELS

VOICE = Path(__file__).resolve().parents[2] / "samples/voice.wav"
NAMES = ("jawOpen", "mouthFunnel", "mouthPucker", "mouthStretchLeft", "mouthStretchRight", "eyeBlinkLeft", "tongueOut")
SHAPES = {
    name: (np.array([2 * row]), np.array([[0, -0.01 - 0.001 * row, 0.002]], np.float32))
    for row, name in enumerate(NAMES)
}
STILL = Controls(blinks=0)


@pytest.fixture
def avatar(tmp_path, avatars):
    """(the head, its performance of the sample voice)."""
    source = avatars.write_avatar(tmp_path / "anna.zip", shapes=SHAPES)
    head, performance = tmp_path / "anna.head", tmp_path / "anna.performance"
    for job in (ImportHead(str(source), str(head)), Perform(str(head), str(VOICE), str(performance))):
        *_, last = run_job(job)
        assert isinstance(last, Finished), last
    return read_head(head), read_performance(performance)


def test_the_table_is_of_measures_and_shapes_that_are_known_and_takes_nothing_away():
    speech = load_shape_speech()
    assert speech.encoder in ENCODERS
    assert set(speech.measures) <= {measure.name for measure in MOUTH_MEASURES if measure.terms}
    assert tuple(UPPER_FACE) == EXPRESSION_CHANNELS
    for name, weights in speech.weights.items():
        assert weights.shape == (speech.width,)
        assert weights.min() >= 0
        if name.endswith("Left"):
            assert np.array_equal(weights, speech.weights[name.removesuffix("Left") + "Right"])
    opening = speech.measures.index("jaw_open")
    assert max(speech.weights, key=lambda name: speech.weights[name][opening]) == "jawOpen"


def test_the_audio_net_hands_the_measures_on_and_nothing_else():
    speech, rng = load_shape_speech(), np.random.default_rng(0)
    silence = features_of_silence(speech.encoder)
    windows = silence[:, None] + rng.normal(size=(50, 8, len(silence), 2)).astype(np.float32)
    found = AudioInference(audio_net_of(speech, silence), len(silence), speech.width)(windows)
    known = [measure.name for measure in MOUTH_MEASURES]
    rows = [known.index(name) for name in speech.measures]
    beyond = (windows[:, 4] - silence[:, None]).mean(axis=2)[:, rows]
    np.testing.assert_allclose(found, np.maximum(np.concatenate([beyond, -beyond], axis=1), 0), atol=2e-5)


def test_a_voice_opens_the_jaw_by_the_table_and_silence_is_rest(avatar):
    head, performance = avatar
    posing, speech = HeadReplay(head), load_shape_speech()
    assert [c.name for c in posing.rig.channels] == sorted(NAMES)
    features = ENCODERS[speech.encoder].encode(load_sound(VOICE))
    times = np.arange(0.5, 2.5, 0.1)
    halves = AudioInference(head.part("face.audio"), features.values.shape[1], speech.width)(
        windows_at(features, times)
    )
    poses = np.stack([posing.pose(performance.at(t, Controls(blinks=0, rest_in_pauses=0)), STILL) for t in times])
    for column, channel in enumerate(posing.rig.channels):
        expected = halves @ speech.weights.get(channel.name, np.zeros(speech.width))
        np.testing.assert_allclose(poses[:, column], expected, atol=0.02)
    jaw = poses[:, sorted(NAMES).index("jawOpen")]
    assert jaw.max() > 0.05
    assert np.abs(posing.pose(performance.at(-100, STILL), STILL)).max() < 1e-5, "before the sound it rests"
    moment = performance.at(times[int(jaw.argmax())], STILL)
    shown = posing.at(moment, STILL).means
    np.testing.assert_allclose(posing.at(moment, STILL, by_rig=True).means, shown, atol=1e-6)
    assert np.abs(shown - head.gaussians("face").means).max() > 1e-4


@pytest.mark.parametrize(
    ("control", "shape", "sign"),
    [
        ({"mouth_open": 2.0}, "jawOpen", 1),
        ({"mouth_open": 0.0}, "jawOpen", -1),
        ({"mouth_width": 0.5}, "mouthStretchLeft", 1),
        ({"pucker": 0.5}, "mouthPucker", 1),
        ({"pucker": -0.5}, "mouthPucker", -1),
        ({"blink": 1.0}, "eyeBlinkLeft", 1),
        ({"intensity": 0.0}, "jawOpen", -1),
    ],
)
def test_the_sliders_move_the_shapes_that_their_names_say(avatar, control, shape, sign):
    head, performance = avatar
    posing = HeadReplay(head)
    column, controls = sorted(NAMES).index(shape), Controls(blinks=0, **control)

    def weights(controls):
        return [posing.pose(performance.at(t, controls), controls)[column] for t in np.arange(0.6, 2.4, 0.05)]

    change = sign * (np.array(weights(controls)) - np.array(weights(STILL)))
    assert change.max() > 0.02
    assert change.min() > -1e-4


def test_it_bakes_like_any_head(avatar, tmp_path):
    head, performance = avatar
    *_, last = run_job(Bake(head.source, str(VOICE), str(tmp_path / "a.bake"), frame_count=40, controls=STILL))
    assert isinstance(last, Finished), last
    posing = HeadReplay(head)
    with BakeReader.open(tmp_path / "a.bake") as bake:
        for number in (1, 20, 40):
            expected = posing.at(performance.at((number - 1) / 24, STILL), STILL).means
            np.testing.assert_allclose(bake.frame(number)[0], expected, atol=2e-5)


def test_shapes_that_no_speech_uses_make_no_speaker(tmp_path, avatars):
    source = avatars.write_avatar(tmp_path / "anna.zip", shapes={"eyeBlinkLeft": SHAPES["eyeBlinkLeft"]})
    *_, last = run_job(ImportHead(str(source), str(tmp_path / "anna.head")))
    assert isinstance(last, Finished), last
    head = read_head(tmp_path / "anna.head")
    assert rig_of(head).drive is None
    assert not HeadReplay(head).speaks
