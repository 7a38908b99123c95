# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake keeps its error bound, reads in any order, and after any cut ends with the bytes of an uninterrupted run."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.formats.bake_header import BakeHeader
from talksplat.core.formats.bake_index import ROW
from talksplat.core.formats.bake_writer import BakeWriter
from talksplat.core.formats.deltas import MAX_CHANGE, decode, encode, morton_order
from talksplat.core.formats.records import pack_record
from talksplat.core.formats.user_error import UserError


@settings(deadline=None)
@given(
    n=st.integers(0, 40),
    seed=st.integers(0, 999),
    share=st.sampled_from([0.0, 0.1, 1.0]),
    size=st.sampled_from([0.0, 1e-30, 1e-6, 1.0, 5.0]),
)
def test_any_frame_decodes_within_the_errors_it_states(make, n, seed, share, size):
    canonical = make.gaussians(n, 0, seed)
    order = morton_order(canonical.means)
    assert sorted(order) == list(range(n))
    frame = make.moved_frame(canonical, seed, share, size)
    coded, errors = encode(canonical, order, frame)
    means, quats, scales = back = tuple(np.empty_like(a) for a in frame)
    decode(coded, canonical, order, back)
    assert np.linalg.norm(means - frame[0], axis=1).max(initial=0) <= errors.position
    assert np.abs(np.log(scales / frame[2])).max(initial=0) <= errors.log_scale
    near = np.where(np.sum(frame[1] * canonical.quats, 1, keepdims=True) < 0, -frame[1], frame[1])
    assert np.linalg.norm(quats - near, axis=1).max(initial=0) <= errors.quaternion + 1e-6
    np.testing.assert_allclose(np.linalg.norm(quats, axis=1), 1, atol=1e-6)
    # The bound itself follows from the step: half a step a channel, and float32's own rounding.
    largest = np.abs(means - canonical.means).max(initial=0)
    assert errors.position <= np.sqrt(3) * largest / 32767 / 2 * 1.01 + 1e-7


def test_gaussians_at_rest_come_back_bit_for_bit_and_cost_nothing(make):
    canonical = make.gaussians(4000, 0)
    order = morton_order(canonical.means)
    frame = make.moved_frame(canonical, 1, share=0.1)
    coded, _ = encode(canonical, order, frame)
    back = tuple(np.empty_like(a) for a in frame)
    decode(coded, canonical, order, back)
    still = (frame[0] == canonical.means).all(1)
    assert still.mean() > 0.8
    for values, name in zip(back, ("means", "quats", "scales")):
        np.testing.assert_array_equal(values[still], getattr(canonical, name)[still])
    assert len(coded) < 0.1 * 4000 * 20 * 1.3 + 700  # ten int16 a moved Gaussian, and a bit for each
    nothing, errors = encode(canonical, order, (canonical.means, -canonical.quats, canonical.scales))
    assert len(nothing) < 200
    assert errors.position == errors.quaternion == errors.log_scale == 0


@pytest.mark.parametrize(
    "frame",
    [
        lambda m, q, s: (m * np.nan, q, s),
        lambda m, q, s: (m, q * 2, s),
        lambda m, q, s: (m, q * 0, s),
        lambda m, q, s: (m, q, -s),
        lambda m, q, s: (m, q, s * 0),
        lambda m, q, s: (m, q, s * np.inf),
        lambda m, q, s: (m + 2 * MAX_CHANGE[0], q, s),
        lambda m, q, s: (m, q, s * np.exp(25)),
        lambda m, q, s: (m[:-1], q[:-1], s[:-1]),
    ],
)
def test_frames_that_cannot_be_stored_are_rejected_and_not_written(tmp_path, make, frame):
    canonical, card = make.gaussians(30), make.bake_card()
    with BakeWriter.open(tmp_path / "a.bake", card, canonical, make.branch_labels(canonical)) as writer:
        size = (tmp_path / "a.bake").stat().st_size
        with pytest.raises(UserError, match=r"a\.bake: frame 1 "):
            writer.append(1, *frame(canonical.means, canonical.quats, canonical.scales))
        assert (tmp_path / "a.bake").stat().st_size == size
        assert writer.done == set()


