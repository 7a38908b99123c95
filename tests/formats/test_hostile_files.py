# SPDX-License-Identifier: GPL-3.0-or-later
"""Every reader against cut, flipped, foreign and crafted files: a UserError that names the file, and nothing else."""

import hashlib
import json
import os
import struct
import tracemalloc
import zlib

import numpy as np
import pytest

from talksplat.core.formats.bake_file import BakeReader
from talksplat.core.formats.deltas import HEADER, SIZES, DecodeError, decode, morton_order
from talksplat.core.formats.head_file import read_head
from talksplat.core.formats.ply import read_ply, read_ply_header, write_ply
from talksplat.core.formats.records import pack_record
from talksplat.core.formats.tensors import read_metadata, read_tensors
from talksplat.core.formats.user_error import UserError
from talksplat.core.inspecting.describe import describe
from talksplat.core.performance.condition import read_performance

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4


def read_bake(path):
    with BakeReader.open(path) as bake:
        for number in bake.frames:
            bake.frame(number)
        bake.verify()


READERS = {".head": read_head, ".bake": read_bake, ".ply": read_ply, ".performance": read_performance}


@pytest.fixture(params=list(READERS))
def valid_file(request, tmp_path, make):
    """(path of a valid small file, its reader)."""
    path = tmp_path / f"thing{request.param}"
    if request.param == ".head":
        make.write_head(path, n=5)
    elif request.param == ".bake":
        make.write_bake(path, 12, 3)
    elif request.param == ".ply":
        write_ply(path, make.gaussians(5))
    else:
        make.write_performance(path)
    READERS[request.param](path)
    assert dict(describe(path))["kind"] == request.param[1:]
    return path, READERS[request.param]


def outcome(reader, path):
    """None when it can be read, the sentence of the UserError otherwise; anything else is a bug."""
    try:
        reader(path)
    except UserError as error:
        sentence = str(error)
        assert path.name in sentence
        assert "\n" not in sentence
        assert len(sentence) < 400
        assert sentence.endswith(".")
        return sentence
    return None


