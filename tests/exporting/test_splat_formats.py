# SPDX-License-Identifier: GPL-3.0-or-later
"""SPZ and glTF read back: by a plain reading of their specifications, and by another program's reader where one is
installed (Blender's own importers: tests/blender_addon/test_splat_imports.py)."""

import gzip
import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from talksplat.core.exporting.gltf import write_gltf
from talksplat.core.exporting.spz import write_spz
from talksplat.core.formats.rotate import RUB_TO_BLENDER, rotate_gaussians
from talksplat.core.formats.user_error import UserError

KHR = "KHR_gaussian_splatting:"


@pytest.fixture(params=[0, 3, 8, 15], ids="degree {}".format)
def cloud(make, request):
    """Random splats, with every component of a quaternion the largest once, both ways round."""
    made = make.gaussians(300, k=request.param)
    quats = made.quats.copy()
    quats[:8] = np.concatenate([np.eye(4), -np.eye(4)]) * 0.98 + 0.1
    quats /= np.linalg.norm(quats, axis=1, keepdims=True)
    return replace(made, quats=quats.astype(np.float32), shN=made.shN * 0.2, sh0=made.sh0.clip(-3, 3))


def as_stored(cloud):
    """x right, y up, z towards the viewer."""
    return rotate_gaussians(cloud, RUB_TO_BLENDER.T)


def read_spz(path):
    """The README of nianticlabs/spz, a splat after the other."""
    data = gzip.decompress(path.read_bytes())
    magic, version, count, degree, bits, flags, reserved = struct.unpack_from("<IIIBBBB", data)
    assert (magic, version, flags, reserved) == (0x5053474E, 3, 0, 0)
    rest, place = (degree + 1) ** 2 - 1, 16
    sizes = 9, 1, 3, 3, 4, 3 * rest
    parts = []
    for size in sizes:
        parts.append([data[place + i * size : place + (i + 1) * size] for i in range(count)])
        place += size * count
    assert place == len(data)
    positions, alphas, colours, scales, rotations, harmonics = parts
    return {
        "means": [
            [int.from_bytes(p[i : i + 3], "little", signed=True) / 2**bits for i in (0, 3, 6)] for p in positions
        ],
        "opacities": [a[0] / 255 for a in alphas],
        "sh0": [[(byte / 255 - 0.5) / 0.15 for byte in c] for c in colours],
        "scales": [[np.exp(byte / 16 - 10) for byte in s] for s in scales],
        "quats": [smallest_three(int.from_bytes(r, "little")) for r in rotations],
        "shN": np.array([[(byte - 128) / 128 for byte in h] for h in harmonics]).reshape(count, rest, 3),
    }


def smallest_three(code):
    largest, xyzw = code >> 30, [0.0] * 4
    for i in (i for i in (3, 2, 1, 0) if i != largest):
        xyzw[i] = (code & 511) / 511 * 0.5**0.5 * (-1 if code & 512 else 1)
        code >>= 10
    xyzw[largest] = (1 - sum(v * v for v in xyzw)) ** 0.5
    return xyzw[3], *xyzw[:3]