def test_round_trip_in_any_order(tmp_path, make):
    path, canonical = make.write_bake(tmp_path / "a.bake", 300), make.gaussians(300)
    with BakeReader.open(path) as bake:
        bake.verify()
        assert bake.card == make.bake_card()
        assert bake.complete
        assert bake.frames == (-1, 0, 1, 2, 3)
        np.testing.assert_array_equal(bake.branch, make.branch_labels(canonical))
        for name in ("means", "quats", "scales", "opacities", "sh0", "shN"):
            np.testing.assert_array_equal(getattr(bake.canonical, name), getattr(canonical, name))
        into = tuple(np.full_like(getattr(canonical, name), 9) for name in ("means", "quats", "scales"))
        for number in (3, -1, 2, 2):
            means, quats, scales = bake.frame(number)
            true = make.moved_frame(canonical, number)
            assert np.abs(means - true[0]).max() <= bake.manifest.error.position
            assert np.abs(np.abs(np.sum(quats * true[1], 1)) - 1).max() < 1e-6
            assert np.abs(np.log(scales / true[2])).max() <= bake.manifest.error.log_scale
            assert all(a.dtype == np.float32 and a.flags.c_contiguous for a in (means, quats, scales))
            filled = bake.frame(number, into)
            assert all(f is i and np.array_equal(f, a) for f, i, a in zip(filled, into, (means, quats, scales)))
            assert bake.errors(number).position <= bake.manifest.error.position
        with pytest.raises(UserError, match="frame 4 is not baked"):
            bake.frame(4)


def test_many_threads_read_the_same(tmp_path, make):
    path = make.write_bake(tmp_path / "a.bake", 500, 8)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads meet as often as they can
    try:
        with BakeReader.open(path) as bake, ThreadPoolExecutor(6) as pool:
            alone = {f: bake.frame(f) for f in bake.frames}
            wanted = [int(f) for f in np.random.default_rng(0).choice(bake.frames, 600)]
            for number, frame in zip(wanted, pool.map(bake.frame, wanted)):
                assert all(np.array_equal(a, b) for a, b in zip(frame, alone[number]))
    finally:
        sys.setswitchinterval(interval)


def test_after_every_cut_the_bytes_are_those_of_an_uninterrupted_run(tmp_path, make):
    card, canonical = make.bake_card(3), make.gaussians(4)
    complete_bytes = make.write_bake(tmp_path / "complete.bake", 4, 3).read_bytes()
    make.continue_bake(tmp_path / "none.bake", card, canonical, most=0)
    start = (tmp_path / "none.bake").stat().st_size
    path = tmp_path / "cut.bake"
    found = []
    ends = [
        i for i in range(start, len(complete_bytes)) if complete_bytes[i : i + 4] in (b"FRAM", b"INDX", b"DONE")
    ] + [len(complete_bytes)]
    for size in range(start, len(complete_bytes) + 1):
        if size % 4 and not any(-3 <= size - end <= 26 for end in ends):
            continue  # every byte around a record's head, every fourth inside its payload
        path.write_bytes(complete_bytes[:size])
        with BakeReader.open(path) as half:  # the stored frames can be read meanwhile
            assert half.complete == (size == len(complete_bytes))
            seen = half.frames
            for number in seen:
                half.frame(number)
        found.append(make.continue_bake(path, card, canonical))
        assert found[-1] == set(seen)
        assert path.read_bytes() == complete_bytes
    assert [len(f) for f in found] == sorted(len(f) for f in found)
    assert {len(f) for f in found} == {0, 1, 2, 3}


@pytest.mark.parametrize("tail", [bytes(3), bytes(5000), b"FRAM" + bytes(40), b"\xff" * 100])
def test_a_tail_of_garbage_is_truncated(tmp_path, make, tail):
    card, canonical, path = make.bake_card(4), make.gaussians(20), tmp_path / "a.bake"
    make.continue_bake(path, card, canonical, most=2)
    path.write_bytes(path.read_bytes() + tail)
    assert make.continue_bake(path, card, canonical) == {-1, 0}
    assert path.read_bytes() == make.write_bake(tmp_path / "b.bake", 20, 4).read_bytes()


def test_damage_inside_is_found_and_repaired(tmp_path, make):
    card, canonical, path = make.bake_card(), make.gaussians(60), make.write_bake(tmp_path / "a.bake")
    complete_bytes = path.read_bytes()
    at = complete_bytes.index(
        b"FRAM", complete_bytes.index(b"FRAM", complete_bytes.index(b"FRAM") + 1) + 1
    )  # the third frame
    for place in (at + 4, at + 60):
        path.write_bytes(complete_bytes[:place] + bytes([complete_bytes[place] ^ 1]) + complete_bytes[place + 1 :])
        with pytest.raises(UserError, match=r"a\.bake"), BakeReader.open(path) as bake:
            bake.frame(1)
        assert make.continue_bake(path, card, canonical) == {-1, 0}
        assert path.read_bytes() == complete_bytes


