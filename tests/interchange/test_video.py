# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture at k / rate is the one that a player shows then, in every kind of file, to the end of a long one."""

import itertools
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.audio.decode import load_sound
from talksplat.core.interchange.video import probe_video, read_video

GRID = Path(__file__).resolve().parents[1] / "fixtures" / "grid" / "sgbc6n.mpg"
ROUNDED = Fraction(1, 1000)
NTSC = Fraction(30000, 1001)


def steady(rate, count, start=0):
    return [start + Fraction(i) / Fraction(rate) for i in range(count)]


def jittered(count, start=0):
    """A phone's times: 8 to 80 ms apart, on a clock of 90 kHz."""
    gaps = np.random.default_rng(4).integers(8 * 90, 80 * 90, count)
    return [start + Fraction(int(t), 90000) for t in np.cumsum(gaps) - gaps[0]]


KINDS = [  # name, codec, times
    ("vfr.mp4", "libx264", jittered(200)),
    ("vfr.mkv", "libx264", jittered(200)),
    ("vfr.webm", "libvpx", jittered(120)),
    ("late.mp4", "libx264", jittered(100, Fraction(1, 2))),
    ("late.mkv", "libx264", steady(24, 60, Fraction(2))),
    ("ntsc.mov", "libx264", steady(NTSC, 120)),
    ("film.avi", "mpeg4", steady(25, 60)),
    ("fast.mp4", "libx264", steady(120, 300)),
    ("slow.mp4", "libx264", steady(Fraction(7, 3), 12)),
]


@pytest.fixture(scope="module", params=KINDS, ids=[k[0] for k in KINDS])
def film_and_times(request, cinema, tmp_path_factory):
    name, codec, times = request.param
    quick = {"deadline": "realtime", "cpu-used": "8"} if codec == "libvpx" else {}
    film = tmp_path_factory.mktemp("film") / name
    return cinema.write_film(film, times, codec, options=quick, clock=25 if name.endswith("avi") else 90000), times


@pytest.mark.parametrize("wanted", [Fraction(25), NTSC, Fraction(60)], ids=str)
def test_the_picture_that_is_shown_at_each_time(cinema, film_and_times, wanted):
    film, times = film_and_times
    got = list(read_video(film, wanted))
    assert [f.index for f in got] == list(range(got[0].index, got[0].index + len(got)))
    first = 0 if times[0] * wanted <= 1 else math.ceil((times[0] - ROUNDED) * wanted)
    assert got[0].index == first
    assert abs(len(got) + first - float((times[-1] + times[-1] - times[-2]) * wanted)) <= max(2, float(wanted) / 10)
    for frame in got:
        assert frame.time == frame.index / wanted
        # A container may round a picture's time by half a millisecond; on that edge either neighbour is right.
        right = {max(0, sum(t <= frame.time + edge for t in times) - 1) for edge in (-ROUNDED, 0, ROUNDED)}
        assert cinema.number_of(frame.rgb) in right


@pytest.mark.parametrize("name", ["own.mkv", "own.mp4", "own.ts", "own.mpg"])
def test_the_files_own_rate_gives_every_picture_once(cinema, tmp_path, name):
    codec = "mpeg2video" if name.endswith("mpg") else "libx264"
    rate = NTSC if codec == "libx264" else Fraction(25)
    clock = 25 if codec == "mpeg2video" else 90000
    film = cinema.write_film(tmp_path / name, steady(rate, 100), codec, clock=clock, rate=rate)
    got = list(read_video(film, rate))
    assert [cinema.number_of(f.rgb) for f in got] == list(range(100))
    assert [f.index for f in got] == list(range(100))
    assert abs(probe_video(film).duration - 100 / rate) < Fraction(1, 25)


@pytest.mark.parametrize("name", ["long.mp4", "long.mkv", "long.ts"])
def test_flash_and_click_stay_together_to_the_end(cinema, tmp_path, name):
    rng, seconds, rate = np.random.default_rng(8), 90, Fraction(25)
    times = [Fraction(int(t), 90000) for t in np.cumsum(rng.integers(1500, 5400, seconds * 26))]
    times = [t for t in times if t < seconds]
    flashes = [times[i] for i in range(40, len(times) - 20, 97)]
    dark, bright = np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 255, np.uint8)
    lit = [any(f <= t < f + Fraction(1, 5) for f in flashes) for t in times]
    sound = np.zeros(seconds * 48000, np.float32)
    for flash in flashes:
        sound[round(flash * 48000) : round((flash + Fraction(1, 100)) * 48000)] = 0.8
    film = cinema.write_film(tmp_path / name, times, "libx264", [bright if x else dark for x in lit],
                             {"preset": "ultrafast"}, sound)  # fmt: skip
    is_bright = [(f.index, f.rgb.mean() > 127) for f in read_video(film, rate)]
    rises = [k for (_, a), (k, b) in itertools.pairwise(is_bright) if b and not a]
    sound_read = load_sound(film)
    loud = np.flatnonzero(np.abs(sound_read.samples) > 0.3) / sound_read.rate
    clicks = loud[np.diff(loud, prepend=-1.0) > 0.1]
    assert len(rises) == len(clicks) == len(flashes)
    # A flash between two model frames shows at the second: on average half a frame late, at most a whole one.
    apart = (np.array(rises) - 0.5) / float(rate) - clicks
    assert np.abs(apart).max() < 0.5 / float(rate) + 0.004
    assert abs(np.polyfit(clicks, apart, 1)[0] * seconds) < 0.5 / float(rate)


@pytest.mark.parametrize("name", ["vfr.mp4", "vfr.mkv", "pal.mpg", "pal.ts"])
def test_a_later_start_gives_the_same_pictures(cinema, tmp_path, name):
    codec = "mpeg2video" if name == "pal.mpg" else "libx264"
    times = jittered(300) if name.startswith("vfr") else steady(25, 300)
    film = cinema.write_film(tmp_path / name, times, codec, clock=25 if codec == "mpeg2video" else 90000)
    whole = {f.index: f.rgb for f in read_video(film, Fraction(25))}
    for start, stop in ((60, 70), (137, 150), (260, None)):
        part = list(read_video(film, Fraction(25), start=start, stop=stop))
        assert [f.index for f in part] == [k for k in whole if start <= k < (stop or math.inf)]
        assert all(np.array_equal(f.rgb, whole[f.index]) for f in part)


def test_a_still_is_decoded_once_and_cannot_be_written_into(cinema, tmp_path):
    film = cinema.write_film(tmp_path / "slow.mp4", steady(5, 10))
    got = list(read_video(film, Fraction(25)))
    assert len({id(f.rgb) for f in got}) == 10
    with pytest.raises(ValueError, match="read-only"):
        got[0].rgb[0, 0] = 0


def test_grid_clip():
    info = probe_video(GRID, Fraction(16, 15))
    assert (info.width, info.height, info.rate, info.duration, info.has_sound) == (384, 288, 25, 3, True)
    got = list(read_video(GRID, Fraction(25), pixel_aspect=Fraction(16, 15)))
    assert [f.index for f in got] == list(range(75))
    assert got[0].rgb.shape == (288, 384, 3)
    assert len({f.rgb.tobytes() for f in got}) > 70