def test_spz_holds_what_a_byte_can(cloud, tmp_path):
    write_spz(tmp_path / "a.spz", cloud)
    read, stored = read_spz(tmp_path / "a.spz"), as_stored(cloud)
    np.testing.assert_allclose(read["means"], stored.means, atol=6e-7)
    np.testing.assert_allclose(read["opacities"], stored.opacities, atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(read["sh0"], stored.sh0, atol=0.5 / 255 / 0.15 + 1e-6)
    np.testing.assert_allclose(np.log(read["scales"]), np.log(stored.scales), atol=0.5 / 16 + 1e-5)
    np.testing.assert_allclose(read["shN"], stored.shN.clip(-1, 127 / 128), atol=0.5 / 128 + 1e-6)
    assert np.abs(np.sum(read["quats"] * stored.quats, axis=1)).min() > np.cos(np.radians(0.15))


def test_spz_by_another_programs_reader(cloud, tmp_path, capfd):
    gaussforge = pytest.importorskip("gaussforge", reason="an SPZ reader of others; not installed here")
    if cloud.sh_degree == 0:
        pytest.skip("gaussforge 0.6.0 reads no SPZ without SH (std::bad_cast)")
    write_spz(tmp_path / "a.spz", cloud)
    read = gaussforge.GaussForge().read((tmp_path / "a.spz").read_bytes(), "spz")["data"]
    columns = {name: np.frombuffer(value, np.float32) for name, value in read.items() if isinstance(value, bytes)}
    stored, n = as_stored(cloud), len(cloud)
    np.testing.assert_allclose(columns["positions"].reshape(n, 3), stored.means, atol=6e-7)
    np.testing.assert_allclose(columns["scales"].reshape(n, 3), np.log(stored.scales), atol=0.04)
    np.testing.assert_allclose(1 / (1 + np.exp(-columns["alphas"])), stored.opacities, atol=0.003)
    np.testing.assert_allclose(columns["colors"].reshape(n, 3), stored.sh0, atol=0.014)
    np.testing.assert_allclose(columns["sh"].reshape(n, -1, 3), stored.shN, atol=0.004)
    turned = np.abs(np.sum(columns["rotations"].reshape(n, 4) * stored.quats, axis=1))
    assert turned.min() > np.cos(np.radians(0.15))


def test_spz_takes_finer_steps_the_nearer_the_splats(make, tmp_path):
    near = make.gaussians(10)
    far = replace(near, means=near.means + np.float32(100))
    for cloud, step in ((near, 2**-20), (far, 2**-16)):
        write_spz(tmp_path / "a.spz", cloud)
        assert np.abs(read_spz(tmp_path / "a.spz")["means"] - as_stored(cloud).means).max() <= step
    with pytest.raises(UserError, match="too far for SPZ"):
        write_spz(tmp_path / "a.spz", replace(near, means=near.means + np.float32(1e7)))


def test_spz_depends_on_nothing_but_the_splats(cloud, tmp_path):
    for name in ("a.spz", "b.spz"):
        write_spz(tmp_path / name, cloud)
    assert (tmp_path / "a.spz").read_bytes() == (tmp_path / "b.spz").read_bytes(), "gzip keeps the time of day"


def read_glb(path):
    """(the document, attribute -> values) by the glTF 2.0 specification."""
    data = path.read_bytes()
    magic, version, size, length, kind = struct.unpack_from("<IIIII", data)
    assert (magic, version, size, kind) == (0x46546C67, 2, len(data), 0x4E4F534A)
    document = json.loads(data[20 : 20 + length])
    binary = data[28 + length :]
    assert document["buffers"] == [{"byteLength": len(binary)}]
    [primitive] = document["meshes"][0]["primitives"]
    columns = {}
    for name, index in primitive["attributes"].items():
        accessor = document["accessors"][index]
        view = document["bufferViews"][accessor["bufferView"]]
        assert view["byteOffset"] % 4 == 0
        kind = {5126: np.float32, 5121: np.uint8}[accessor["componentType"]]
        values = np.frombuffer(binary[view["byteOffset"] :][: view["byteLength"]], kind)
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        columns[name] = values.reshape(accessor["count"], width)
    return primitive, columns


def test_gltf_holds_every_number(cloud, tmp_path):
    write_gltf(tmp_path / "a.glb", cloud)
    primitive, columns = read_glb(tmp_path / "a.glb")
    stored = as_stored(cloud)
    assert primitive["mode"] == 0
    assert primitive["extensions"]["KHR_gaussian_splatting"]["colorSpace"] == "srgb_rec709_display"
    np.testing.assert_array_equal(columns["POSITION"], stored.means)
    np.testing.assert_array_equal(columns[KHR + "SCALE"], stored.scales)
    np.testing.assert_array_equal(columns[KHR + "ROTATION"][:, [3, 0, 1, 2]], stored.quats)
    np.testing.assert_array_equal(columns[KHR + "OPACITY"][:, 0], stored.opacities)
    harmonics = [
        columns[KHR + f"SH_DEGREE_{d}_COEF_{i}"] for d in range(stored.sh_degree + 1) for i in range(2 * d + 1)
    ]
    np.testing.assert_array_equal(np.stack(harmonics, 1), np.concatenate([stored.sh0[:, None], stored.shN], axis=1))
    assert len(columns) == 5 + len(harmonics)


def test_gltf_by_another_programs_reader(cloud, tmp_path):
    pygltflib = pytest.importorskip("pygltflib", reason="a glTF reader of others; not installed here")
    write_gltf(tmp_path / "a.glb", cloud)
    read = pygltflib.GLTF2().load(str(tmp_path / "a.glb"))
    position = read.accessors[read.meshes[0].primitives[0].attributes.POSITION]
    np.testing.assert_allclose(position.max, as_stored(cloud).means.max(axis=0))
    assert read.extensionsUsed == ["KHR_gaussian_splatting"]


def test_gltf_knows_two_colour_spaces(cloud, tmp_path):
    with pytest.raises(UserError, match="no colour space 'acescg'"):
        write_gltf(tmp_path / "a.glb", cloud, "rub", "acescg")
