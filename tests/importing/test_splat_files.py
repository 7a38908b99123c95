# SPDX-License-Identifier: GPL-3.0-or-later
"""SPZ, .splat and .ksplat as heads: of another program's writer, built by their description, hostile ones."""

import gzip
import struct
import sys
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.dispatch import run_job
from talksplat.core.exporting.spz import write_spz
from talksplat.core.formats import SH_C0, UserError, write_ply
from talksplat.core.importing.importers import importer_of
from talksplat.core.jobs import Failed, ImportHead

SAMPLES = ("minimal-raw.spz", "minimal-v2.spz", "minimal-v3.spz", "minimal-v4.spz", "minimal.ksplat", "minimal.splat")
# Of each format: metres, of ln sigma, of sh0, degrees.
STEPS = {
    "spz": (2e-4, 0.07, 0.015, 0.4),
    "splat": (1e-6, 1e-5, 0.015, 1.5),
    "ksplat": (1e-6, 1e-5, 0.015, 0.4),
    "sog": (3e-5, 0.2, 0.05, 1.0),
}


def read(path, axes=""):
    return importer_of(Path(path)).read(Path(path), axes).gaussians


def cloud_of(make, k):
    made = make.gaussians(300, k=k)
    return replace(made, shN=made.shN * 0.2, sh0=made.sh0.clip(-1.5, 1.5))


def angle(first, second):
    return 2 * np.degrees(np.arccos(np.clip(np.abs(np.sum(first * second, axis=1)), 0, 1))).max()


@pytest.mark.parametrize(("kind", "version"), [("spz", 3), ("spz", 4), ("splat", 0), ("ksplat", 0), ("sog", 0)])
@pytest.mark.parametrize("k", [0, 3, 8, 15])
def test_another_programs_file_is_what_it_was_made_of(make, tmp_path, kind, version, k, capfd):
    gaussforge = pytest.importorskip("gaussforge", reason="a writer of others; not installed here")
    cloud = cloud_of(make, k)
    write_ply(tmp_path / "a.ply", cloud)
    made = gaussforge.GaussForge().convert((tmp_path / "a.ply").read_bytes(), "ply", kind, spz_version=version or 3)
    if "error" in made:
        pytest.skip(f"gaussforge: {made['error']}")
    (tmp_path / f"a.{kind}").write_bytes(made["data"])
    found = read(tmp_path / f"a.{kind}", "blender")  # it turns no axes
    order = [np.argmin(np.linalg.norm(found.means - mean, axis=1)) for mean in cloud.means]
    assert sorted(order) == list(range(300))
    near, sized, coloured, turned = STEPS[kind]
    np.testing.assert_allclose(found.means[order], cloud.means, atol=near)
    np.testing.assert_allclose(np.log(found.scales[order]), np.log(cloud.scales), atol=sized)
    np.testing.assert_allclose(found.opacities[order], cloud.opacities, atol=1 / 255)
    np.testing.assert_allclose(found.sh0[order], cloud.sh0, atol=coloured)
    assert angle(found.quats[order], cloud.quats) < turned
    other_order = kind == "ksplat" and k > 3  # than the format's author, who has band after band
    if kind != "splat" and not other_order:
        assert found.shN.shape == cloud.shN.shape
        np.testing.assert_allclose(found.shN[order], cloud.shN, atol=0.07)


