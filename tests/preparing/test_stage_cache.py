# SPDX-License-Identifier: GPL-3.0-or-later
"""What is stored comes back for the same causes only; what a kill has left counts as absent."""

from fractions import Fraction

import numpy as np
import pytest

from talksplat.core.formats.user_error import UserError
from talksplat.core.preparing.stage_cache import StageCache, fingerprint, model_print

WANTED = {"points": ("T", 2), "rate": ()}
KEY = fingerprint(1, "look", Fraction(25), b"deep")


@pytest.fixture
def store(tmp_path):
    store = StageCache(tmp_path)
    store.put("look", "a.b", KEY, {"points": np.ones((5, 2)), "rate": np.array(25.0)})
    return store


def test_round_trip(store):
    assert store.get("look", "a.b", KEY, WANTED)["points"].shape == (5, 2)
    assert store.has("look", "a.b", KEY)
    assert store.get("look", "b", KEY, WANTED) is None


def test_other_causes_are_other_keys(store):
    keys = {fingerprint(*words) for words in ((1, "look"), (1, "fit"), (2, "look"), (1, b"look"), (1, ["look"]))}
    assert len(keys) == 5
    assert all(store.get("look", "a.b", key, WANTED) is None for key in keys)


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
def test_a_damaged_entry_is_absent(store, damage):
    path = store.path("look", "a.b")
    path.write_bytes(damage(path.read_bytes()))
    assert store.get("look", "a.b", KEY, WANTED) is None


def test_entries_of_another_shape_are_absent(store):
    assert store.get("look", "a.b", KEY, {"points": ("T", 3)}) is None
    assert store.get("look", "a.b", KEY, {"gone": ()}) is None


def test_a_model_that_was_left_out_ends_in_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"face\.task is missing; prepare in a shell"):
        model_print(tmp_path / "face.task")
