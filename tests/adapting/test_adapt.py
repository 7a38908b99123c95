# SPDX-License-Identifier: GPL-3.0-or-later
"""A trained head gets the audio net of any voice: its mouth follows what that net asks for, and all else stays."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from talksplat.core.adapting import adapt as adapting
from talksplat.core.adapting import fit_codes
from talksplat.core.adapting.code_geometry import CodeGeometry
from talksplat.core.adapting.fit_codes import CodeFit, ShapeGoal
from talksplat.core.adapting.geometry_codes import GeometryCodes
from talksplat.core.adapting.heard_speech import APART, ON_LANDMARKS, HeardSpeech
from talksplat.core.adapting.reaching_codes import codes_reaching
from talksplat.core.adapting.wanted_geometry import AS_BEFORE, REACH, fit_scale, wanted_geometry
from talksplat.core.audio import Sound, write_wav
from talksplat.core.dispatch import run_job
from talksplat.core.formats import UserError, read_head, write_head
from talksplat.core.jobs import Adapt, Failed, Finished
from talksplat.core.listening import AudioCodes
from talksplat.core.performance import (
    AudioInference,
    LandmarkCarrier,
    audio_net_shapes,
    canonical_landmarks,
    features_of_silence,
    part_of,
    rest_condition,
)

ROOT = Path(__file__).resolve().parents[2]
VOICE = str(ROOT / "samples/voice.wav")


@pytest.fixture
def head(tmp_path):
    """What carries the sample head's landmarks, with audio nets from before, as a file."""
    whole = read_head(ROOT / "samples/sample.head")
    part = part_of(whole, np.unique(LandmarkCarrier(whole)._nearest))
    shapes, rng = audio_net_shapes(len(features_of_silence("logmel")), 32), np.random.default_rng(3)
    nets = {f"{branch}.audio.{name}": rng.normal(0, 0.2, shape).astype(np.float32)
            for branch in ("face", "mouth") for name, shape in shapes.items()}  # fmt: skip
    nets |= {name: np.ones_like(tensor) for name, tensor in nets.items() if name.endswith("feature_std")}
    old = replace(part, card=replace(part.card, audio_encoder="logmel"), tensors=part.tensors | nets)
    write_head(tmp_path / "anna.head", old)
    return tmp_path / "anna.head"


@pytest.fixture
def in_few_steps(monkeypatch):
    monkeypatch.setattr(fit_codes, "STEPS", 8)
    monkeypatch.setattr(adapting, "VOICES", ROOT / "samples")


def heard(own=0, closing=0.0, seed=0):
    """A head whose measures are 12 mm a unit less one, in its own voice 40 mm more."""
    rng = np.random.default_rng(seed)
    measures, is_own = rng.uniform(0, 1, (400, len(ON_LANDMARKS))), np.arange(400) < own
    geometry = 12.0 * measures - 1.0 + 40.0 * is_own[:, None]
    return HeardSpeech({}, geometry, np.zeros((400, 8, 3, 2), np.float32), measures, np.full(400, closing), is_own)


def shape(codes):
    """[S,3] codes -> [S,2] mm: a cubic of them, 0 at code 0."""
    x, y, z = codes.T
    return np.stack([6 * x + 2 * x * y - x**3, 3 * y - z * z + 0.5 * z], axis=1)


def test_the_code_for_a_shape_is_the_one_that_made_it():
    rng = np.random.default_rng(1)
    shapes, rest = rng.normal(size=(3000, 2)), np.full(32, 5.0)
    codes, geometry = shapes @ rng.normal(size=(2, 32)) + rest, shapes * [9.0, 2.0]
    inverse = GeometryCodes(("lips_apart", "mouth_width"), geometry, {"face": codes}, {"face": rest})
    within = np.all(np.abs(shapes) < 2, axis=1)
    found = inverse.codes(geometry[within])["face"]
    assert np.abs(found - codes[within]).mean() < 0.1 * np.abs(codes - rest).mean()
    assert np.array_equal(inverse.codes(np.zeros((1, 2)))["face"][0], rest), "rest is exact"


def test_what_a_code_does_to_the_lips_is_known_between_and_beside_the_codes_that_were_heard():
    rng, rest = np.random.default_rng(4), np.full(3, 2.0, np.float32)
    heard_codes = (rest + rng.normal(0, 0.6, (500, 3)) * [1, 1, 0.1]).astype(np.float32)
    geometry = CodeGeometry(heard_codes, shape(heard_codes - rest), rest, lambda codes: shape(codes - rest))
    others = torch.from_numpy((rest + rng.normal(0, 0.6, (50, 3)) * [1, 1, 0.1]).astype(np.float32)).requires_grad_()
    done = geometry(others)
    np.testing.assert_allclose(done.detach(), shape(others.detach().numpy() - rest), atol=0.05)
    (gradient,) = torch.autograd.grad(done[:, 1].sum(), others)
    z = others.detach().numpy()[:, 2] - rest[2]
    np.testing.assert_allclose(gradient[:, 1], 3.0, atol=0.1)
    np.testing.assert_allclose(gradient[:, 2], 0.5 - 2 * z, atol=0.3)
    np.testing.assert_array_equal(geometry(torch.from_numpy(rest[None])), np.zeros((1, 2)), err_msg="rest is exact")


