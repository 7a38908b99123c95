# SPDX-License-Identifier: GPL-3.0-or-later
"""Movies: a flash and a click at the same moment stay together; colours, rate and size survive."""

from fractions import Fraction

import av
import numpy as np
import pytest

from talksplat.core.interchange.movie import MovieWriter

RATES = [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60), Fraction(25, 2)]


def _frames(path):
    """(seconds, uint8 [H,W,3]) of each decoded picture, converted by the file's own colour tags."""
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            yield frame.time, frame.reformat(format="rgb24", src_colorspace=frame.colorspace).to_ndarray()


def _sound(path):
    """([L] float, rate) of the decoded sound, placed by its time stamps."""
    with av.open(str(path)) as film:
        pieces = [(f.time, f.to_ndarray().mean(axis=0), f.sample_rate) for f in film.decode(audio=0)]
    rate = pieces[0][2]
    out = np.zeros(round(pieces[-1][0] * rate) + len(pieces[-1][1]))
    for time, samples, _ in pieces:
        out[round(time * rate) : round(time * rate) + len(samples)] = samples
    return out, rate


@pytest.mark.parametrize("rate", RATES, ids=[f"{float(r):.3f}" for r in RATES])
@pytest.mark.parametrize("sound_rate", [16000, 48000])
def test_flash_and_click_stay_together(tmp_path, rate, sound_rate):
    count, flashes = int(4 * rate), [0, int(1.3 * rate), int(3.2 * rate)]
    samples = np.zeros(5 * sound_rate, dtype=np.float32)
    for flash in flashes:
        start = round(flash / rate * sound_rate)
        samples[start : start + sound_rate // 100] = 0.9 * np.sin(np.arange(sound_rate // 100) * 0.8)
    with MovieWriter(tmp_path / "a.mp4", rate, 64, 48, (samples, sound_rate)) as movie:
        for i in range(count):
            movie.add(np.full((48, 64, 3), 235 if i in flashes else 16, np.uint8))
    times, bright = zip(*((t, p.mean()) for t, p in _frames(tmp_path / "a.mp4")))
    assert len(times) == count
    assert np.allclose(times, [float(i / rate) for i in range(count)], atol=1e-4)
    assert [i for i in range(count) if bright[i] > 120] == flashes
    samples_out, out_rate = _sound(tmp_path / "a.mp4")
    for flash in flashes:
        near = int(max(0.0, flash / rate - 0.2) * out_rate)
        onset = near + np.argmax(np.abs(samples_out[near : near + int(0.4 * out_rate)]) > 0.3)
        assert abs(onset / out_rate - float(flash / rate)) < 0.005
    assert abs(len(samples_out) / out_rate - float(count / rate)) < 0.03  # cut with the pictures


def test_a_single_frame_has_its_sound(tmp_path):
    """1/60 s is less than one AAC frame."""
    with MovieWriter(tmp_path / "a.mp4", Fraction(60), 32, 32, (np.sin(np.arange(48000) * 0.1), 48000)) as movie:
        movie.add(np.zeros((32, 32, 3), np.uint8))
    samples_out, rate = _sound(tmp_path / "a.mp4")
    assert np.abs(samples_out[: rate // 60]).max() > 0.5


def test_rate_and_tags(tmp_path):
    with MovieWriter(tmp_path / "a.mp4", Fraction(24000, 1001), 64, 64) as movie:
        for _ in range(10):
            movie.add(np.zeros((64, 64, 3), np.uint8))
    with av.open(str(tmp_path / "a.mp4")) as film:
        stream = film.streams.video[0]
        assert stream.average_rate == Fraction(24000, 1001)
        assert stream.pix_fmt == "yuv420p"
        assert not film.streams.audio
        context = stream.codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)


def test_colours_survive(tmp_path):
    colours = np.array([[224, 172, 150], [40, 90, 200], [250, 250, 250], [10, 12, 8], [180, 20, 40]], np.uint8)
    with MovieWriter(tmp_path / "a.mp4", Fraction(25), 64, 64) as movie:
        for colour in colours:
            for _ in range(3):
                movie.add(np.broadcast_to(colour, (64, 64, 3)).copy())
    colours_out = [p.mean(axis=(0, 1)) for _, p in _frames(tmp_path / "a.mp4")][1::3]
    assert np.abs(np.array(colours_out) - colours).max() < 3


def test_odd_sizes_are_padded_by_their_edge(tmp_path):
    picture = np.full((35, 51, 3), 30, np.uint8)
    picture[-1], picture[:, -1] = 200, 200
    with MovieWriter(tmp_path / "a.mp4", Fraction(25), 51, 35) as movie:
        movie.add(picture)
    ((_, padded),) = _frames(tmp_path / "a.mp4")
    assert padded.shape == (36, 52, 3)
    assert np.abs(padded[-1].astype(int) - 200).max() < 15
    assert np.abs(padded[:, -1].astype(int) - 200).max() < 15


def test_short_and_stereo_sound(tmp_path):
    left = np.sin(np.arange(22050) * 0.1).astype(np.float32) * 0.5
    with MovieWriter(tmp_path / "a.mp4", Fraction(25), 32, 32, (np.stack([left, 0 * left], axis=1), 44100)) as movie:
        for _ in range(50):
            movie.add(np.zeros((32, 32, 3), np.uint8))
    with av.open(str(tmp_path / "a.mp4")) as film:
        samples_out = np.concatenate([f.to_ndarray() for f in film.decode(audio=0)], axis=1)
    assert samples_out.shape[0] == 2
    assert np.abs(samples_out[0]).max() > 0.4
    assert np.abs(samples_out[1]).max() < 0.01


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros((0, 2)), np.zeros((10, 3)), np.zeros((4, 4, 2))])
def test_a_sound_without_samples_is_silence_and_more_than_stereo_is_not_taken(tmp_path, samples):
    if samples.size == 0:
        with MovieWriter(tmp_path / "a.mp4", Fraction(25), 32, 32, (samples, 44100)) as movie:
            movie.add(np.zeros((32, 32, 3), np.uint8))
        assert len(list(_frames(tmp_path / "a.mp4"))) == 1
    else:
        with pytest.raises(ValueError, match="one or two channels"):
            MovieWriter(tmp_path / "a.mp4", Fraction(25), 32, 32, (samples, 44100))