def test_the_bake_of_a_killed_writer_can_be_continued(tmp_path, make):
    """The process dies in the middle of writing a record, without a word."""
    path, canonical = tmp_path / "a.bake", make.gaussians(60)
    np.savez(
        tmp_path / "table.npz",
        **{n: getattr(canonical, n) for n in vars(canonical)},
        **{f"{f}.{i}": a for f in (-1, 0, 1) for i, a in enumerate(make.moved_frame(canonical, f))},
        branch=make.branch_labels(canonical),
    )
    code = f"""
import os, numpy as np
from fractions import Fraction
from talksplat.core.formats.bake_header import BakeCard
from talksplat.core.formats.bake_writer import BakeWriter
from talksplat.core.formats.gaussians import COLUMNS, Gaussians
a = np.load({str(tmp_path / "table.npz")!r})
table = Gaussians(*(a[n] for n in COLUMNS))
card = BakeCard(**{vars(make.bake_card())!r})
writer = BakeWriter.open({str(path)!r}, card, table, a["branch"])
write = type(writer._file).write
for frame in (-1, 0, 1):
    if frame == 1:
        class Torn:
            def write(self, data): write(writer.__dict__["real"], bytes(data)[:50]); os._exit(9)
        writer.real, writer._file = writer._file, Torn()
    writer.append(frame, *(a[f"{{frame}}.{{i}}"] for i in range(3)))
"""
    root = Path(sys.modules["talksplat"].__file__).parent.parent
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *filter(None, sys.path)])},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 9, ended.stderr
    assert sorted(p.name for p in tmp_path.glob("*.bake*")) == ["a.bake", "a.bake.index"]
    assert make.continue_bake(path, make.bake_card(), canonical) == {-1, 0}
    assert path.read_bytes() == make.write_bake(tmp_path / "b.bake").read_bytes()


def test_the_bake_of_another_shot_is_rejected_and_left_unchanged(tmp_path, make):
    path, canonical = make.write_bake(tmp_path / "a.bake"), make.gaussians(60)
    before, card = path.read_bytes(), make.bake_card()
    others = [
        replace(card, fps=Fraction(24)),
        replace(card, frame_start=0),
        replace(card, audio_hash="ef" * 32),
        replace(card, head_hash="ef" * 32),
        replace(card, offset=0.5),
        replace(card, controls={"intensity": 2.0}),
    ]
    assert len({c.shot for c in [card, *others]}) == 7
    assert replace(card, name="b", head="c", audio="d").shot == card.shot
    for other in others:
        with pytest.raises(UserError, match=r"a\.bake: holds another shot \(\w+ differ\)"):
            BakeWriter.open(path, other, canonical, make.branch_labels(canonical))
    with pytest.raises(UserError, match="the Gaussians differ"):
        BakeWriter.open(path, card, make.gaussians(60, seed=7), make.branch_labels(canonical))
    assert path.read_bytes() == before
    make.continue_bake(path, replace(card, head="moved/anna.head"), canonical)
    assert path.read_bytes() == before


def test_one_writer_at_a_time(tmp_path, make):
    path, card, canonical = tmp_path / "a.bake", make.bake_card(), make.gaussians(20)
    with BakeWriter.open(path, card, canonical, make.branch_labels(canonical)) as writer:
        with pytest.raises(UserError, match="another process is writing"):
            BakeWriter.open(path, card, canonical, make.branch_labels(canonical))
        writer.append(2, *make.moved_frame(canonical, 2))
    assert make.continue_bake(path, card, canonical) == {2}


def test_a_reader_follows_a_running_bake(tmp_path, make):
    path, card, canonical = tmp_path / "a.bake", make.bake_card(), make.gaussians(20)
    make.continue_bake(path, card, canonical, most=1)
    with BakeReader.open(path) as bake:
        assert bake.frames == (-1,)
        make.continue_bake(path, card, canonical, most=2)
        bake.refresh()
        assert bake.frames == (-1, 0, 1)
        assert not bake.complete
        make.continue_bake(path, card, canonical)
        bake.refresh()
        assert bake.complete
        bake.verify()


def test_misuse_raises_value_errors(tmp_path, make):
    canonical, card = make.gaussians(20), make.bake_card()
    with BakeWriter.open(tmp_path / "a.bake", card, canonical, make.branch_labels(canonical)) as writer:
        with pytest.raises(ValueError, match="not baked yet"):
            writer.finish()
        for frame in (-2, 4):
            with pytest.raises(ValueError, match="outside"):
                writer.append(frame, *make.moved_frame(canonical, 0))
        writer.append(0, *make.moved_frame(canonical, 0))
        with pytest.raises(ValueError, match="already"):
            writer.append(0, *make.moved_frame(canonical, 0))
    with pytest.raises(ValueError, match="do not match"):
        BakeWriter.open(tmp_path / "b.bake", card, canonical, np.zeros(20, np.int32))