def test_lips_touch_in_a_p_where_a_net_that_is_taught_codes_leaves_them_open(monkeypatch):
    """They touch 8 mm below rest, at two codes whose mean is open: what a net gives that is taught codes."""
    for name, value in {"STEPS": 400, "BATCH": 32, "RATE": 5e-3}.items():
        monkeypatch.setattr(fit_codes, name, value)
    rng = np.random.default_rng(5)
    is_p, side = rng.random(600) < 0.3, rng.choice([-1.0, 1.0], 600)
    codes = (np.stack([np.ones(600), side], axis=1) * is_p[:, None]).astype(np.float32)
    windows = np.broadcast_to(is_p[:, None, None, None], (600, 8, 3, 2)).astype(np.float32).copy()

    def gap(code):
        return -4 * code[:, :1] - 4 * code[:, 1:] ** 2

    goal = ShapeGoal(gap, gap(codes), np.full((600, 1), 0.3))
    silence, rest, reached = np.full(3, -1.0, np.float32), np.zeros(2, np.float32), {}
    for taught, shape_goal in {"codes": None, "lips": goal}.items():
        fit = CodeFit(windows, codes, np.zeros(600, bool), silence, rest, 0, shape_goal)
        *_, _ = fit.run()
        reached[taught] = gap(AudioInference(fit.tensors(), 3, 2)(np.ones((1, 8, 3, 2), np.float32)))[0, 0]
    assert -5 < reached["codes"] < -3
    assert reached["lips"] == pytest.approx(-8, abs=1)


def test_a_code_that_leaves_the_lips_open_is_moved_until_they_touch_and_one_that_fits_stays():
    codes = np.random.default_rng(6).normal(size=(50, 3)).astype(np.float32)
    goal = ShapeGoal(lambda code: 8 * code[:, :1], 8.0 * (codes[:, :1] - 0.25), np.full((50, 1), 5.0))
    reached = codes_reaching(goal, codes)
    np.testing.assert_allclose(8 * reached[:, :1], goal.wanted, atol=0.1)
    np.testing.assert_array_equal(reached[:, 1:], codes[:, 1:])
    fits = ShapeGoal(goal.geometry, 8.0 * codes[:, :1], goal.weights)
    np.testing.assert_allclose(codes_reaching(fits, codes), codes, atol=1e-5)


def test_a_sound_asks_for_as_much_as_the_head_did_of_its_own_voice_where_that_was_heard():
    ends = np.array([[0.0], [1.0]]) * np.ones(len(ON_LANDMARKS))
    np.testing.assert_allclose(fit_scale(heard()).geometry(ends)[:, 0], [-1, 11], atol=1e-6)
    np.testing.assert_allclose(fit_scale(heard(own=100)).geometry(ends)[:, 0], [39, 51], atol=1e-6)


def test_nothing_is_asked_that_the_head_was_never_near():
    speech = heard()
    speech.measures[:10] = 100.0
    middle = speech.geometry.mean(axis=0)
    limit = middle + REACH * (np.percentile(speech.geometry, 99.5, axis=0) - middle)
    np.testing.assert_allclose(wanted_geometry(speech)[:10], np.tile(limit, (10, 1)))


def test_the_own_voice_is_asked_for_the_mean_of_what_it_did_and_of_what_its_sound_says():
    speech = heard(own=400)
    speech.geometry[:200] += 1.0
    said = fit_scale(speech).geometry(speech.measures)
    inside = slice(50, 60)
    expected = AS_BEFORE * speech.geometry[inside] + (1 - AS_BEFORE) * said[inside]
    np.testing.assert_allclose(wanted_geometry(speech)[inside], expected, atol=1e-6)


def test_in_a_closure_the_lips_are_asked_to_touch_as_this_head_touches():
    speech = heard(own=100, closing=1.0)
    touching = np.percentile(speech.geometry[:100, APART], 2)
    np.testing.assert_allclose(wanted_geometry(speech)[:, APART], touching)
    half = wanted_geometry(heard(own=100, closing=0.5))[:, APART] - touching
    np.testing.assert_allclose(half, (wanted_geometry(heard(own=100))[:, APART] - touching) / 2)


