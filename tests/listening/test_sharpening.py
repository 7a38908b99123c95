# SPDX-License-Identifier: GPL-3.0-or-later
"""Words sharpen the lips: made phones with a known path over what an encoder might have heard."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talksplat.core.audio import MOUTH_MEASURES, PHONE_CLASSES, Features, phone_classes
from talksplat.core.formats import TimedLabel, UserError
from talksplat.core.listening import read_spoken_words, sharpening
from talksplat.core.listening.sharpening import APART, MEASURES, PUCKER, SHAPES, WIDTH, K, phone_path, sharpened
from talksplat.core.listening.spoken_words import SpokenWords

PHONETICS = Path(__file__).resolve().parents[2] / "samples" / "mouth_net" / "phonetics.toml"
TIMES = np.arange(400) * 0.01 - 0.5
AH_P_IY = [TimedLabel(1.0, 1.2, "AH"), TimedLabel(1.2, 1.3, "P"), TimedLabel(1.3, 1.5, "IY1")]


def heard(phones, share=0.4, apart=0.5):
    """What an encoder gives that takes each phone for what it is with probability `share`, and opens everywhere."""
    values = np.full((len(TIMES), K + len(PHONE_CLASSES)), 0.02, np.float32)
    values[:, :K] = 0.5
    values[:, APART] = apart
    path = phone_path(phones, TIMES)
    values[np.arange(len(TIMES)), K + np.maximum(path, 0)] = share
    values[:, K:] /= values[:, K:].sum(axis=1, keepdims=True)
    return Features(values, TIMES)


def spoken(features, phones):
    return sharpened(features, phone_path(phones, TIMES)).values


def at(seconds):
    return int(np.abs(TIMES - seconds).argmin())


def test_an_open_mouth_shuts_in_the_p_of_the_words_and_nowhere_else():
    features = heard(AH_P_IY)
    gap = spoken(features, AH_P_IY)[:, APART]
    inside = (TIMES >= 1.2) & (TIMES < 1.3)
    assert gap[inside].min() <= 0
    assert gap[~inside & ((TIMES < 1.15) | (TIMES > 1.35))].min() >= 0.5


def test_the_closure_is_at_the_moment_at_which_the_encoder_hears_it_best():
    features = heard(AH_P_IY)
    for moment in (1.215, 1.27):
        values = features.values.copy()
        values[at(moment), APART] = 0.3
        gap = spoken(Features(values, TIMES), AH_P_IY)[:, APART]
        closed = TIMES[gap <= 0]
        assert abs(closed.mean() - TIMES[at(moment)]) < 0.006
        assert 0.03 <= np.ptp(closed) <= 0.06


def test_a_vowel_moves_towards_its_shape_as_far_as_the_encoder_was_unsure_of_it():
    target = np.array(SHAPES["iy"][1:])
    steps = []
    for share in (0.3, 0.6, 0.98):
        before = heard(AH_P_IY, share)
        after = spoken(before, AH_P_IY)
        steps.append(np.abs(after - before.values)[at(1.4), [WIDTH, PUCKER]])
        assert (np.abs(after[at(1.4), [WIDTH, PUCKER]] - target) <= np.abs(0.5 - target)).all()
    assert (steps[0] > steps[1]).all()
    assert (steps[1] > steps[2]).all()
    assert steps[0].min() > 0.05


def test_a_vowel_opens_and_is_never_closed_by_its_words():
    low, wide = (spoken(heard(AH_P_IY, apart=apart), AH_P_IY)[at(1.05), APART] for apart in (0.2, 1.2))
    assert low > 0.25
    assert wide == pytest.approx(1.2)


def test_probabilities_stay_probabilities_and_the_words_class_gains():
    before = heard(AH_P_IY)
    after = spoken(before, AH_P_IY)[:, K:]
    assert after.sum(axis=1) == pytest.approx(1, abs=1e-5)
    place, row = K + PHONE_CLASSES.index("ah"), at(1.1)
    assert after[row, place - K] > before.values[row, place]


def test_far_from_any_phone_nothing_changes_by_a_bit():
    features = heard(AH_P_IY)
    outside = (TIMES < 0.8) | (TIMES > 1.7)
    assert np.array_equal(spoken(features, AH_P_IY)[outside], features.values[outside])
    assert np.array_equal(spoken(features, []), features.values)


def test_words_that_are_not_what_is_heard_change_nothing():
    features = heard(AH_P_IY, share=0.95)
    wrong = [TimedLabel(*phone[:2], label) for phone, label in zip(AH_P_IY, ("S", "K", "N"))]
    assert SpokenWords("w", tuple(AH_P_IY), "x").sharpen(features) is not None
    assert SpokenWords("w", tuple(wrong), "x").sharpen(features) is None
    assert np.abs(spoken(features, wrong) - features.values).max() < 1e-3


def test_a_wrong_stretch_of_right_words_changes_nothing_there():
    right = [TimedLabel(p.start - 1, p.end - 1, p.label) for p in AH_P_IY]
    features = heard([*right, *(TimedLabel(p.start + 1.2, p.end + 1.2, "S") for p in AH_P_IY)], share=0.95)
    words = [*right, *(TimedLabel(p.start + 1.2, p.end + 1.2, p.label) for p in AH_P_IY)]
    gap = spoken(features, words)[:, APART]
    assert gap[TIMES < 1].min() <= 0
    assert gap[TIMES > 1.5].min() > 0.49


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["AH0", "P", "AY1"], ["ah", "p b", "aa iy"]),
        (["ə", "pʰ", "aj", "tʃ", "iː", "m̩"], ["ah", "p b", "aa iy", "t d sh", "iy", "m"]),
        (["@", "p", "aI", "OY", "i:", "S"], ["ah", "p b", "aa ih", "ao uh", "iy", "sh"]),
        (["b", "øː", "ʀ"], ["p b", "uw", ""]),
    ],
)
def test_phones_of_each_alphabet_are_their_classes(labels, classes):
    found = phone_classes(labels)
    assert [" ".join(PHONE_CLASSES[number] for number in found[label]) for label in labels] == classes


def test_the_shapes_are_those_of_the_phonetic_table():
    rows = tomllib.loads(PHONETICS.read_text(encoding="utf-8"))["phones"]
    for name, (apart, width, pucker) in SHAPES.items():
        shape = rows[name.upper()]["shape"]
        assert (width, pucker) == (shape[MEASURES["mouth_width"]], shape[MEASURES["pucker"]])
        assert apart in (0.0, shape[APART])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 1e9), st.floats(0, 5), st.sampled_from(["P", "AH", "OY", "b", "ʃ", "??", "", "x" * 5000, "\0"])
        ),
        max_size=12,
    )
)
def test_any_phones_give_finite_numbers(rows):
    """Overlapping, out of the sound, endless, of no alphabet."""
    phones = sorted(TimedLabel(start, start + length, label) for start, length, label in rows)
    values = spoken(heard(AH_P_IY), phones)
    assert np.isfinite(values).all()
    assert values[:, :K].min() >= min(target for target, _ in sharpening.CLOSURE.values()) - 1e-6
    assert values[:, :K].max() <= 1.3
    assert len(MOUTH_MEASURES) == K


def test_words_without_phones_are_told_with_the_cure(tmp_path):
    path = tmp_path / "line.srt"
    path.write_text("1\n00:00:00,000 --> 00:00:03,000\nhello\n")
    with pytest.raises(UserError, match=r"line\.srt: says nothing of phones; align its text"):
        read_spoken_words(path)
