# SPDX-License-Identifier: GPL-3.0-or-later
"""Broadcast Wave: the samples to the bit, and the moment of the first one; read as the standard says and by FFmpeg."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from talksplat.core.interchange import time_reference, write_broadcast_wave


def chunks_of(path):
    data, at, chunks = path.read_bytes(), 12, {}
    assert (data[:4], data[8:12], struct.unpack("<I", data[4:8])[0]) == (b"RIFF", b"WAVE", len(data) - 8)
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at + 4)
        chunks[data[at : at + 4]] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return chunks


@pytest.mark.parametrize("channels", [1, 2])
def test_every_sample_and_the_time(tmp_path, channels):
    samples = np.random.default_rng(0).uniform(-1.2, 1.2, (4801, channels))
    path, begin = tmp_path / "a.wav", time_reference(86400, Fraction(24))
    write_broadcast_wave(path, samples, begin, "sh010 übergang")
    chunks = chunks_of(path)
    assert struct.unpack("<HHIIHH", chunks[b"fmt "]) == (1, channels, 48000, 48000 * channels * 3, channels * 3, 24)
    low, high, version = struct.unpack_from("<IIH", chunks[b"bext"], 338)
    assert (low + (high << 32), version, len(chunks[b"bext"])) == (3600 * 48000, 1, 602)
    assert chunks[b"bext"].startswith(b"sh010 ?bergang\0")
    with av.open(str(path)) as file:
        assert int(file.metadata["time_reference"]) == 3600 * 48000
        heard = np.concatenate([frame.to_ndarray().reshape(-1, channels) for frame in file.decode(audio=0)])
    np.testing.assert_array_equal(heard >> 8, np.rint(np.clip(samples, -1, 1) * (2**23 - 1)).astype(np.int32))


def test_the_time_is_real_time():
    """Of 23.976 frames a second an hour of time code is 3.6 seconds longer than an hour."""
    assert time_reference(0, Fraction(24)) == 0
    assert time_reference(86400, Fraction(24000, 1001)) == 48000 * 3600 * 1001 // 1000
    assert time_reference(-24, Fraction(24)) == 48000 * (86400 - 1)


def test_what_is_no_sound_is_refused(tmp_path):
    with pytest.raises(ValueError, match="takes"):
        write_broadcast_wave(tmp_path / "a.wav", np.zeros(5), 0)
    assert not list(tmp_path.iterdir())
