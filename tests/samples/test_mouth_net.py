# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipe of the mouth's net: what the phonetic table says, how neighbours overlap, who is held back, one scale."""

import json

import numpy as np
import pytest

from talksplat.core.audio import MOUTH_MEASURES, PHONE_CLASSES, SOUND_RATE, Sound, mouth_net_card
from talksplat.core.formats import TimedLabel
from talksplat.core.tracking import load_rig
from talksplat.samples.mouth_net.attributions import used_sources
from talksplat.samples.mouth_net.clips import HELD_BACK_TALKERS, all_clips
from talksplat.samples.mouth_net.face_space import to_face_space
from talksplat.samples.mouth_net.fit import EDGE, SHARES, Rows, fit
from talksplat.samples.mouth_net.held_vowels import hold_vowels
from talksplat.samples.mouth_net.phones import PRONUNCIATIONS
from talksplat.samples.mouth_net.phonetics import classes_of, load_phonetics, rests_of, shapes_of, split_diphthongs

NAMES = [measure.name for measure in MOUTH_MEASURES]
APART, WIDTH = NAMES.index("lips_apart"), NAMES.index("mouth_width")
TIMES = np.arange(0, 1.2, 0.01)


def _said(*labels: str, length: float = 0.12) -> list[TimedLabel]:
    return [TimedLabel(i * length, (i + 1) * length, label) for i, label in enumerate(labels)]


def test_the_table_has_the_nets_classes_and_stays_in_range():
    table = load_phonetics()
    assert tuple(table.kinds) == PHONE_CLASSES
    for row in table.phones.values():
        assert row.shape.shape == row.dominance.shape == (len(NAMES),)
        assert row.shape.min() >= 0
        assert row.shape.max() <= 1
        assert row.dominance.min() > 0


def test_every_pronunciation_is_made_of_phones_that_the_table_knows():
    table = load_phonetics()
    known = {*table.phones, *table.parts}
    for words in json.loads(PRONUNCIATIONS.read_text(encoding="utf-8")).values():
        assert {phone for said in words.values() for phone in said.split()} <= known


def test_lips_meet_in_a_closure_and_part_in_the_vowels_beside_it():
    shapes = shapes_of(_said("AA", "M", "AA"), TIMES)[:, APART]
    assert shapes[18] < 0.1
    assert min(shapes[6], shapes[30]) > 0.6


def test_rounding_reaches_into_a_neighbour_farther_than_a_closure_does():
    """Löfqvist's dominance: the consonants before an oo are rounded already."""
    rounded, plain = shapes_of(_said("S", "T", "UW"), TIMES), shapes_of(_said("S", "T", "IY"), TIMES)
    assert np.all(rounded[8:24, WIDTH] < plain[8:24, WIDTH] - 0.05)


def test_a_long_silence_is_rest_and_a_short_one_leaves_lips_parted():
    long = [TimedLabel(0, 0.12, "AA"), TimedLabel(0.12, 1.0, "SIL"), TimedLabel(1.0, 1.12, "AA")]
    rest = np.array([measure.rest for measure in MOUTH_MEASURES])
    assert np.abs(shapes_of(long, TIMES)[55] - rest).max() < 0.1
    assert [(r.start, r.end) for r in rests_of(long)] == [(0.12, 1.0)]
    assert shapes_of(_said("AA", "SIL", "AA"), TIMES)[18, APART] > 0.3


def test_a_diphthong_is_its_parts_and_a_noise_is_no_class():
    assert [(p.label, round(p.end, 3)) for p in split_diphthongs(_said("AY"))] == [("AA", 0.066), ("IY", 0.12)]
    classes = classes_of(_said("AY", "NOISE"), TIMES)
    assert [PHONE_CLASSES[classes[k]] for k in (2, 10)] == ["aa", "iy"]
    assert classes[15] == -1


def test_a_nod_and_a_step_towards_the_camera_are_no_speech():
    face = load_rig().landmarks.neutral
    pixels = face[None] * (1.0, 1.0, -1.0)
    pixels = pixels[..., [0, 2, 1]] * 900
    angle = 0.2
    nod = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    moved = 1.3 * pixels @ nod.T + (40, -25, 300)
    assert np.allclose(to_face_space(pixels), face, atol=1e-9)
    assert np.allclose(to_face_space(moved), face, atol=1e-9)


