# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of every kind: the click is where it was put, and what is no sound is an error of one sentence."""

import struct
import wave

import numpy as np
import pytest

from talksplat.core.audio.decode import load_sound, load_soundtrack
from talksplat.core.audio.downmix import mix_weights
from talksplat.core.audio.sound import Sound, write_wav
from talksplat.core.formats.user_error import UserError

TIMES = (0.5, 1.0, 2.25, 2.9)
KINDS = [  # name, rate, codec, layout, pictures a second, seconds the sound starts after the film
    ("stereo.wav", 44100, "pcm_s16le", "stereo", None, 0.0),
    ("studio.wav", 96000, "pcm_s24le", "mono", None, 0.0),
    ("phone.wav", 8000, "pcm_u8", "mono", None, 0.0),
    ("surround.wav", 48000, "pcm_s16le", "5.1", None, 0.0),
    ("lame.mp3", 44100, "libmp3lame", "stereo", None, 0.0),
    ("voice.m4a", 44100, "aac", "stereo", None, 0.0),
    ("voice.flac", 48000, "flac", "mono", None, 0.0),
    ("voice.opus", 48000, "libopus", "stereo", None, 0.0),
    ("film.mp4", 48000, "aac", "5.1", "25", 0.0),
    ("late.mp4", 48000, "aac", "stereo", "30000/1001", 0.5),
    ("late.mkv", 48000, "libopus", "stereo", "24", 0.25),
    ("late.mov", 48000, "pcm_s16le", "stereo", "24", 1.0),
    ("late.mpg", 44100, "mp2", "stereo", "25", 0.2),
    ("late.ts", 48000, "aac", "stereo", "25", 0.3),
    ("film.webm", 48000, "libopus", "mono", "24", 0.0),
]


@pytest.mark.parametrize("kind", KINDS, ids=[k[0] for k in KINDS])
def test_clicks_stay_where_they_are(studio, tmp_path, kind):
    name, rate, codec, layout, pictures, delay = kind
    count = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    channels = np.repeat(studio.clicks(TIMES, 3.0, rate)[None], count, axis=0)
    sound = load_sound(studio.write_media(tmp_path / name, channels, rate, codec, layout, pictures, delay))
    assert sound.samples.dtype == np.float32
    assert sound.rate == 16000
    assert 0.6 < np.abs(sound.samples).max() <= 1.0
    assert abs(sound.duration - 3.0 - delay) < 0.06
    errors = [studio.click_time(sound.samples, t + delay) - t - delay for t in TIMES]
    assert np.abs(errors).max() <= 0.00101, errors


@pytest.mark.parametrize("name", ["long.wav", "long.m4a"])
def test_ten_minutes_do_not_drift(studio, tmp_path, name):
    times = np.linspace(1.0, 599.0, 25)
    codec = {"wav": "pcm_s16le", "m4a": "aac"}[name[-3:]]
    channels = np.repeat(studio.clicks(times, 600.0, 44100)[None], 2, axis=0)
    file = studio.write_media(tmp_path / name, channels, 44100, codec, "stereo")
    samples = load_sound(file).samples
    errors = [studio.click_time(samples, t) - t for t in times]
    assert np.abs(errors).max() < 0.001
    assert abs(np.polyfit(times, errors, 1)[0] * 600) < 0.0001


def test_downmix():
    assert mix_weights(["FC"], 1) == [[1.0]]
    assert np.allclose(mix_weights(["FL", "FR"], 1), 0.5)
    assert np.allclose(mix_weights(["FL", "FR"], 2), np.eye(2))
    assert np.allclose(mix_weights(["FC"], 2), 1.0)
    surround = ["FL", "FR", "FC", "LFE", "BL", "BR"]
    (mono,), (left, right) = mix_weights(surround, 1), mix_weights(surround, 2)
    for row in (mono, left, right):
        assert row[3] == 0
        assert np.isclose(row.sum(), 1)
    assert np.isclose(mono[4] / mono[2], 0.5)
    assert np.isclose(mono[0] / mono[2], 0.5**0.5)
    assert left[1] == left[5] == right[0] == right[4] == 0
    assert np.allclose(mix_weights(["NONE"] * 5, 2), 0.2)