class CountingFile:
    """A file that counts its reads."""

    def __init__(self, file):
        self._file, self.reads = file, 0

    def __getattr__(self, name):
        return getattr(self._file, name)

    def read(self, count=-1):
        self.reads += 1
        return self._file.read(count)


def write_tiny_bake(path, make, count, version=2):
    canonical = make.gaussians(2, 0)
    card = make.bake_card(count, sh_degree=0, version=version)
    with BakeWriter.open(path, card, canonical, make.branch_labels(canonical)) as writer:
        for frame in card.span:
            writer.append(frame, canonical.means + frame * 1e-6, canonical.quats, canonical.scales)
        writer.finish()
    return path


def open_counting(path):
    """(an open bake, how many reads opening it took)."""
    counting = CountingFile(open(path, "rb"))
    bake = BakeReader(BakeHeader(counting, path.stat().st_size, path), path.stat().st_size)
    return bake, counting.reads


def test_opening_costs_the_same_for_a_minute_and_an_hour(tmp_path, make):
    reads = {}
    for count in (10, 2000):
        bake, reads[count] = open_counting(write_tiny_bake(tmp_path / f"{count}.bake", make, count))
        with bake:
            assert bake.complete
            assert bake.frames == tuple(bake.card.span)
            assert bake.frames is bake.frames  # not sorted at each call
            bake.frame(bake.card.span[-1])
    assert reads[10] == reads[2000] < 20


@pytest.mark.parametrize("version", [1, 2])
def test_opening_an_unfinished_bake_costs_the_same_too(tmp_path, make, version):
    """While it is baked, after a cancel, and in the version that never has an index of its own."""
    card, canonical, path = make.bake_card(700, sh_degree=0, version=version), make.gaussians(2, 0), tmp_path / "a.bake"
    with BakeWriter.open(path, card, canonical, make.branch_labels(canonical)) as writer:
        for frame in card.span[:600]:
            writer.append(frame, canonical.means + frame * 1e-6, canonical.quats, canonical.scales)
        running, reads = open_counting(path)
        assert reads < 20
        writer.append(card.span[600], canonical.means, canonical.quats, canonical.scales)
        running.refresh()
        assert running.frames == tuple(card.span[:601])
        running.close()
    bake, reads = open_counting(path)
    assert reads < 20
    stored = bake._frames
    bake.close()
    Path(f"{path}.index").unlink()
    bake, _ = open_counting(path)
    assert bake._frames == stored
    bake.close()
    make.continue_bake(path, card, canonical)
    bake, reads = open_counting(path)
    assert (bake.complete, reads < 20) == (True, True)
    assert Path(f"{path}.index").exists() == (version == 1)
    bake.close()


def test_a_table_beside_a_bake_that_lies_is_not_believed(tmp_path, make):
    """Of another bake, of a longer one (a power cut), cut off, or with any byte changed: the same frames are read."""
    card, canonical, path = make.bake_card(9), make.gaussians(20), tmp_path / "a.bake"
    make.continue_bake(path, card, canonical, most=5)
    table, shorter = Path(f"{path}.index"), path.read_bytes()
    make.continue_bake(path, card, canonical, most=2)
    longer = table.read_bytes()
    path.write_bytes(shorter)
    make.continue_bake(tmp_path / "b.bake", make.bake_card(9, name="berta"), canonical, most=5)
    rng = np.random.default_rng(0)
    lies = [b"", longer, longer[:50], Path(f"{tmp_path / 'b.bake'}.index").read_bytes(), longer * 3]
    for _ in range(60):
        changed = bytearray(longer)
        changed[rng.integers(len(changed))] ^= 1 << rng.integers(8)
        lies.append(bytes(changed))
    for lie in lies:
        table.write_bytes(lie)
        with BakeReader.open(path) as bake:
            assert bake.frames == tuple(card.span[:5])


def test_a_bake_opens_alike_with_and_without_its_index(tmp_path, make, monkeypatch):
    path = make.write_bake(tmp_path / "a.bake")
    with BakeReader.open(path) as bake:
        indexed = bake._frames, bake.manifest, bake._header.end
        bake.refresh()
    monkeypatch.setattr(BakeHeader, "indexed_records", lambda self, size: None)
    with BakeReader.open(path) as bake:
        assert (bake._frames, bake.manifest, bake._header.end) == indexed


