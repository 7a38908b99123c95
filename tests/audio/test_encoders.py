# SPDX-License-Identifier: GPL-3.0-or-later
"""Features know their own time: at every frame rate, over ten minutes, at both ends, across spans."""

import shutil
import subprocess
import sys
import threading
from fractions import Fraction

import numpy as np
import pytest

from talksplat.core.audio import moonshine
from talksplat.core.audio.decode import load_sound
from talksplat.core.audio.encoders import ENCODERS
from talksplat.core.audio.features import MARGIN, Features
from talksplat.core.audio.sound import SOUND_RATE, Sound
from talksplat.core.audio.windows import WINDOW_OFFSETS, windows_at
from talksplat.core.formats.user_error import UserError

RATES = [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60)]
SUBFRAMES = 20  # moments in each scene frame, as a shutter takes them


def _noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise that swells four times a second, as syllables do."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    return (0.1 * rng.normal(size=len(t)) * (1.1 + np.sin(2 * np.pi * 4 * t))).astype(np.float32)


def _centre_of_energy(features: Features, frame: int, rate: Fraction, energy) -> float:
    """Seconds at which the features that a shot at `rate` takes have their centre of energy near `frame`."""
    reach = round(Fraction(1, 10) * rate) * SUBFRAMES
    moments = [(frame + Fraction(s, SUBFRAMES)) / rate for s in range(-reach, reach + 1)]
    model_frame = windows_at(features, moments)[:, 4].mean(axis=-1)  # j = 0, both halves
    energies = energy(model_frame.astype(np.float64))  # float32 sums are off by 60 us at ten minutes
    return float((np.array(moments, dtype=np.float64) * energies).sum() / energies.sum())


@pytest.mark.parametrize("rate", RATES, ids=[f"{float(r):.3f}" for r in RATES])
def test_ten_minutes_of_clicks_do_not_drift(studio, rate):
    frames = np.round(np.linspace(3, 597, 200) * float(rate)).astype(int)
    times = [Fraction(int(f)) / rate for f in frames]
    features = ENCODERS["logmel"].encode(Sound(studio.clicks(times, 600.0, SOUND_RATE)))
    errors = [_centre_of_energy(features, int(f), rate, lambda v: np.expm1(10 * v).sum(axis=1)) - float(t)
              for f, t in zip(frames, times)]  # fmt: skip
    assert np.abs(errors).max() < 0.001  # a tenth of a hop
    assert abs(np.polyfit(np.array(times, dtype=np.float64), errors, 1)[0] * 600) < 0.0001


def test_moonshine_places_a_click_where_it_is(studio):
    """The answer to a click (features with it minus features without) is centred on it."""
    rate = RATES[0]
    frames = np.round(np.linspace(1, 29, 15) * float(rate)).astype(int)
    times = np.array([float(int(f) / rate) for f in frames])
    bed = _noise(30.0) * 0.05
    calm = moonshine.Moonshine().encode(Sound(bed))
    struck = moonshine.Moonshine().encode(Sound(bed + studio.clicks(times, 30.0, SOUND_RATE)))
    answer = Features(struck.values - calm.values, calm.times)
    errors = [_centre_of_energy(answer, int(f), rate, lambda v: (v.astype(np.float64) ** 2).sum(axis=1) ** 2) - t
              for f, t in zip(frames, times)]  # fmt: skip
    assert np.abs(errors).max() < moonshine.HOP / SOUND_RATE, errors
    assert abs(np.mean(errors)) < 0.004  # half a model frame is 20 ms, a wrong stem at least 8


def test_moonshine_after_ten_minutes_is_moonshine_at_once():
    """300 spans of silence first: the same values, later by exactly that long."""
    late = 300 * moonshine.STEP * moonshine.HOP
    voice = _noise(2.0)
    now = moonshine.Moonshine().encode(Sound(voice))
    then = moonshine.Moonshine().encode(Sound(np.concatenate([np.zeros(late, np.float32), voice])))
    times = np.arange(0.0, 2.0, 0.04)
    assert np.allclose(windows_at(then, late / SOUND_RATE + times), windows_at(now, times), atol=1e-3)


def test_room_tone_is_silence_and_fades_into_sound():
    """Nobody speaks at -66 dB; -40 dB is encoded as it is; between them no jump."""
    tone = np.random.default_rng(0).normal(size=moonshine.SPAN * moonshine.HOP + moonshine.EXTENT).astype(np.float32)
    silence = moonshine.encode_silence(len(tone))
    assert np.array_equal(moonshine.encode_span(0.0005 * tone), silence)
    assert np.array_equal(moonshine.encode_span(0.01 * tone), moonshine.encode_pass(0.01 * tone))
    away = [np.linalg.norm(moonshine.encode_span(g * tone) - silence) for g in np.geomspace(0.0009, 0.0032, 12)]
    assert away[0] < 0.2 * away[-1]
    assert np.all(np.diff(away) > 0)
    assert np.diff(away).max() < 0.2 * away[-1]


