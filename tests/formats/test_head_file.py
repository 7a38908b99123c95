# SPDX-License-Identifier: GPL-3.0-or-later
"""A head round-trips, is identified by its hash, and is rejected when it does not match its card."""

import hashlib
import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from talksplat.core.formats.gaussians import COLUMNS
from talksplat.core.formats.head_file import HEAD_FORMAT, HeadFile, content_hash, read_head, write_head
from talksplat.core.formats.tensors import read_tensors, write_tensors
from talksplat.core.formats.user_error import UserError


def test_round_trip(tmp_path, make):
    head = make.head(model_rate=Fraction(30000, 1001))
    card = write_head(tmp_path / "anna.head", head)
    back = read_head(tmp_path / "anna.head")
    assert back.card == card == replace(head.card, content_hash=content_hash(head.tensors))
    assert set(back.tensors) == set(head.tensors)
    for name, array in head.tensors.items():
        np.testing.assert_array_equal(back.tensors[name], array)
        assert back.tensors[name].dtype == array.dtype
    mouth = back.gaussians("mouth")
    for column in COLUMNS:
        np.testing.assert_array_equal(getattr(mouth, column), head.tensors[f"mouth.gaussians.{column}"])
    assert list(back.part("face.field")) == ["net.0.weight"]
    assert back.part("fac") == {}
    assert json.loads(read_tensors(tmp_path / "anna.head")[1]["card"])["model_rate"] == "30000/1001"


def test_an_invalid_card_is_named(make):
    for change, match in (
        ({"model_rate": Fraction(0)}, "model_rate"),
        ({"branches": {"mouth": {}}}, "face"),
        ({"branches": {"face": {}, "hair": {}}}, "hair"),
        ({"audio_code": {"face": 0}}, "audio_code"),
        ({"blend": "gamma"}, "blend"),
    ):
        with pytest.raises(UserError, match=match):
            make.head(**change)


def test_the_hash_sees_names_shapes_types_and_values():
    base = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(2, np.int32)}
    others = [
        {"a": base["a"], "c": base["b"]},
        {**base, "a": base["a"].reshape(3, 2)},
        {**base, "b": np.zeros(2, np.float32)},
        {**base, "a": -base["a"]},
    ]
    assert content_hash(base) == content_hash(dict(reversed(base.items())))
    assert content_hash(base) == content_hash({**base, "a": np.asfortranarray(base["a"])})
    assert len({content_hash(o) for o in [base, *others]}) == 5


def rewritten(path, tensors=None, **metadata):
    """The head at `path`, written again with other tensors or metadata by someone who knows no hashes."""
    old, notes = read_tensors(path)
    write_tensors(path, {**old, **(tensors or {})}, {**notes, **metadata})
    return path


def test_a_display_head_is_written_as_before_and_a_linear_one_asks_older_programs_for_an_update(tmp_path, make):
    """0.2.0 rejects a field that it does not know, and would blend codes; the tensors and their hash are the same."""
    head = make.head()
    display = write_head(tmp_path / "display.head", head)
    linear = write_head(tmp_path / "linear.head", replace(head, card=replace(head.card, blend="linear")))
    cards = [json.loads(read_tensors(tmp_path / f"{name}.head")[1]["card"]) for name in ("display", "linear")]
    assert "blend" not in cards[0]
    assert (cards[0]["version"], cards[1]["version"], cards[1]["blend"]) == (1, 3, "linear")
    assert display.content_hash == linear.content_hash
    assert read_head(tmp_path / "display.head").card.blend == "display"
    assert read_head(tmp_path / "linear.head").card.blend == "linear"


def test_a_newer_version_is_named(tmp_path, make):
    path = make.write_head(tmp_path / "anna.head")
    card = json.loads(read_tensors(path)[1]["card"])
    rewritten(path, card=json.dumps({**card, "version": 5, "soul": "yes"}))
    with pytest.raises(UserError, match=r"anna\.head: made by a newer talksplat \(version 5\); update"):
        read_head(path)


@pytest.mark.parametrize(
    "change",
    [
        {"card": "{}"},
        {"card": "7"},
        {"card": "{"},
        {"card": '{"version": true}'},
        {"card_sha256": "0"},
        {"format": "talksplat.performance"},
    ],
)
def test_altered_cards_are_rejected(tmp_path, make, change):
    with pytest.raises(UserError, match=r"anna\.head"):
        read_head(rewritten(make.write_head(tmp_path / "anna.head"), **change))


def test_altered_tensors_are_rejected(tmp_path, make):
    path = rewritten(make.write_head(tmp_path / "anna.head"), {"face.field.net.0.weight": np.ones((4, 5), np.float16)})
    with pytest.raises(UserError, match="do not match their checksum"):
        read_head(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("face.field.net.0.weight", np.full((4, 5), np.nan, np.float16)),
        ("face.gaussians.means", np.full((20, 3), np.inf, np.float32)),
        ("mouth.gaussians.scales", np.zeros((20, 3), np.float32)),
        ("mouth.gaussians.opacities", np.full(20, 1.5, np.float32)),
        ("mouth.gaussians.quats", np.zeros((20, 4), np.float32)),
        ("mouth.gaussians.shN", np.zeros((20, 8, 3), np.float32)),
        ("face.gaussians.shN", np.zeros((20, 4, 3), np.float32)),
        ("face.gaussians.sh0", np.zeros((19, 3), np.float32)),
        ("face.gaussians.soul", np.zeros((20, 3), np.float32)),
    ],
)
def test_a_head_that_could_not_be_read_is_not_written_and_not_read(tmp_path, make, name, value):
    head = make.head()
    bad = HeadFile(head.card, {**head.tensors, name: value})
    with pytest.raises(UserError):
        write_head(tmp_path / "anna.head", bad)
    assert not list(tmp_path.iterdir())
    path = make.write_head(tmp_path / "anna.head")
    card = json.loads(read_tensors(path)[1]["card"]) | {"content_hash": content_hash(bad.tensors)}
    text = json.dumps(card)
    write_tensors(
        path,
        bad.tensors,
        {"format": HEAD_FORMAT, "card": text, "card_sha256": hashlib.sha256(text.encode()).hexdigest()},
    )
    with pytest.raises(UserError, match=r"anna\.head"):
        read_head(path)


def test_a_missing_column_is_named(make):
    head = make.head()
    tensors = {k: v for k, v in head.tensors.items() if k != "mouth.gaussians.quats"}
    with pytest.raises(UserError, match="quats"):
        HeadFile(head.card, tensors).gaussians("mouth")


def test_an_antialiased_head_asks_older_programs_for_an_update(tmp_path, make):
    """They would draw it too thin; every other head is written as it was."""
    head = make.head()
    for antialiased, version in ((False, 1), (True, 4)):
        card = write_head(tmp_path / "a.head", replace(head, card=replace(head.card, antialiased=antialiased)))
        stored = json.loads(read_tensors(tmp_path / "a.head")[1]["card"])
        assert (stored["version"], stored.get("antialiased")) == (version, True if antialiased else None)
        assert read_head(tmp_path / "a.head").card == card