def test_a_bake_that_0_1_0_began_is_finished_as_0_1_0_does(tmp_path, make):
    card, canonical, path = make.bake_card(4, version=1), make.gaussians(20), tmp_path / "a.bake"
    make.continue_bake(path, card, canonical, most=2)
    make.continue_bake(path, replace(card, version=2), canonical)
    assert b"INDX" not in path.read_bytes()
    with BakeReader.open(path) as bake:
        bake.verify()
        assert bake.complete
        assert bake.card.version == 1
    make.continue_bake(tmp_path / "new.bake", replace(card, version=2), canonical)
    assert b"INDX" in (tmp_path / "new.bake").read_bytes()


@pytest.mark.parametrize("place", [4, 30, 60, -30, -5])
def test_a_damaged_index_is_written_again(tmp_path, make, place):
    card, canonical, path = make.bake_card(), make.gaussians(60), make.write_bake(tmp_path / "a.bake")
    complete_bytes = path.read_bytes()
    at = complete_bytes.index(b"INDX") + place if place > 0 else len(complete_bytes) + place
    path.write_bytes(complete_bytes[:at] + bytes([complete_bytes[at] ^ 1]) + complete_bytes[at + 1 :])
    with pytest.raises(UserError, match=r"a\.bake"):
        BakeReader.open(path)
    assert make.continue_bake(path, card, canonical) == set(card.span)
    assert path.read_bytes() == complete_bytes


def read_every_frame(path):
    with BakeReader.open(path) as bake:
        for number in bake.frames:
            bake.frame(number)


def test_an_index_that_lies_is_not_believed(tmp_path, make):
    """Its checksums are right; it names other places, frames outside the shot, or one frame twice."""
    path = make.write_bake(tmp_path / "a.bake", 12, 3)
    content = path.read_bytes()
    start, done = content.index(b"INDX"), content.index(b"DONE")
    rows = np.frombuffer(content[start + 24 : done], ROW)
    for column, row, value in [
        ("number", 0, 99),
        ("number", 0, 1),
        ("length", 0, 1 << 31),
        ("length", 1, 0),
        ("crc", 2, 7),
    ]:
        lying = rows.copy()
        lying[column][row] = value
        path.write_bytes(content[:start] + pack_record(b"INDX", 0, lying.tobytes()) + content[done:])
        with pytest.raises(UserError, match=r"a\.bake"):
            read_every_frame(path)


@pytest.mark.parametrize("kind", ["controls.brows", "pose.smile"])
@pytest.mark.parametrize(
    "curve", [np.zeros(3), np.zeros((4, 1)), np.zeros(4, np.float32), np.array([0, 1, np.nan, 0])], ids=str
)
def test_keyframed_controls_and_poses_that_do_not_fit_the_shot_are_one_sentence(tmp_path, make, curve, kind):
    """One number a frame, as the card counts them: whatever else a file claims is damage."""
    canonical = make.gaussians(20)
    card = replace(make.bake_card(), frame_count=4)
    path = tmp_path / "a.bake"
    whole = {"brows": np.arange(4.0)}, {"smile": np.arange(4.0) / 2}
    with BakeWriter.open(path, card, canonical, make.branch_labels(canonical), *whole):
        pass
    with BakeReader.open(path) as bake:
        np.testing.assert_array_equal(bake.keyed_controls["brows"], np.arange(4.0))
        np.testing.assert_array_equal(bake.pose_change["smile"], np.arange(4.0) / 2)
    damaged = tmp_path / "damaged.bake"
    _write_with_curve(damaged, card, canonical, make.branch_labels(canonical), {kind: curve})
    with pytest.raises(UserError, match="keyframed controls"):
        BakeReader.open(damaged)


def _write_with_curve(path, card, canonical, branch, curves):
    import io

    from talksplat.core.formats.bake_header import BAKE_MAGIC, BASE, CARD
    from talksplat.core.formats.deltas import morton_order
    from talksplat.core.formats.gaussians import COLUMNS
    from talksplat.core.formats.json_codec import to_json
    from talksplat.core.formats.records import pack_record
    from talksplat.core.formats.tensors import dump_tensors

    base = io.BytesIO()
    columns = {name: getattr(canonical, name) for name in COLUMNS}
    dump_tensors(base, {**columns, "branch": branch, "order": morton_order(canonical.means), **curves})
    path.write_bytes(BAKE_MAGIC + pack_record(CARD, 0, to_json(card).encode()) + pack_record(BASE, 0, base.getvalue()))
