# SPDX-License-Identifier: GPL-3.0-or-later
"""The phones of the dictionary are those of the encoder's phonetic table."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.aligning.heard_phones import class_scores, moment_count, phone
from talksplat.core.audio import PHONE_CLASSES, Sound

TABLE = Path(__file__).resolve().parents[2] / "samples" / "mouth_net" / "phonetics.toml"


def test_each_phone_is_heard_as_what_the_encoder_was_trained_to_hear():
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["phones"]

    def heard(name):
        row = rows[name]
        return [row["class"]] if "class" in row else [label for part in row["parts"] for label in heard(part)]

    names = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"
    for name in names.split():
        assert [PHONE_CLASSES[number] for number in phone(name).classes] == heard(name), name


@pytest.mark.parametrize("samples", [1, 159, 160, 161, 16000, 170001])
def test_there_is_a_score_for_each_hundredth_of_a_second(samples):
    """Whatever pieces the encoder gives: 170,001 samples are several."""
    sound = Sound(np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32))
    blocks = list(class_scores(sound))
    scores = np.concatenate(blocks)
    assert scores.shape == (moment_count(sound), len(PHONE_CLASSES))
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, atol=1e-3)
