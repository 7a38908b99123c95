# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig in a head's file: it comes back as it was, the head stays the same head, and a damaged one is said."""

from dataclasses import replace

import numpy as np
import pytest

from talksplat.core.formats import (
    Rig,
    RigCard,
    RigChannel,
    RigDrive,
    RigMoves,
    RigRegion,
    UserError,
    read_head,
    read_metadata,
    rig_of,
    with_rig,
    write_head,
)


@pytest.fixture
def rig():
    """Of the 40 Gaussians of `make.head`: two regions, the second without a mouth, whose mouth Gaussians only move."""
    rng = np.random.default_rng(0)

    def moves(channels, numbers, rows):
        return RigMoves(np.array(rows), rng.normal(size=(channels, numbers, len(rows))).astype(np.float16))

    channels = [RigChannel("lips_apart", "lower", -1.0, 9.0), RigChannel("lower_detail_1", "lower", -1.0, 1.0)]
    return Rig(
        RigCard((*channels, RigChannel("blink", "upper", 0.0, 7.0)), 0.1, {"measured": {"speech": {"rms mm": 0.1}}}),
        {"face": rng.normal(size=32).astype(np.float32), "mouth": np.zeros(16, np.float32)},
        {
            "lower": RigRegion(
                np.array([1, 5, 30]),
                rng.normal(size=(2, 3, 9)).astype(np.float32),
                {"face": moves(2, 9, [0, 1, 5]), "mouth": moves(2, 3, [25, 30, 39])},
            ),
            "upper": RigRegion(
                np.array([2]), rng.normal(size=(1, 1, 9)).astype(np.float32), {"face": moves(1, 9, [2, 3])}
            ),
        },
    )


def test_it_comes_back_as_it_was(tmp_path, make, rig):
    write_head(tmp_path / "anna.head", with_rig(make.head(), rig))
    back = rig_of(read_head(tmp_path / "anna.head"))
    assert back.card == rig.card
    for name, region in rig.regions.items():
        assert np.array_equal(back.regions[name].samples, region.samples)
        assert np.array_equal(back.regions[name].solve, region.solve)
        assert back.regions[name].branches.keys() == region.branches.keys()
        for branch, part in region.branches.items():
            assert np.array_equal(back.regions[name].branches[branch].rows, part.rows)
            assert np.array_equal(back.regions[name].branches[branch].moves, part.moves)
    assert all(np.array_equal(back.rest[branch], code) for branch, code in rig.rest.items())


def test_the_head_stays_the_same_head(tmp_path, make, rig):
    """Bakes and performances name a head by its hash: they stay valid. Without its rig it is again the old file."""
    plain, rigged, stripped = tmp_path / "plain.head", tmp_path / "rigged.head", tmp_path / "stripped.head"
    before = write_head(plain, make.head())
    after = write_head(rigged, with_rig(make.head(), rig))
    assert (before.content_hash, before.version) == (after.content_hash, 1)
    assert after.version == 2, "talksplat 0.2.0 says that it is newer, not that it is damaged"
    head = read_head(rigged)
    tensors = {name: array for name, array in head.tensors.items() if not name.startswith("rig.")}
    write_head(stripped, replace(head, tensors=tensors, rig_card=""))
    assert stripped.read_bytes() == plain.read_bytes()
    assert rig_of(read_head(plain)) is None


def test_another_rig_takes_its_place(make, rig):
    one = with_rig(make.head(), rig)
    upper = replace(
        rig, card=replace(rig.card, channels=rig.card.channels[2:]), regions={"upper": rig.regions["upper"]}
    )
    assert not [name for name in with_rig(one, upper).tensors if name.startswith("rig.lower")]


@pytest.mark.parametrize(
    ("tensor", "value"),
    [
        ("rig.lower.samples", None),
        ("rig.lower.samples", np.array([5, 1, 30])),
        ("rig.lower.samples", np.array([-1, 5, 30])),
        ("rig.lower.samples", np.array([1, 5, 40])),
        ("rig.lower.samples", np.array([1, -(2**63), 30])),
        ("rig.lower.samples", np.array([1.0, 5.0, 30.0])),
        ("rig.lower.solve", np.zeros((2, 3, 8), np.float32)),
        ("rig.lower.solve", np.zeros((3, 3, 9), np.float32)),
        ("rig.lower.face.rows", np.array([1, 0, 5])),
        ("rig.lower.face.rows", np.zeros(0, np.int64)),
        ("rig.lower.face.moves", np.zeros((2, 9, 4), np.float16)),
        ("rig.lower.mouth.moves", np.zeros((2, 4, 3), np.float16)),
        ("rig.rest.face", None),
        ("rig.rest.face", np.zeros(31, np.float32)),
    ],
)
def test_a_damaged_rig_is_said(make, rig, tensor, value):
    head = with_rig(make.head(), rig)
    tensors = {name: array for name, array in head.tensors.items() if name != tensor}
    if value is not None:
        tensors[tensor] = value
    with pytest.raises(UserError, match=r"anna\.head: its rig is damaged"):
        rig_of(replace(head, tensors=tensors, source="anna.head"))


@pytest.mark.parametrize("names", [[], ["a", "a"], ["not a name"], ["x" * 61]])
def test_channels_that_make_no_sense_are_said(names):
    with pytest.raises(UserError, match="make the rig again"):
        RigCard(tuple(RigChannel(name, "lower", 0.0, 1.0) for name in names), 0.1)


def test_a_changed_byte_of_the_rig_is_noticed(tmp_path, make, rig):
    path = tmp_path / "anna.head"
    head = with_rig(make.head(), rig)
    write_head(path, head)
    needle = head.tensors["rig.lower.solve"].tobytes()
    data = path.read_bytes()
    assert data.count(needle) == 1
    at = data.index(needle) + 2
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    with pytest.raises(UserError, match=r"anna\.head: its rig does not match its checksum"):
        read_head(path)
    assert "rig" in read_metadata(path)


def driven(rig):
    rng = np.random.default_rng(3)
    audio = {"face": rng.normal(size=(3, 32)), "mouth": rng.normal(size=(3, 16))}
    drive = RigDrive({name: matrix.astype(np.float32) for name, matrix in audio.items()}, np.ones((3, 2), np.float32))
    return replace(rig, drive=drive)


def test_what_drives_the_channels_comes_back_and_only_then_is_the_rig_of_a_newer_version(tmp_path, make, rig):
    write_head(tmp_path / "anna.head", with_rig(make.head(), driven(rig)))
    back = rig_of(read_head(tmp_path / "anna.head"))
    assert (back.card.version, rig_of(with_rig(make.head(), rig)).card.version) == (2, 1)
    for branch, matrix in driven(rig).drive.audio.items():
        assert np.array_equal(back.drive.audio[branch], matrix)
    assert np.array_equal(back.drive.expression, np.ones((3, 2)))
    assert rig_of(with_rig(with_rig(make.head(), driven(rig)), rig)).drive is None, "another rig leaves nothing of it"


@pytest.mark.parametrize("name", ["face", "mouth", "expression", "tongue"])
def test_a_drive_that_is_not_of_the_head_is_said(make, rig, name):
    head = with_rig(make.head(), driven(rig))
    wrong = replace(head, tensors=head.tensors | {f"rig.drive.{name}": np.zeros((3, 7), np.float32)})
    with pytest.raises(UserError, match="rig is damaged"):
        rig_of(wrong)
    lost = {key: value for key, value in head.tensors.items() if not key.startswith("rig.drive")}
    with pytest.raises(UserError, match="rig is damaged"):
        rig_of(replace(head, tensors=lost))
