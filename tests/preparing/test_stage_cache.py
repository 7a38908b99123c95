# SPDX-License-Identifier: GPL-3.0-or-later
"""What is stored is read back for the same inputs only; what a kill has damaged counts as missing."""

from fractions import Fraction

import numpy as np
import pytest

from talksplat.core.formats.user_error import UserError
from talksplat.core.preparing.stage_cache import StageCache, fingerprint, model_fingerprint

SHAPES = {"points": ("T", 2), "rate": ()}
KEY = fingerprint(1, "detect", Fraction(25), b"deep")


@pytest.fixture
def cache(tmp_path):
    cache = StageCache(tmp_path)
    cache.put("detect", "a.b", KEY, {"points": np.ones((5, 2)), "rate": np.array(25.0)})
    return cache


def test_round_trip(cache):
    assert cache.get("detect", "a.b", KEY, SHAPES)["points"].shape == (5, 2)
    assert cache.has("detect", "a.b", KEY)
    assert cache.get("detect", "b", KEY, SHAPES) is None


def test_other_inputs_are_other_keys(cache):
    keys = {
        fingerprint(*words) for words in ((1, "detect"), (1, "fit"), (2, "detect"), (1, b"detect"), (1, ["detect"]))
    }
    assert len(keys) == 5
    assert all(cache.get("detect", "a.b", key, SHAPES) is None for key in keys)


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b"",
        lambda b: b[: len(b) // 2],
        lambda b: b[:-1],
        lambda b: b"x" + b[1:],
        lambda b: b[:60] + bytes(20) + b[80:],
    ],
)
def test_a_damaged_entry_is_missing(cache, damage):
    path = cache.path("detect", "a.b")
    path.write_bytes(damage(path.read_bytes()))
    assert cache.get("detect", "a.b", KEY, SHAPES) is None


def test_entries_of_another_shape_are_missing(cache):
    assert cache.get("detect", "a.b", KEY, {"points": ("T", 3)}) is None
    assert cache.get("detect", "a.b", KEY, {"gone": ()}) is None


def test_a_missing_model_ends_in_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"face\.task is missing; prepare in a shell"):
        model_fingerprint(tmp_path / "face.task")
