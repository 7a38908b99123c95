# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten minutes of pictures pass through a small cache: memory stays small; reading ahead changes nothing."""

import threading
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from talksplat.core.footage import Footage
from talksplat.core.footage import footage as footage_module
from talksplat.core.training.initial_cloud import lift_pictures
from talksplat.core.training.picture_stream import ReadAhead, open_footage
from talksplat.core.training.training_settings import SMOKE

MINUTES = 15_000  # pictures of ten minutes at 25 fps


@pytest.fixture
def long_footage(tiny_footage, monkeypatch):
    """15,000 pictures of 64 x 64: the tiny footage's files again and again."""
    short = Footage.open(tiny_footage)

    def png(path, *rest):
        return real(path.with_name(f"{int(path.stem) % len(short):06d}.png"), *rest)

    real = footage_module.read_png
    monkeypatch.setattr(footage_module, "read_png", png)
    fine, small = open_footage(tiny_footage, replace(SMOKE, cache_mb=2, height=32))
    return fine, small


def test_ten_minutes_stay_within_the_cache(long_footage):
    fine, small = long_footage
    assert fine is not small
    assert fine._cache.max_bytes + small._cache.max_bytes == 2 << 20
    most = 0
    for i in range(0, MINUTES, 3):
        (fine if i % 2 else small).picture(i)
        most = max(most, fine._cache.used_bytes + small._cache.used_bytes)
    assert 1.8 * 2**20 < most <= 2 << 20
    for cache in (fine._cache, small._cache):
        assert cache.used_bytes == sum(packed.nbytes for packed in cache._pictures.values())


def test_memory_grows_with_the_cache_and_not_with_the_pictures(long_footage):
    fine, _ = long_footage

    def peak(count):
        tracemalloc.start()
        for i in range(count):
            fine.picture(i)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(300)  # fills the cache
    few, many = peak(300), peak(1500)
    assert many < few + (1 << 19)


def test_two_threads_do_not_spoil_the_count(long_footage):
    fine, _ = long_footage
    threads = [threading.Thread(target=lambda k=k: [fine.picture(i % 150) for i in range(k, 400)]) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (
        fine._cache.used_bytes
        == sum(packed.nbytes for packed in fine._cache._pictures.values())
        <= fine._cache.max_bytes
    )


@pytest.mark.parametrize("count", [0, 1, 3])
def test_ahead_gives_the_same_in_any_order(count):
    made = []
    ahead = ReadAhead(lambda t: made.append(t) or t * t, count, 20)
    steps = [0, 1, 2, 3, 9, 10, 4, 19]
    assert [ahead.at(t) for t in steps] == [t * t for t in steps]
    assert max(made) < 20
    ahead.close()


def test_ahead_raises_what_went_wrong():
    def broken(t):
        if t == 2:
            raise ValueError("picture 2")
        return t

    ahead = ReadAhead(broken, 3, 9)
    assert ahead.at(0) == 0
    assert ahead.at(1) == 1
    with pytest.raises(ValueError, match="picture 2"):
        ahead.at(2)
    ahead.close()


def test_lifting_large_pictures_takes_bounded_memory(tiny_footage, monkeypatch):
    from talksplat.core.footage.clip_speech import encode_clips
    from talksplat.core.training import initial_cloud
    from talksplat.core.training.reference import choose_reference

    footage = Footage.open(tiny_footage)
    frames = footage.frames("train")
    reference = choose_reference(footage, encode_clips(footage, "train", "logmel"), frames)
    monkeypatch.setattr(initial_cloud, "MAX_PIXELS", 100)
    points, colours, weights = lift_pictures(footage, frames, reference, "face", np.random.default_rng(0))
    assert len(points) == len(colours) == len(weights) <= 100 * len(frames)