def test_moonshine_frames_are_what_their_samples_say():
    """The stem's arithmetic: HOP more samples, one more frame; EXTENT the least."""
    noise = _noise(1.0)
    assert moonshine.encode_pass(noise[: moonshine.EXTENT]).shape == (1, 288)
    for frames in (2, 5, 17):
        enough = (frames - 1) * moonshine.HOP + moonshine.EXTENT
        assert len(moonshine.encode_pass(noise[:enough])) == frames
        assert len(moonshine.encode_pass(noise[: enough - 1])) == frames - 1


def test_spans_are_blended_by_triangles():
    """A frame by hand: its two spans encoded on their own, blended by the triangle."""
    sound = Sound(_noise(11.3))
    features = moonshine.Moonshine().encode(sound)
    span, step, hop = moonshine.SPAN, moonshine.STEP, moonshine.HOP
    for time in (0.0, 1.992, 4.104, 7.512, 11.28):
        k = int(np.argmin(np.abs(features.times - time)))
        blended, weights = 0.0, []
        for start in range(-step, len(features.times), step):
            i = k - start
            if not 0 <= i < span:
                continue
            first = start * hop - round(MARGIN * SOUND_RATE) - moonshine.CENTRE  # the span's first sample in the sound
            padded = np.zeros((span - 1) * hop + moonshine.EXTENT, dtype=np.float32)
            a, b = max(0, first), min(len(sound.samples), first + len(padded))
            padded[a - first : b - first] = sound.samples[a:b]
            weights.append(min(i + 0.5, span - i - 0.5) / step)
            blended = blended + weights[-1] * moonshine.encode_pass(padded)[i]
        assert len(weights) == 2
        assert np.isclose(sum(weights), 1.0)
        assert np.allclose(features.values[k], blended, atol=2e-4)