def test_a_held_vowel_is_the_same_voice_longer_and_its_clock_says_where():
    """A tone of 120 Hz with the formants of an ah between two noises: the same tone and spectrum, no clicks."""
    t = np.arange(SOUND_RATE) / SOUND_RATE
    rng = np.random.default_rng(0)
    voice = sum(np.cos(2 * np.pi * 120 * k * t) / (1 + ((120 * k - 730) / 120) ** 2) for k in range(1, 20))
    sound = Sound((0.2 * np.where((t > 0.3) & (t < 0.7), voice, 0.1 * rng.normal(size=len(t)))).astype(np.float32))
    phones = [TimedLabel(0.0, 0.3, "SIL"), TimedLabel(0.3, 0.7, "AA"), TimedLabel(0.7, 1.0, "SIL")]
    longer, clock = hold_vowels(sound, phones, rng)
    assert np.all(np.diff(clock) > 0)
    assert clock[0, -1] == pytest.approx(longer.duration)
    assert 0.5 < longer.duration - sound.duration + 0.2 < 3.1
    first, last = (clock[0, 1:3] * SOUND_RATE).round().astype(int)
    assert np.array_equal(longer.samples[:first], sound.samples[:first])
    assert np.array_equal(longer.samples[last:], sound.samples[round(clock[1, 2] * SOUND_RATE) :])
    held, spoken = longer.samples[first:last], sound.samples[round(0.42 * SOUND_RATE) : round(0.58 * SOUND_RATE)]
    assert np.sqrt(np.mean(held**2)) == pytest.approx(np.sqrt(np.mean(spoken**2)), rel=0.1)
    assert np.abs(np.diff(longer.samples[first - 9 : last + 9])).max() < 1.3 * np.abs(np.diff(spoken)).max()
    for part in (held, spoken):
        power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
        assert abs(np.fft.rfftfreq(len(part), 1 / SOUND_RATE)[power.argmax()] - 720) < 12
    assert np.all(shapes_of(phones, np.interp(np.arange(clock[0, 1], clock[0, 2], 0.01), *clock))[:, APART] > 0.7)


def _rows(classes: np.ndarray, rng: np.random.Generator, group: str) -> Rows:
    inputs, measures = rng.normal(size=(len(classes) + 2 * EDGE, 120)), rng.random((len(classes), len(NAMES)))
    weights = np.ones(measures.shape, np.float32)
    return Rows(
        inputs.astype(np.float32), measures.astype(np.float32), weights, classes.copy(), group == "own",
        group == "voices",
    )  # fmt: skip


def test_a_training_is_seeded_and_what_it_doubts_the_next_one_hears_again():
    rng = np.random.default_rng(0)
    closures = np.full(400, PHONE_CLASSES.index("m"))
    groups = {name: [_rows(closures, rng, name)] for name in SHARES}
    one, two, other = (fit(groups, 4, 2, seed).tensors() for seed in (1, 1, 2))
    assert groups["voices"][0].weights.all()
    assert np.array_equal(groups["voices"][0].classes, closures)
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert not np.array_equal(one["input.weight"], other["input.weight"])


@pytest.mark.shared_data
def test_nobody_is_on_both_sides(shared_data):
    clips = all_clips(shared_data)
    held, heard = (
        {clip.speaker for clip in clips if clip.held_back == side and clip.speaker != "s1"} for side in (1, 0)
    )
    assert not held & heard
    assert held >= set(HELD_BACK_TALKERS)
    assert {clip.language for clip in clips if clip.held_back} >= {"en", "de", "fr", "es", "pt", "sv", "ja", "zh"}


@pytest.mark.shared_data
def test_every_file_that_was_used_is_on_the_card(shared_data):
    """Each with a licence, and as many as the card says."""
    sources = used_sources(all_clips(shared_data))
    assert all(row.licence for row in sources)
    named = [{k: row[k] for k in ("source", "licence", "clips")} for row in mouth_net_card()["trained_on"]]
    assert named == [{"source": r.source, "licence": r.licence, "clips": r.clips} for r in sources]
