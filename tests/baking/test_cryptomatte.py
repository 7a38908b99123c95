# SPDX-License-Identifier: GPL-3.0-or-later
"""Cryptomatte: the hashes are the specification's, the pairs are in order, and the header names them."""

import json

import numpy as np
import pytest

from talksplat.core.baking.cryptomatte import header_attributes, murmur_hash3, name_id, ranked


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", 0),
        ("hello", 0x248BFA47),  # as published with Appleby's code
        ("hello, world", 0x149BBB7F),
        ("The quick brown fox jumps over the lazy dog", 0x2E4FF723),
        ("Icosphere", 0xD13E7CC1),  # as Blender 5.0 writes it into a manifest
        ("ViewLayer.CryptoObject", 0x542CAFA << 4),  # its first seven digits, from the same file
    ],
)
def test_names_are_hashed_as_everywhere(name, expected):
    assert murmur_hash3(name) == expected or murmur_hash3(name) >> 4 == expected >> 4


def test_an_id_is_a_number_that_a_compositor_can_compare():
    """One name in 128 has the exponent of a denormal, an infinite or no number."""
    names = [f"head {i}" for i in range(4000)]
    raw = np.array([murmur_hash3(name) for name in names], np.uint32).view(np.float32)
    ids = np.array([name_id(name) for name in names])
    odd = ~np.isfinite(raw) | (np.abs(raw) < np.finfo(np.float32).tiny)
    assert odd.sum() > 10
    assert np.isfinite(ids).all()
    assert (np.abs(ids) >= np.finfo(np.float32).tiny).all()
    assert np.array_equal(ids[~odd], raw[~odd])


def test_the_largest_coverage_comes_first_and_nothing_has_no_name():
    face, mouth = np.array([[0.7, 0.2, 0.0, 0.5]]), np.array([[0.1, 0.6, 0.0, 1.5]])
    layer = ranked(("face", "mouth"), [face, mouth])
    assert layer.dtype == np.float32
    f, m = name_id("face"), name_id("mouth")
    expected = [(f, 0.7, m, 0.1), (m, 0.6, f, 0.2), (0, 0, 0, 0), (m, 1, f, 0.5)]
    np.testing.assert_array_equal(layer, np.array([expected], np.float32))
    np.testing.assert_array_equal(ranked(("face",), [face])[..., 2:], 0)


def test_the_header_names_what_the_pixels_hold():
    header = header_attributes("CryptoObject", ('Zoë \\ "1"',))
    (key,) = {name.rpartition("/")[0] for name in header}
    assert key == f"cryptomatte/{murmur_hash3('CryptoObject'):08x}"[: len("cryptomatte/") + 7]
    manifest = json.loads(header[f"{key}/manifest"])
    (bits,) = np.array([int(code, 16) for code in manifest.values()], np.uint32).view(np.float32)
    assert bits == name_id(*manifest)