@pytest.mark.parametrize("overlap", [1, 20, 42, 83])
def test_spans_of_any_overlap_sum_to_one_and_keep_a_spans_middle(overlap, monkeypatch):
    """And a minute is encoded as often as its overlap says: half a second of four, once and a seventh."""
    encoded = []
    monkeypatch.setattr(moonshine, "encode_span", lambda samples: encoded.append(0) or samples[moonshine.CENTRE :: 384])
    step, count = moonshine.SPAN - overlap, 60 * SOUND_RATE // moonshine.HOP
    ramp = Sound(np.linspace(0, 1, 60 * SOUND_RATE, dtype=np.float32))
    pieces = list(
        moonshine.blended_spans(ramp, count, overlap, lambda values: np.stack([values[:166] ** 0, values[:166]], 1))
    )
    assert max(map(len, pieces)) <= step
    assert len(encoded) == -(-(count + overlap) // step)
    weight, level = np.concatenate(pieces).T
    assert len(weight) == count
    assert np.allclose(weight, 1, atol=1e-6)
    times = (np.arange(count) - round(MARGIN * SOUND_RATE) // moonshine.HOP) * moonshine.HOP
    assert np.allclose(level[10:], np.interp(times, [0, len(ramp.samples)], [0, 1])[10:], atol=1e-5)


def test_whoever_stops_listening_stops_the_threads():
    before = threading.active_count()
    pieces = moonshine.Moonshine().pieces(Sound(_noise(20.0)))
    next(pieces)
    assert threading.active_count() > before
    pieces.close()
    assert threading.active_count() == before


def test_no_seams():
    """Frames where spans begin move no more than the others."""
    values = moonshine.Moonshine().encode(Sound(_noise(30.0))).values
    moved = np.linalg.norm(np.diff(values, axis=0), axis=1)
    seams = np.arange(moonshine.STEP, len(moved), moonshine.STEP)
    assert np.median(moved[seams - 1]) < 1.5 * np.median(moved)
    assert moved[seams - 1].max() <= moved.max()


@pytest.mark.parametrize("name", list(ENCODERS))
def test_what_a_moment_sounds_like_does_not_depend_on_what_is_far_away(name):
    """The same second inside another hour: equal beyond the encoder's reach, whatever surrounds it."""
    middle = _noise(2.0, seed=1)
    lead = round(3 * moonshine.STEP * moonshine.HOP)  # 5.98 s, a whole number of spans and of log-mel hops
    lead -= lead % 1920
    pads = [(_noise(lead / SOUND_RATE, s), _noise(7.0, s + 9)) for s in (2, 3)]
    one, two = (ENCODERS[name].encode(Sound(np.concatenate([a, middle, b]))) for a, b in pads)
    k = np.argmin(np.abs(one.times - lead / SOUND_RATE - 1.0))
    near, spread = np.abs(one.values[k] - two.values[k]).mean(), np.abs(one.values - one.values.mean(0)).mean()
    assert near < (1e-5 if name == "logmel" else 0.6) * spread


@pytest.mark.parametrize("name", list(ENCODERS))
@pytest.mark.parametrize("length", [1, 383, 384, 385, 16000, 70001])
def test_times_cover_the_sound(name, length):
    encoder = ENCODERS[name]
    assert encoder.name == name
    features = encoder.encode(Sound(_noise(5.0)[:length]))
    assert features.values.shape == (len(features.times), encoder.channels)
    assert features.values.dtype == np.float32
    assert np.isfinite(features.values).all()
    assert np.allclose(np.diff(features.times), features.hop, atol=1e-12)
    assert np.isclose(features.times, 0.0, atol=1e-12).sum() == 1
    assert features.times[0] <= -WINDOW_OFFSETS.max()
    assert features.times[-1] >= length / SOUND_RATE + MARGIN - 1e-9


@pytest.mark.parametrize("name", list(ENCODERS))
def test_silence_is_finite_and_still(name):
    features = ENCODERS[name].encode(Sound(np.zeros(5 * SOUND_RATE, dtype=np.float32)))
    assert np.isfinite(features.values).all()
    assert np.abs(features.values - features.values[0]).max() < 1e-3
    if name == "logmel":
        assert not features.values.any()


@pytest.mark.parametrize("name", list(ENCODERS))
def test_file_ends(name):
    """At 0, at the end and far beyond: finite, continuous, and outside the same silence for ever."""
    sound = Sound(_noise(1.3))
    features = ENCODERS[name].encode(sound)
    before, after = windows_at(features, [-100.0, -1.0]), windows_at(features, [2.0, 1e6])
    assert np.array_equal(before[0], before[1])
    assert np.array_equal(after[0], after[1])
    assert np.array_equal(before[0, 0, :, 0], features.values[0])
    assert np.array_equal(after[0, 7, :, 1], features.values[-1])
    ends = windows_at(features, [0.0, sound.duration])
    assert np.isfinite(ends).all()
    assert not np.array_equal(ends[0], before[0])
    assert not np.array_equal(ends[1], after[0])
    fine = windows_at(features, np.arange(-0.5, sound.duration + 0.5, 1e-3))
    steepest = np.abs(np.diff(features.values, axis=0)).max() / features.hop
    assert np.abs(np.diff(fine, axis=0)).max() <= 1.02e-3 * steepest


def test_a_window_is_linear_interpolation():
    rng = np.random.default_rng(0)
    features = Features(rng.normal(size=(50, 3)).astype(np.float32), np.arange(50) * 0.024 - 0.24)
    times = np.concatenate([rng.uniform(-0.5, 1.5, 40), features.times[[0, 7, 49]]])
    windows = windows_at(features, times)
    assert windows.shape == (43, 8, 3, 2)
    assert windows.flags.c_contiguous
    for m, t in enumerate(times):
        for j in range(-4, 4):
            for h, half in enumerate((-0.01, 0.01)):
                expected = [np.interp(t + j / 25 + half, features.times, features.values[:, c]) for c in range(3)]
                assert np.allclose(windows[m, j + 4, :, h], expected, atol=2e-5)


def test_fractions_and_floats_are_the_same_moment():
    features = ENCODERS["logmel"].encode(Sound(_noise(2.0)))
    frames = [Fraction(n * 1001, 24000) for n in range(20)]
    assert np.array_equal(windows_at(features, frames), windows_at(features, np.array(frames, dtype=np.float64)))


def test_a_missing_or_damaged_model_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"cannot be read.*reinstall"):
        moonshine.load_session(tmp_path / "none.ort")
    shutil.copy(moonshine.MODEL, tmp_path / "cut.ort")
    with open(tmp_path / "cut.ort", "r+b") as file:
        file.truncate(1_000_000)
    with pytest.raises(UserError, match=r"damaged.*reinstall"):
        moonshine.load_session(tmp_path / "cut.ort")


def test_logmel_does_not_depend_on_its_blocks(monkeypatch):
    from talksplat.core.audio import logmel

    sound = Sound(_noise(3.0))
    whole = ENCODERS["logmel"].encode(sound).values
    monkeypatch.setattr(logmel, "BLOCK", 37)
    assert np.allclose(ENCODERS["logmel"].encode(sound).values, whole, atol=1e-6)


@pytest.mark.shared_data
def test_real_speech_alone_and_inside_a_long_file_sounds_alike(shared_data):
    """What the spans are for: three seconds of a long recording give like features when cut out."""
    sound = load_sound(shared_data / "audio" / "two_cities.wav")
    start = 5 * moonshine.STEP * moonshine.HOP
    alone = moonshine.Moonshine().encode(Sound(sound.samples[start : start + 3 * SOUND_RATE].copy()))
    inside = moonshine.Moonshine().encode(Sound(sound.samples[: start + 15 * SOUND_RATE].copy()))
    a = windows_at(alone, np.arange(0.4, 2.6, 0.04))
    b = windows_at(inside, start / SOUND_RATE + np.arange(0.4, 2.6, 0.04))
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.9


def test_the_encoders_libraries_are_imported_only_when_one_is_used():
    code = (
        "import sys, talksplat.core.audio as audio\n"
        "loaded = {'librosa', 'onnxruntime', 'numba', 'scipy'} & set(sys.modules)\n"
        "assert audio.ENCODERS and not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