@pytest.mark.parametrize("k", [0, 3, 8, 15])
def test_our_own_spz_comes_back_where_it_stood(make, tmp_path, k):
    cloud = cloud_of(make, k)
    write_spz(tmp_path / "a.spz", cloud)
    found = read(tmp_path / "a.spz")
    np.testing.assert_allclose(found.means, cloud.means, atol=2e-6)
    np.testing.assert_allclose(found.opacities, cloud.opacities, atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(np.log(found.scales), np.log(cloud.scales), atol=0.5 / 16 + 1e-5)
    np.testing.assert_allclose(found.shN, cloud.shN, atol=0.02)
    assert angle(found.quats, cloud.quats) < 0.3


@pytest.mark.parametrize("name", SAMPLES)
def test_four_splats_of_a_converters_own_tests(shared_data, name):
    """They lie in a square of one unit; which plane depends on the sample's own axes."""
    source = shared_data / "splat" / f"st_{name}"
    if not source.is_file():
        pytest.skip("the sample is not here")
    found = read(source)
    assert len(found) == 4
    assert sorted(np.ptp(found.means, axis=0).round(5)) == [0, 1, 1]
    np.testing.assert_allclose(found.scales, 0.1, atol=0.002)
    np.testing.assert_allclose(found.opacities, 0.9, atol=0.003)


def test_the_same_splats_stand_in_the_same_place_whatever_file_they_came_in(shared_data):
    """Each format in its own axes: SPZ has Y up, the others Y down."""
    sources = [shared_data / "splat" / f"st_minimal{end}" for end in (".splat", ".ksplat", "-v3.spz", "-v4.spz")]
    if not all(source.is_file() for source in sources):
        pytest.skip("the samples are not here")
    first, *others = (read(source) for source in sources)
    for other in others:
        np.testing.assert_allclose(other.means, first.means, atol=1e-3)
        np.testing.assert_allclose(other.sh0, first.sh0, atol=0.02)


def spz(version, count, degree=0, bits=12, body=b""):
    return struct.pack("<4sIIBBBB", b"NGSP", version, count, degree, bits, 0, 0) + body


def test_the_first_version_of_spz_has_half_positions(tmp_path):
    positions = np.array([[0.5, -2, 0.25], [1, 2, 3]], "<f2")
    rest = bytes([255, 0]) + bytes([128] * 6) + bytes([160] * 6) + bytes([255, 127, 127, 127, 127, 127])
    (tmp_path / "a.spz").write_bytes(gzip.compress(spz(1, 2, body=positions.tobytes() + rest)))
    found = read(tmp_path / "a.spz", "blender")
    np.testing.assert_array_equal(found.means, positions.astype(np.float32))
    np.testing.assert_array_equal(found.opacities, [1, 0])
    np.testing.assert_allclose(found.scales, 1.0)
    np.testing.assert_allclose(found.quats[:, 1], [1, 0], atol=0.005)


def test_a_fourth_band_is_left_out_and_said(tmp_path):
    body = bytes(9) + bytes([200] * 7) + struct.pack("<I", 3 << 30) + bytes(range(100, 172))
    (tmp_path / "a.spz").write_bytes(gzip.compress(spz(3, 1, degree=4, body=body)))
    imported = importer_of(tmp_path / "a.spz").read(tmp_path / "a.spz", "blender")
    np.testing.assert_allclose(imported.gaussians.shN.reshape(-1), (np.arange(100, 145) - 128) / 128)
    assert "fourth band" in imported.left_out[0]


def test_where_zstandard_is_not_installed_the_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    (tmp_path / "a.spz").write_bytes(spz(4, 1))
    with pytest.raises(UserError, match=r"a\.spz: SPZ version 4 needs the Python package zstandard"):
        read(tmp_path / "a.spz")


def one_splat(colour=(255, 128, 0, 255), quat=(255, 128, 128, 128), scale=(0.1, 0.2, 0)):
    return struct.pack("<6f4B4B", 1, 2, 3, *scale, *colour, *quat)


def test_a_splat_record_is_read_by_its_description(tmp_path):
    (tmp_path / "a.splat").write_bytes(one_splat())
    found = read(tmp_path / "a.splat")
    np.testing.assert_array_equal(found.means, [[1, 3, -2]])  # Y down, as its PLY was
    np.testing.assert_allclose(SH_C0 * found.sh0 + 0.5, [[1, 128 / 255, 0]], atol=1e-6)
    assert 0 < found.scales[0, 2] < 1e-6, "a disc without thickness stays a disc"


def ksplat(level=0, degree=0, splats=(), buckets=(), full=0, bucket_size=256, partial=(), count=None):
    """One section; splats: bytes of each."""
    header = struct.pack("<BBxxIIIIH", 0, 1, 1, 1, len(splats), len(splats), level).ljust(36, b"\0")
    n = len(splats) if count is None else count
    section = struct.pack("<IIIIfH", n, n, bucket_size, len(buckets), 5.0, 12).ljust(24, b"\0")
    section += struct.pack("<IIIIH", 32767, 0, full, len(partial), degree)
    body = struct.pack(f"<{len(partial)}I", *partial) + b"".join(struct.pack("<3f", *b) for b in buckets)
    return header.ljust(4096, b"\0") + section.ljust(1024, b"\0") + body + b"".join(splats)


def test_a_compressed_ksplat_counts_from_its_buckets(tmp_path):
    """Two full buckets of two, then one that is not full."""
    row = struct.pack("<3H", 32767, 32767 + 13107, 0) + np.array([0.1] * 3 + [1, 0, 0, 0], "<f2").tobytes() + bytes(4)
    centres = [(0, 0, 0), (10, 0, 0), (20, 0, 0)]
    data = ksplat(1, splats=[row] * 5, buckets=centres, full=2, bucket_size=2, partial=[1])
    (tmp_path / "a.ksplat").write_bytes(data)
    found = read(tmp_path / "a.ksplat", "blender").means
    np.testing.assert_allclose(found[:, 0], [0, 0, 10, 10, 20])
    np.testing.assert_allclose(found[:, 1:], [[1, -2.5]] * 5, rtol=1e-4)


def test_sections_of_a_ksplat_that_all_claim_the_same_bytes_are_not_read_one_after_the_other(tmp_path):
    """A thousand of them would be a thousand times the file's size."""
    data = bytearray(ksplat(splats=[np.array([0, 0, 0, 1, 1, 1, 1, 0, 0, 0], "<f4").tobytes() + bytes(4)] * 9))
    section = bytearray(data[4096 : 4096 + 1024])
    struct.pack_into("<I", section, 4, 0)  # place for none
    struct.pack_into("<I", data, 4, 1000)
    data[4096 : 4096 + 1024] = section * 1000
    (tmp_path / "a.ksplat").write_bytes(data)
    with pytest.raises(UserError, match=r"a\.ksplat"):
        read(tmp_path / "a.ksplat")


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_ksplat_has_band_after_band_and_in_each_red_green_blue(tmp_path, level):
    stored = np.arange(24)
    kind = ("<f4", "<f2", "u1")[level]
    place = np.zeros(3, "<f4").tobytes() if level == 0 else struct.pack("<3H", 32767, 32767, 32767)
    rest = np.array([0.1] * 3 + [1, 0, 0, 0], "<f2" if level else "<f4").tobytes() + bytes(4)
    row = place + rest + stored.astype(kind).tobytes()
    (tmp_path / "a.ksplat").write_bytes(ksplat(level, 2, [row], [(0, 0, 0)], partial=[1]))
    found = read(tmp_path / "a.ksplat", "blender").shN[0]
    expected = np.concatenate([stored[:9].reshape(3, 3).T, stored[9:].reshape(3, 5).T]).astype(float)
    np.testing.assert_allclose(found, expected / 255 * 3 - 1.5 if level == 2 else expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.spz", gzip.compress(spz(3, 4_000_000))),
        ("a.spz", gzip.compress(spz(3, 4_000_000_000))),
        ("a.spz", spz(2, 100, body=bytes(50))),
        ("a.spz", spz(4, 4_000_000, body=struct.pack("<I", 32) + bytes(12) + struct.pack("<QQ", 30, 36_000_000) * 5)),
        ("a.spz", gzip.compress(spz(3, 0))),
        ("a.spz", b"PK"),
        ("a.splat", one_splat()[:-1]),
        ("a.splat", one_splat(quat=(128, 128, 128, 128))),
        ("a.splat", one_splat(scale=(-1, 1, 1))),
        ("a.splat", one_splat(scale=(float("nan"), 1, 1))),
        ("a.ksplat", ksplat(splats=[bytes(44)], count=2**32 - 1)),
        ("a.ksplat", ksplat(1, splats=[bytes(24)], full=2**32 - 1, buckets=[(0, 0, 0)])),
        ("a.ksplat", ksplat(1, splats=[bytes(24)], partial=[2**32 - 1], buckets=[])),
        ("a.ksplat", ksplat()),
        ("a.ksplat", bytes(5000)),
        ("a.obj", b"v 0 0 0"),
    ],
)
def test_a_damaged_file_is_one_sentence_and_takes_no_memory(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    tracemalloc.start()
    *_, last = run_job(ImportHead(str(tmp_path / name), str(tmp_path / "out.head")))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(last, Failed)
    assert name in last.sentence
    assert "\n" not in last.sentence
    assert most < 20_000_000
    assert not (tmp_path / "out.head").exists()


def test_no_more_of_a_gzip_is_unpacked_than_its_header_says(tmp_path):
    """A hundred kilobytes that unpack to a hundred megabytes."""
    pack = zlib.compressobj(9, wbits=31)
    data = pack.compress(spz(3, 1, body=bytes(9) + bytes([200] * 7) + struct.pack("<I", 3 << 30)))
    data += b"".join(pack.compress(bytes(1 << 20)) for _ in range(100)) + pack.flush()
    (tmp_path / "a.spz").write_bytes(data)
    tracemalloc.start()
    assert len(read(tmp_path / "a.spz")) == 1
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10_000_000


def test_axes_that_nobody_knows_are_said(tmp_path):
    (tmp_path / "a.splat").write_bytes(one_splat())
    with pytest.raises(UserError, match="blender, rdf, rub"):
        list(run_generator(ImportHead(str(tmp_path / "a.splat"), str(tmp_path / "a.head"), axes="zup")))


def run_generator(job):
    from talksplat.core.importing.import_head import import_head

    return import_head(job)