def test_cut_at_every_byte(valid_file):
    path, reader = valid_file
    content = path.read_bytes()
    frames = (
        [i for i in range(len(content)) if content[i : i + 4] in (b"FRAM", b"DONE")] if path.suffix == ".bake" else []
    )
    step = max(1, len(content) // 300)
    for size in [*range(0, len(content), step), len(content) - 1]:
        path.write_bytes(content[:size])
        outcomes = outcome(reader, path), outcome(describe, path)
        if frames and size >= frames[0]:  # an unfinished bake is a bake
            assert outcomes == (None, None)
        else:
            assert None not in outcomes, f"cut at {size} of {len(content)}"


def test_flipped_bits(valid_file):
    path, reader = valid_file
    content = bytearray(path.read_bytes())
    step = max(1, len(content) // 400)
    outcomes = []
    for at in range(0, len(content), step):
        for bit in (0, 5, 7) if at < 200 else (at % 8,):
            content[at] ^= 1 << bit
            path.write_bytes(content)
            content[at] ^= 1 << bit
            outcomes.append((outcome(reader, path), outcome(describe, path)))
    if path.suffix in (".head", ".bake"):  # the formats with checksums notice every one
        assert all(read and described for read, described in outcomes)
    assert any(read for read, _ in outcomes)


def test_foreign_content_with_our_suffix(valid_file):
    path, reader = valid_file
    for content in (
        b"",
        b"\0",
        PNG,
        bytes(64),
        b"\xff" * 200,
        b"ply\n",
        b"ply\nend_header\n",
        b"TSPLBAKE",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        b"{}" * 50,
    ):
        path.write_bytes(content)
        assert outcome(reader, path)
        assert outcome(describe, path)


def test_no_file_a_folder_a_pipe(valid_file):
    path, reader = valid_file
    path.unlink()
    assert "no such file" in outcome(reader, path)
    path.mkdir()
    assert outcome(reader, path)
    assert outcome(describe, path)
    path.rmdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(path)
        assert "not a file" in outcome(reader, path)
    with pytest.raises(UserError):
        reader(str(path) + "\0")


def test_an_empty_file_is_called_empty(valid_file):
    path, reader = valid_file
    path.write_bytes(b"")
    assert "is empty" in outcome(reader, path)
    assert "is empty" in outcome(describe, path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes or devices here")
@pytest.mark.parametrize("reader", [*READERS.values(), describe, read_tensors, read_metadata, read_ply_header])
@pytest.mark.parametrize("kind", ["pipe", "/dev/zero", "/dev/null"])
def test_pipes_and_devices_are_not_opened(tmp_path, reader, kind):
    path = tmp_path / "thing"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(kind)
    assert "is not a file" in outcome(reader, path)


# reader -> what it calls while it reads
INSIDE = {
    ".head": "head_file.content_hash",
    ".bake": "bake_header.load_tensors",
    ".ply": "ply.read_tables",
    ".performance": "tensors.from_json",
}


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RecursionError("maximum recursion depth exceeded"),
        zlib.error("Error -3 while decompressing data"),
        struct.error("unpack requires a buffer of 4 bytes"),
        ValueError("Object arrays cannot be loaded when allow_pickle=False"),
        IndexError("index 4 is out of bounds"),
        OverflowError(),
        OSError(5, "Input/output error"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_library_throws_is_one_sentence_with_the_file(valid_file, monkeypatch, error):
    path, reader = valid_file

    def throw(*_):
        raise error

    monkeypatch.setattr(f"talksplat.core.formats.{INSIDE[path.suffix]}", throw)
    for read in (reader, describe):
        sentence = outcome(read, path)
        assert sentence
        assert "pickle" not in sentence


def test_a_frame_too_large_for_the_memory_is_one_sentence(tmp_path, make, monkeypatch):
    path = make.write_bake(tmp_path / "a.bake", 12, 3)

    def throw(*_):
        raise MemoryError

    monkeypatch.setattr("talksplat.core.formats.bake_file.decode", throw)
    with BakeReader.open(path) as bake, pytest.raises(UserError, match=r"a\.bake: is too large for this machine"):
        bake.frame(0)


def small(read) -> bool:
    """Whether `read` stays below a megabyte at its worst."""
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_headers_with_huge_sizes_allocate_nothing(tmp_path):
    def crafted(name, content):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    def entry(shape, end):
        return json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}).encode()

    huge = entry([2**36], 2**38)
    files = [
        (read_head, crafted("1.head", struct.pack("<Q", 2**63) + bytes(90))),
        (read_head, crafted("2.head", struct.pack("<Q", 10**9) + b"{" + bytes(90))),
        (read_tensors, crafted("3.performance", struct.pack("<Q", len(huge)) + huge + bytes(64))),
        (
            read_ply,
            crafted(
                "4.ply",
                b"ply\nformat binary_little_endian 1.0\nelement vertex 9999999999\nproperty float x\n"
                b"end_header\n" + bytes(64),
            ),
        ),
        (read_ply, crafted("5.ply", b"ply\n" + b"comment " + b"a" * 100_000)),
        (read_bake, crafted("6.bake", b"TSPLBAKE" + pack_record(b"CARD", 0, b"{}")[:4] + b"\xff" * 20)),
        (
            read_bake,
            crafted(
                "7.bake",
                b"TSPLBAKE"
                + pack_record(b"CARD", 0, b'{"version":1}')
                + pack_record(b"BASE", 0, struct.pack("<Q", len(huge)) + huge),
            ),
        ),
    ]
    for reader, path in files:
        assert small(lambda r=reader, p=path: outcome(r, p)), path.name
        assert outcome(reader, path), path.name


def raw(data: bytes) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush()


def test_frames_with_valid_checksums_and_crafted_content(tmp_path, make):
    """Who knows the format can compute any checksum: the content is checked all the same."""
    canonical = make.gaussians(16, 0)
    order = morton_order(canonical.means)
    into = tuple(np.empty_like(getattr(canonical, n)) for n in ("means", "quats", "scales"))

    def frame(step=1e-6, moved=16, bits=b"\xff\xff", low=bytes(160), high=bytes(160), errors=(0.0,) * 3):
        parts = [raw(bits), raw(low), raw(high)]
        steps = [step] * 10 if isinstance(step, float) else step
        return HEADER.pack(*steps, *errors) + SIZES.pack(moved, *map(len, parts)) + b"".join(parts)

    decode(frame(), canonical, order, into)
    bomb = bytes(1 << 26)
    crafted = [
        b"",
        frame()[:50],
        frame()[:-1],
        frame() + b"x",
        frame(moved=17),
        frame(moved=2**32 - 1),
        frame(moved=15),
        frame(bits=b"\xff"),
        frame(bits=bomb),
        frame(low=bomb),
        frame(high=b""),
        frame(step=float("nan")),
        frame(step=float("inf")),
        frame(step=-1e-6),
        frame(step=1e30),
        frame(errors=(float("nan"), 0.0, 0.0)),
        frame()[:-3] + b"\xff" * 3,
    ]
    for coded in crafted:
        with pytest.raises(DecodeError):
            decode(coded, canonical, order, into)
    large = frame(low=bomb)

    def inflate():
        with pytest.raises(DecodeError):
            decode(large, canonical, order, into)

    assert small(inflate)
    path = make.write_bake(tmp_path / "crafted.bake", 16, 3)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"FRAM")] + pack_record(b"FRAM", 0, frame(moved=3)))
    with BakeReader.open(path) as bake, pytest.raises(UserError, match=r"crafted\.bake: frame 0 cannot be read"):
        bake.frame(0)


def test_records_out_of_place(tmp_path, make):
    path = make.write_bake(tmp_path / "crafted.bake", 16, 3)
    content = path.read_bytes()
    first = content.index(b"FRAM")
    start, second = content[:first], content.index(b"FRAM", first + 4)
    a_frame = content[first:second]
    done = content[content.index(b"DONE") :]
    early = json.dumps(
        {
            "frames": 3,
            "error": {"position": 0.0, "quaternion": 0.0, "log_scale": 0.0},
            "sha256": hashlib.sha256(start + a_frame).hexdigest(),
        }
    ).encode()
    for tail in (
        content[first:] + done,  # two ends
        a_frame + pack_record(b"DONE", 0, early),  # an end before all frames are there
        a_frame + a_frame,  # twice
        pack_record(b"FRAM", 99, b""),  # outside the shot
        pack_record(b"EVIL", 0, b""),
        done + a_frame,
        done + b"x" * 30,
        pack_record(b"DONE", 0, b"{}"),
        pack_record(b"DONE", 0, b"[" * 99999),
        a_frame + done,
    ):
        path.write_bytes(start + tail)
        assert outcome(lambda p: BakeReader.open(p).close(), path)  # on opening already
        assert outcome(describe, path)


def test_a_newer_bake_says_so(tmp_path):
    (tmp_path / "new.bake").write_bytes(
        b"TSPLBAKE"
        + pack_record(b"CARD", 0, b'{"version":5,"soul":1}')
        + pack_record(b"BASE", 0, b"no more safetensors")
    )
    with pytest.raises(UserError, match=r"new\.bake: made by a newer talksplat \(version 5\); update"):
        BakeReader.open(tmp_path / "new.bake")