def test_a_broken_run_leaves_the_old_movie(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"old")

    def write(frames, cancel=False):
        with MovieWriter(tmp_path / "a.mp4", Fraction(25), 32, 32, (np.zeros(100, np.float32), 16000)) as movie:
            for frame in frames:
                movie.add(frame)
            if cancel:
                raise RuntimeError("cancelled")

    with pytest.raises(RuntimeError, match="cancelled"):
        write([np.zeros((32, 32, 3), np.uint8)] * 3, cancel=True)
    with pytest.raises(ValueError, match="no frame"):
        write([])
    with pytest.raises(ValueError, match="takes uint8"):
        write([np.zeros((30, 32, 3), np.uint8)])
    assert [(f.name, f.read_bytes()) for f in tmp_path.iterdir()] == [("a.mp4", b"old")]


def test_frames_are_not_kept(tmp_path):
    """Frames of a megapixel pass through; Python holds none of them."""
    import tracemalloc

    with MovieWriter(tmp_path / "a.mp4", Fraction(25), 1024, 1024) as movie:
        movie.add(np.zeros((1024, 1024, 3), np.uint8))
        tracemalloc.start()
        for i in range(20):
            movie.add(np.full((1024, 1024, 3), i, np.uint8))
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    assert held < 4e6


def test_prores_keeps_alpha_colours_samples_and_time_code(tmp_path):
    """Pixels within what 10 bits in limited range can say, alpha to a code, every sample to 24 bits."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:49, :63]
    pixels = np.stack([x * 4, y * 5, (x + y) * 2, x * 4], axis=-1).astype(np.uint8)
    samples, rate = rng.uniform(-1, 1, (48000, 2)).astype(np.float32), Fraction(24000, 1001)
    with MovieWriter(tmp_path / "a.mov", rate, 63, 49, (samples, 48000), "prores", "01:00:00:00") as movie:
        for _ in range(5):
            movie.add(pixels)
    with av.open(str(tmp_path / "a.mov")) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.codec_tag) == ("prores", "ap4h")
        assert (stream.average_rate, stream.frames) == (rate, 5)
        assert stream.metadata["timecode"] == "01:00:00:00"
        context = stream.codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1)
        frames = [frame.reformat(format="rgba", src_colorspace=1, src_color_range=1) for frame in file.decode(video=0)]
        shown = frames[2].to_ndarray().astype(int)
    assert np.abs(shown[..., 3] - pixels[..., 3]).max() <= 1
    opaque = pixels[..., 3] > 40
    assert np.abs(shown - pixels)[opaque].mean() < 1.5
    with av.open(str(tmp_path / "a.mov")) as file:
        heard = np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in file.decode(audio=0)])
    due = int(5 / rate * 48000)
    np.testing.assert_array_equal(heard >> 8, np.rint(samples[:due].astype(float) * (2**23 - 1)).astype(np.int32))


def test_a_movie_with_alpha_takes_no_other_pictures(tmp_path):
    movie = MovieWriter(tmp_path / "a.mov", Fraction(24), 64, 48, form="prores")
    with pytest.raises(ValueError, match=r"\[48,64,4\]"), movie:
        movie.add(np.zeros((48, 64, 3), np.uint8))
    assert not list(tmp_path.iterdir())