def test_a_soundtrack_is_the_same_sound_in_full(studio, tmp_path):
    """Both channels, 48 kHz, the same timeline and hash as the encoders get."""
    channels = np.stack([studio.clicks([0.5], 1.0, 44100), studio.clicks([0.8], 1.0, 44100)])
    file = studio.write_media(tmp_path / "late.mov", channels, 44100, "pcm_s16le", "stereo", "25", 0.4)
    samples, rate, content_hash = load_soundtrack(file)
    assert samples.shape == (rate * 14 // 10, 2)
    for side, time in ((0, 0.9), (1, 1.2)):
        assert abs(studio.click_time(samples[:, side], time, rate=rate) - time) < 0.0005
    assert content_hash == load_sound(file).content_hash


def test_the_centre_channel_is_kept_and_rumble_is_not(studio, tmp_path):
    channels = np.zeros((6, 48000), dtype=np.float32)
    channels[2] = studio.clicks([0.4], 1.0, 48000)
    channels[3] = studio.clicks([0.8], 1.0, 48000)
    samples = load_sound(studio.write_media(tmp_path / "film.wav", channels, 48000, "pcm_s16le", "5.1")).samples
    assert abs(studio.click_time(samples, 0.4) - 0.4) < 0.001
    assert np.abs(samples[round(0.7 * 16000) :]).max() < 1e-3


def test_eight_planar_channels(studio, tmp_path):
    """7.1 Opus decodes to eight planes; PyAV's own array of those ends the process."""
    import av

    path = tmp_path / "cinema.opus"
    with av.open(str(path), "w") as out:
        voice = out.add_stream("libopus", rate=48000, layout="7.1")
        tone = np.repeat(studio.clicks([0.5], 1.0, 48000)[:, None], 8, axis=1)
        for a in range(0, 48000, 960):
            codes = np.rint(tone[a : a + 960] * 32767).astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(codes, format="s16", layout="7.1")
            frame.sample_rate, frame.pts = 48000, a
            out.mux(voice.encode(frame))
        out.mux(voice.encode())
    assert abs(studio.click_time(load_sound(path).samples, 0.5) - 0.5) < 0.001


def test_a_hole_in_a_recording_stays_a_hole(studio, tmp_path):
    """Packets lost between 1 s and 2 s of a film: what follows stays with the picture."""
    import av

    voice = studio.clicks([0.5, 2.5], 3.0, 48000)[None]
    whole = studio.write_media(tmp_path / "whole.mkv", voice, 48000, "libopus", "mono", "25")
    with av.open(str(whole)) as film, av.open(str(tmp_path / "hole.mkv"), "w") as out:
        copy = {s.index: out.add_stream_from_template(s) for s in film.streams}
        for packet in film.demux():
            lost = packet.stream.type == "audio" and packet.pts is not None and 1 < packet.pts * packet.time_base < 2
            if packet.dts is not None and not lost:
                packet.stream = copy[packet.stream.index]
                out.mux(packet)
    sound = load_sound(tmp_path / "hole.mkv")
    assert abs(studio.click_time(sound.samples, 2.5) - 2.5) < 0.002
    assert np.abs(sound.samples[round(1.2 * 16000) : round(1.9 * 16000)]).max() < 0.01


def test_silence_is_sound(studio, tmp_path):
    sound = load_sound(studio.write_media(tmp_path / "calm.wav", np.zeros((1, 22050), np.float32), 22050, "pcm_s16le"))
    assert sound.duration == 1.0
    assert not sound.samples.any()


def test_hash_is_the_file_and_survives_a_copy(studio, tmp_path):
    first = studio.write_media(tmp_path / "a.wav", studio.clicks([0.5], 1.0, 44100)[None], 44100, "pcm_s16le")
    second = tmp_path / "b.wav"
    second.write_bytes(first.read_bytes())
    assert load_sound(first).content_hash == load_sound(second).content_hash
    made = Sound(studio.clicks([0.5], 1.0, 16000))
    assert made.content_hash == Sound(made.samples.copy()).content_hash != Sound(made.samples * 0.5).content_hash


def test_written_wav_comes_back(tmp_path):
    sound = Sound(np.random.default_rng(0).uniform(-1, 1, 5000).astype(np.float32))
    write_wav(tmp_path / "out.wav", sound)
    back = load_sound(tmp_path / "out.wav").samples
    assert len(back) == 5000
    assert np.abs(back - sound.samples).max() <= 1 / 32768
    assert [f.name for f in tmp_path.iterdir()] == ["out.wav"]


def _wav(data: bytes, rate: int, kind: int, bits: int, stated: int | None = None) -> bytes:
    size = len(data) if stated is None else stated
    head = struct.pack("<IHHIIHH", 16, kind, 1, rate, rate * bits // 8, bits // 8, bits)
    return b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + head + b"data" + struct.pack("<I", size) + data


def _scratch(file, packets):
    """Overwrite some of the sound's packets; the container stays whole."""
    import av

    with av.open(str(file)) as container:
        spots = [(p.pos, p.size) for p in container.demux(audio=0) if p.size]
    data = bytearray(file.read_bytes())
    for k in packets:
        place, size = spots[k]
        data[place : place + size] = b"\xff" * size
    file.write_bytes(data)


def test_a_few_damaged_packets_are_a_short_hole(studio, tmp_path):
    voice = np.repeat(studio.clicks([0.5, 1.5], 2.0, 44100)[None], 2, axis=0)
    file = studio.write_media(tmp_path / "voice.mp4", voice, 44100, "aac", "stereo")
    _scratch(file, [40, 41])  # near 0.95 s
    samples = load_sound(file).samples
    for time in (0.5, 1.5):
        assert abs(studio.click_time(samples, time) - time) <= 0.001


def _hostile(studio, folder):
    voice = np.repeat(studio.clicks([0.5, 1.5], 2.0, 44100)[None], 2, axis=0)
    for name, codec in (("cut.wav", "pcm_s16le"), ("cut.m4a", "aac"), ("cut.flac", "flac"), ("cut.mka", "libopus")):
        file = studio.write_media(folder / name, voice, 48000 if codec == "libopus" else 44100, codec, "stereo")
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    quick = studio.write_media(folder / "quick.mp4", voice, 44100, "aac", "stereo", options={"movflags": "faststart"})
    quick.write_bytes(quick.read_bytes()[: quick.stat().st_size // 2])
    studio.write_media(folder / "mute.mp4", voice, 44100, None, picture_fps="25")
    (folder / "text.wav").write_text("this is not sound\n" * 100)
    (folder / "nothing.mp3").write_bytes(b"")
    (folder / "noise.mp4").write_bytes(np.random.default_rng(1).bytes(20000))
    (folder / "numbers.wav").write_bytes(_wav(np.full(8000, np.nan, np.float32).tobytes(), 16000, 3, 32))
    (folder / "claims.wav").write_bytes(_wav(bytes(2000), 16000, 1, 16, stated=0x70000000))
    (folder / "norate.wav").write_bytes(_wav(bytes(2000), 0, 1, 16))
    (folder / "folder.wav").mkdir()
    write_wav(folder / "neighbour.wav", Sound(studio.clicks([0.5], 1.0, 16000)))
    (folder / "playlist.wav").write_text("ffconcat version 1.0\nfile neighbour.wav\n")
    _scratch(studio.write_media(folder / "scratched.mp4", voice, 44100, "aac", "stereo"), range(5, 80, 3))
    with wave.open(str(folder / "empty.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(44100)


HOSTILE = ["cut.wav", "cut.m4a", "cut.flac", "cut.mka", "quick.mp4", "mute.mp4", "text.wav", "nothing.mp3", "noise.mp4",
           "numbers.wav", "claims.wav", "norate.wav", "folder.wav", "empty.wav", "playlist.wav", "scratched.mp4",
           "missing.wav"]  # fmt: skip


@pytest.fixture(scope="module")
def hostile(studio, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    _hostile(studio, folder)
    return folder


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_sound_is_a_one_sentence_error(hostile, name):
    with pytest.raises(UserError) as error:
        load_sound(hostile / name)
    said = str(error.value)
    assert name in said
    assert said.endswith(".")
    assert "\n" not in said


def test_a_sound_of_hours_is_an_error(studio, tmp_path, monkeypatch):
    from talksplat.core.audio import decode

    monkeypatch.setattr(decode, "LONGEST", 1)
    with pytest.raises(UserError, match="longer than"):
        load_sound(studio.write_media(tmp_path / "long.wav", np.zeros((1, 16000 * 2), np.float32), 16000, "pcm_s16le"))


def test_a_time_stamp_far_away_does_not_fill_the_memory(studio, tmp_path):
    """A sound that claims to start in eleven days."""
    voice = studio.clicks([0.5], 1.0, 48000)[None]
    with pytest.raises(UserError, match="longer than"):
        load_sound(studio.write_media(tmp_path / "far.mkv", voice, 48000, "libopus", "mono", "25", delay=1e6))


@pytest.mark.shared_data
def test_real_clips(shared_data):
    for file in sorted((shared_data / "grid_s1_train").glob("*.mpg"))[:3]:
        sound = load_sound(file)
        assert abs(sound.duration - 2.98) < 0.05
        assert np.abs(sound.samples).max() > 0.05
