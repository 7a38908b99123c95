# SPDX-License-Identifier: GPL-3.0-or-later
"""A head that has heard nothing rests: its mouth is not in the middle of a word."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.formats import HeadFile, read_head
from talksplat.core.performance import SILENCE_FILE, Replay, rest_condition

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "sample.head"


@pytest.fixture(scope="module")
def head():
    return read_head(SAMPLE)


def test_numpy_rests_as_the_networks_do(head):
    """Two ways to one result: torch over encoded silence, and one frame's net in numpy."""
    pytest.importorskip("torch")
    from talksplat.core.listening.audio_codes import AudioCodes

    codes = rest_condition(head).audio
    for branch, wanted in AudioCodes(head).rest().items():
        np.testing.assert_allclose(codes[branch], wanted, atol=1e-4 * np.abs(wanted).max())


def test_the_shipped_features_are_those_of_silence():
    pytest.importorskip("onnxruntime")
    from talksplat.samples.pack_silence import features_of_silence

    with np.load(SILENCE_FILE) as rows:
        assert set(rows) >= {"moonshine", "logmel"}
        for name in rows:
            np.testing.assert_allclose(rows[name], features_of_silence(name), atol=1e-4)


def test_rest_is_not_the_mean_of_all_words(head):
    replay = Replay(head)
    moved = np.linalg.norm(replay.at(rest_condition(head)).means - replay.canonical.means, axis=1)
    assert moved.max() > 0.005, "metres: the sample's canonical mouth is open"


@pytest.mark.parametrize("change", ["encoder", "missing", "shape", "nan"])
def test_a_head_whose_silence_is_unknown_is_shown_all_the_same(head, change):
    card, tensors = head.card, dict(head.tensors)
    name = "mouth.audio.frame.2.weight"
    if change == "encoder":
        card = replace(card, audio_encoder="of another time")
    elif change == "missing":
        del tensors[name]
    elif change == "shape":
        tensors[name] = tensors[name][:, :, :1]
    else:
        tensors[name] = np.full_like(tensors[name], np.nan)
    condition = rest_condition(HeadFile(card, tensors, head.source))
    if change == "nan":
        frame = Replay(head).at(condition)
        assert all(np.isfinite(array).all() for array in frame)
    else:
        assert condition is None