def test_silence_is_exactly_rest_whatever_was_learnt(monkeypatch):
    monkeypatch.setattr(fit_codes, "STEPS", 5)
    rng = np.random.default_rng(2)
    windows, codes = rng.normal(size=(50, 8, 3, 2)).astype(np.float32), rng.normal(size=(50, 4)).astype(np.float32)
    silence, rest = rng.normal(size=3).astype(np.float32), rng.normal(size=4).astype(np.float32)
    fits = [CodeFit(windows, codes, np.arange(50) < 10, silence, rest, 7) for _ in range(2)]
    assert [list(fit.run()) for fit in fits] == [[1, 2, 3, 4, 5]] * 2
    first, second = (fit.tensors() for fit in fits)
    assert all(np.array_equal(first[name], second[name]) for name in first), "a seed is a result"
    still = np.broadcast_to(silence[:, None], (1, 8, 3, 2))
    np.testing.assert_allclose(AudioInference(first, 3, 4)(still)[0], rest, atol=1e-5)


def test_all_but_the_audio_nets_stays_and_the_card_says_from_where_they_come(head, tmp_path, in_few_steps):
    *_, last = run_job(Adapt(str(head), str(tmp_path / "any.head"), (VOICE,)))
    assert isinstance(last, Finished), last
    old, new = read_head(head), read_head(tmp_path / "any.head")
    nets = {name for name in old.tensors if name.startswith(("face.audio.", "mouth.audio."))}
    assert {n for n in old.tensors if not np.array_equal(old.tensors[n], new.tensors.get(n))} == nets
    assert (new.card.audio_encoder, new.card.training["adapted"]["from"]) == ("mouth_shapes", old.card.content_hash)
    assert "CC BY" in new.card.licence
    for branch, code in AudioCodes(old).rest().items():
        np.testing.assert_allclose(AudioCodes(new).rest()[branch], code, atol=2e-4)
        np.testing.assert_allclose(rest_condition(new).audio[branch], code, atol=2e-4)
    *_, again = run_job(Adapt(str(tmp_path / "any.head")))
    assert isinstance(again, Failed)
    assert "any.head listens" in again.sentence


def test_what_was_measured_through_the_old_nets_is_not_said_of_the_new_ones(head):
    old = read_head(head)
    results = {"lips": {"clips": 8}, "pictures": {"unheard clips": {}}, "opacity": {"pictures": 3}}
    old = replace(old, card=replace(old.card, training={"results": results}))
    training = adapting.with_audio_nets(old, {}, Adapt(str(head))).card.training
    assert training["results"] == {"opacity": {"pictures": 3}}
    assert training["adapted"]["results before"] == {name: results[name] for name in ("lips", "pictures")}


def test_a_head_is_as_it_was_until_the_end(head, in_few_steps):
    before = head.read_bytes()
    events = run_job(Adapt(str(head), own_voice=(VOICE,)))
    for _ in range(6):
        next(events)
    events.close()
    assert head.read_bytes() == before
    assert [path.name for path in head.parent.iterdir()] == ["anna.head"]
    *_, last = run_job(Adapt(str(head), own_voice=("missing.wav",)))
    assert isinstance(last, Failed)
    assert "missing.wav" in last.sentence
    assert head.read_bytes() == before


def test_a_head_that_is_trained_anew_meanwhile_is_left_alone(head, in_few_steps):
    events = run_job(Adapt(str(head), own_voice=(VOICE,)))
    next(events)
    other = read_head(head)
    other.tensors["face.gaussians.opacities"] = 0.5 * other.tensors["face.gaussians.opacities"]
    write_head(head, other)
    meanwhile = head.read_bytes()
    *_, last = events
    assert "has changed while" in last.sentence
    assert head.read_bytes() == meanwhile


@pytest.mark.parametrize("which", ["voices", "own_voice"])
@pytest.mark.parametrize(
    ("name", "why"), [("no.wav", "no such file"), ("a.txt", "cannot be read as sound"), ("0.wav", "is silent")]
)
def test_a_recording_that_teaches_nothing_is_told_before_anything_is_heard(head, tmp_path, which, name, why):
    (tmp_path / "a.txt").write_text("what is said")
    write_wav(tmp_path / "0.wav", Sound(np.zeros(16000, np.float32)))
    [event] = run_job(replace(Adapt(str(head)), **{which: (VOICE, str(tmp_path / name))}))
    assert isinstance(event, Failed)
    assert event.sentence.startswith(str(tmp_path / name))
    assert why in event.sentence


def test_an_imported_head_is_not_told_to_be_trained_again(head):
    old = read_head(head)
    write_head(head, replace(old, card=replace(old.card, training={}, provenance="imported from anna.ply")))
    *_, last = run_job(Adapt(str(head)))
    assert isinstance(last, Failed)
    assert "anna.head was imported" in last.sentence
    assert "train it again" not in last.sentence
    with pytest.raises(UserError, match="it was imported: use a head trained from video"):
        canonical_landmarks(read_head(head))
