# SPDX-License-Identifier: GPL-3.0-or-later
"""Our safetensors against the reference package, both ways, and against itself."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talksplat.core.formats.tensors import NAMES, read_metadata, read_tensors, write_tensors
from talksplat.core.formats.user_error import UserError

DTYPES = [np.dtype(d).newbyteorder("=") for d in NAMES]


def every_dtype() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    arrays = {f"a.{d}": (rng.normal(size=(3, 5)) * 50).astype(d) for d in DTYPES}
    return arrays | {
        "scalar": np.array(3.5, np.float32),
        "empty": np.zeros((0, 3), np.float32),
        "odd": np.arange(7, dtype=np.uint8),
        "turned": np.arange(6.0).reshape(2, 3).T,
    }


def same(left: dict, right: dict) -> None:
    assert set(left) == set(right)
    for name in left:
        assert left[name].dtype == right[name].dtype, name
        assert left[name].shape == right[name].shape, name
        np.testing.assert_array_equal(left[name], right[name])


def test_the_reference_package_reads_ours_and_we_read_its(tmp_path):
    reference = pytest.importorskip("safetensors.numpy")
    arrays = every_dtype()
    write_tensors(tmp_path / "ours", arrays, {"format": "x", "ü": "é\n"})
    same(reference.load_file(tmp_path / "ours"), arrays)
    with pytest.importorskip("safetensors").safe_open(tmp_path / "ours", "numpy") as file:
        assert file.metadata() == {"format": "x", "ü": "é\n"}
    reference.save_file({k: np.array(v, order="C") for k, v in arrays.items()}, tmp_path / "theirs", {"a": "b"})
    read, metadata = read_tensors(tmp_path / "theirs")
    same(read, arrays)
    assert metadata == {"a": "b"}


def test_arrays_are_ours_to_write_and_start_aligned(tmp_path):
    write_tensors(tmp_path / "f", every_dtype(), {"k": "v"})
    arrays, _ = read_tensors(tmp_path / "f")
    for array in arrays.values():
        assert array.flags.writeable
        assert array.flags.c_contiguous
        assert array.flags.aligned
        assert array.dtype.isnative
    header = json.loads((tmp_path / "f").read_bytes()[8:][: struct.unpack("<Q", (tmp_path / "f").read_bytes()[:8])[0]])
    for name, array in arrays.items():
        assert header[name]["data_offsets"][0] % array.itemsize == 0
    assert read_metadata(tmp_path / "f") == {"k": "v"}


def test_the_same_content_gives_the_same_bytes(tmp_path):
    arrays = every_dtype()
    write_tensors(tmp_path / "a", arrays, {"x": "1", "y": "2"})
    write_tensors(tmp_path / "b", dict(reversed(arrays.items())), {"y": "2", "x": "1"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@given(shape=st.lists(st.integers(0, 5), max_size=4), dtype=st.sampled_from(DTYPES), seed=st.integers(0, 99))
def test_any_shape_comes_back(tmp_path_factory, shape, dtype, seed):
    path = tmp_path_factory.mktemp("t") / "f"
    array = (np.random.default_rng(seed).normal(size=shape) * 9).astype(dtype)
    write_tensors(path, {"n": array, "m": np.arange(seed)})
    same(read_tensors(path)[0], {"n": array, "m": np.arange(seed)})


def test_what_cannot_be_stored_is_a_bug_and_leaves_the_old_file(tmp_path):
    write_tensors(tmp_path / "f", {"a": np.zeros(1)})
    before = (tmp_path / "f").read_bytes()
    for arrays, metadata in (
        ({"a": np.zeros(1, np.complex64)}, {}),
        ({"a": np.zeros(1)}, {"a": 1}),
        ({"__metadata__": np.zeros(1)}, {}),
        ({"a": np.array(["text"])}, {}),
    ):
        with pytest.raises(TypeError):
            write_tensors(tmp_path / "f", arrays, metadata)
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
    assert (tmp_path / "f").read_bytes() == before


def entry(dtype: object = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"a": entry(), "b": entry(offsets=[4, 12])}, 12),  # overlap
        ({"a": entry(), "b": entry(offsets=[12, 20])}, 20),  # hole
        ({"a": entry()}, 12),  # bytes of no tensor
        ({"a": entry()}, 4),  # too few
        ({"a": entry(offsets=[8, 0])}, 8),
        ({"a": entry(offsets=[-8, 0])}, 8),
        ({"a": entry(offsets=[0, 8, 9])}, 8),
        ({"a": entry(shape=[3])}, 8),
        ({"a": entry(shape=[-2])}, 8),
        ({"a": entry(shape=[2.0])}, 8),
        ({"a": entry(shape=[True, 2])}, 8),
        ({"a": entry(shape=[0, 2**62, 2**62], offsets=[0, 0])}, 0),
        ({"a": entry(shape=[2**32, 2**32], offsets=[0, 0])}, 0),
        ({"a": entry(shape=[1] * 40 + [2])}, 8),
        ({"a": entry(dtype="BF16", shape=[4])}, 8),
        ({"a": entry(dtype=["F32"])}, 8),
        ({"a": {**entry(), "more": 1}}, 8),
        ({"a": 7}, 0),
        ({"__metadata__": {"a": 1}}, 0),
        ({"__metadata__": "a"}, 0),
        ([], 0),
    ],
)
def test_invalid_headers_are_rejected(tmp_path, header, data):
    text = json.dumps(header).encode()
    (tmp_path / "invalid.head").write_bytes(struct.pack("<Q", len(text)) + text + bytes(data))
    with pytest.raises(UserError, match=r"invalid\.head"):
        read_tensors(tmp_path / "invalid.head")


@pytest.mark.parametrize(
    "text",
    [
        b"{" * 100_000,
        b'{"a":' * 50_000,
        b'{"a":1,"a":1}',
        b'{"a":NaN}',
        b'{"\\ud800":1}',
        b"{\xff}",
        b'{"__metadata__":{"a":"\\udc00"}}',
        b'{"a":' + b"9" * 9999 + b"}",
    ],
)
def test_invalid_json_is_rejected(tmp_path, text):
    (tmp_path / "invalid.head").write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(UserError, match=r"invalid\.head"):
        read_tensors(tmp_path / "invalid.head")


def test_booleans_that_are_neither_true_nor_false_are_rejected(tmp_path):
    text = json.dumps({"a": entry("BOOL", [2], [0, 2])}).encode()
    (tmp_path / "f").write_bytes(struct.pack("<Q", len(text)) + text + b"\x01\x02")
    with pytest.raises(UserError, match="neither true nor false"):
        read_tensors(tmp_path / "f")
